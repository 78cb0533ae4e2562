//! A filter that ends a text where a stop string appears. A stop string may arrive in pieces, so
//! text that could be the beginning of one is held back until the following text decides.

/// A search for stop strings in text that arrives in pieces.
#[derive(Debug, Clone)]
pub struct StopFilter<'a> {
    stops: &'a [String],
    /// Text that could be the beginning of a stop string.
    held: String,
}

/// The result of filtering a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filtered {
    /// Text that belongs to no stop string.
    pub text: String,
    /// `true` if a stop string has appeared; it follows `text`.
    pub stopped: bool,
}

impl<'a> StopFilter<'a> {
    /// Creates a filter for these strings; empty ones are ignored.
    pub fn new(stops: &'a [String]) -> StopFilter<'a> {
        StopFilter { stops, held: String::new() }
    }

    fn stops(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.stops.iter().map(String::as_str).filter(|stop| !stop.is_empty())
    }

    /// Filters the next piece.
    pub fn push(&mut self, piece: &str) -> Filtered {
        self.held.push_str(piece);
        // The stop string that ends first, and of those the longest: the result that single
        // characters would give.
        let found = self
            .stops()
            .filter_map(|stop| self.held.find(stop).map(|start| (start + stop.len(), start)));
        if let Some((_, start)) = found.min() {
            let text = self.held[..start].to_string();
            self.held.clear();
            return Filtered { text, stopped: true };
        }
        let could_begin =
            |start: usize| self.stops().any(|stop| stop.starts_with(&self.held[start..]));
        let mut starts = self.held.char_indices().map(|(start, _)| start);
        let known = starts.find(|&start| could_begin(start)).unwrap_or(self.held.len());
        Filtered { text: self.held.drain(..known).collect(), stopped: false }
    }

    /// Returns the text held back at the end.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(stops: &[String], pieces: &[&str]) -> (String, bool) {
        let mut filter = StopFilter::new(stops);
        let mut text = String::new();
        for piece in pieces {
            let filtered = filter.push(piece);
            text += &filtered.text;
            if filtered.stopped {
                return (text, true);
            }
        }
        (text + &filter.finish(), false)
    }

    fn stops(stops: &[&str]) -> Vec<String> {
        stops.iter().map(|stop| (*stop).to_string()).collect()
    }

    #[test]
    fn a_stop_string_in_pieces_is_found_and_not_shown() {
        let end = stops(&["The End"]);
        assert_eq!(run(&end, &["and then. T", "he", " E", "nd!"]), ("and then. ".into(), true));
        assert_eq!(run(&end, &["The T", "he Eve"]), ("The The Eve".into(), false));
        assert_eq!(run(&stops(&["b", "abc"]), &["xabc"]), ("xa".into(), true));
    }

    #[test]
    fn text_comes_out_as_soon_as_it_is_known() {
        let end = stops(&["né"]);
        let mut filter = StopFilter::new(&end);
        assert_eq!(filter.push("an").text, "a");
        assert_eq!(filter.push("xn").text, "nx");
        assert!(filter.push("é").stopped);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(
            text in "[abé]{0,20}", cuts in prop::collection::vec(0usize..20, 0..5),
            end in prop::collection::vec("[abé]{0,3}", 0..3),
        ) {
            let mut cuts: Vec<usize> =
                cuts.into_iter().filter(|&cut| text.is_char_boundary(cut)).collect();
            cuts.sort_unstable();
            cuts.push(text.len());
            let mut start = 0;
            let pieces: Vec<&str> =
                cuts.iter().map(|&cut| &text[std::mem::replace(&mut start, cut)..cut]).collect();
            let (out, stopped) = run(&end, &pieces);
            // The longest of the stop strings that end there.
            let ending_at = |at: usize| {
                let stops = end.iter().filter(|stop| !stop.is_empty());
                stops.filter(|stop| text[..at].ends_with(stop.as_str())).map(String::len).max()
            };
            let mut ends = (0..=text.len()).filter(|&at| text.is_char_boundary(at));
            let expected = match ends.find_map(|at| Some(at - ending_at(at)?)) {
                Some(start) => (text[..start].to_string(), true),
                None => (text.clone(), false),
            };
            prop_assert_eq!((out, stopped), expected);
        }
    }
}
