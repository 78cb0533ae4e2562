//! Sets of characters.

use regex_syntax::hir::{Class, HirKind};

/// A set of characters.
#[derive(Debug, Clone)]
pub(super) struct Set {
    /// A bit for each character of ASCII.
    ascii: u128,
    /// Ranges of characters beyond, in order.
    ranges: Box<[(char, char)]>,
}

impl Set {
    /// Returns the characters that `regex` matches, which is a class or a character in the syntax
    /// of `regex_syntax`.
    ///
    /// # Errors
    /// When it is none.
    pub fn new(regex: &str) -> Result<Set, String> {
        let hir = regex_syntax::parse(regex).map_err(|error| error.to_string())?;
        let ranges: Vec<(char, char)> = match hir.kind() {
            HirKind::Class(Class::Unicode(class)) => {
                class.iter().map(|range| (range.start(), range.end())).collect()
            }
            HirKind::Literal(literal) => {
                let text = std::str::from_utf8(&literal.0).map_err(|error| error.to_string())?;
                text.chars().map(|c| (c, c)).collect()
            }
            // Nothing is in it, such as in `[a&&b]`.
            HirKind::Class(Class::Bytes(class)) if class.ranges().is_empty() => vec![],
            _ => return Err(format!("{regex} is not a class of characters")),
        };
        let is_in = |c: char| ranges.iter().any(|&(first, last)| (first..=last).contains(&c));
        let ascii =
            (0..128u8).filter(|&byte| is_in(byte.into())).fold(0, |set, byte| set | 1 << byte);
        let ranges = ranges.into_iter().filter(|&(_, last)| !last.is_ascii()).collect();
        Ok(Set { ascii, ranges })
    }

    /// Returns the length of the character at `at`, if there is one that is in the set.
    #[inline]
    pub fn len_at(&self, text: &str, at: usize) -> Option<usize> {
        let byte = *text.as_bytes().get(at)?;
        if byte < 128 {
            return (self.ascii >> byte & 1 != 0).then_some(1);
        }
        let c = text[at..].chars().next()?;
        let place = self.ranges.partition_point(|&(_, last)| last < c);
        self.ranges.get(place).is_some_and(|&(first, _)| first <= c).then(|| c.len_utf8())
    }
}
