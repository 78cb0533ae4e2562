//! Finding the strings of a set in a text.

use std::ops::Range;

use aho_corasick::{AhoCorasick, Anchored, Input, Match, MatchKind, StartKind};
use memchr::memmem;

/// A special token found in a text: `text[start..end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialMatch {
    /// Its first byte.
    pub start: usize,
    /// The byte behind its last one.
    pub end: usize,
    /// Its id.
    pub id: u32,
}

/// The most bytes of strings that an automaton is made of, which takes some twenty times as many.
const MOST_BYTES: usize = 1 << 22;

/// Finds strings: at the first position where some begin, the longest of them.
#[derive(Debug, Clone)]
pub(super) struct Finder {
    kind: Kind,
    /// The ids of the strings, in their order.
    ids: Vec<u32>,
    /// `begins[b]` is `true` if a string begins with the byte `b`.
    begins: Box<[bool; 256]>,
    /// The length of the longest string, 0 if there is none.
    pub(super) max_len: usize,
}

#[derive(Debug, Clone)]
enum Kind {
    Nothing,
    One(memmem::Finder<'static>),
    /// An automaton, which takes time for each byte of the text and not for each string (A. Aho and
    /// M. Corasick, *Efficient String Matching*, 1975).
    Many {
        automaton: AhoCorasick,
        /// Finds what all strings begin with, if that is more than a byte: faster than the
        /// automaton, which then runs only there.
        prefix: Option<memmem::Finder<'static>>,
    },
    /// Strings whose automaton would take too much memory.
    Large(Vec<memmem::Finder<'static>>),
}

impl Finder {
    /// Makes a finder of strings, none of which is empty. Of equal ones the first counts.
    pub(super) fn new<'s>(strings: impl Iterator<Item = (&'s [u8], u32)>) -> Finder {
        let (strings, ids): (Vec<&[u8]>, Vec<u32>) = strings.unzip();
        let mut begins = Box::new([false; 256]);
        strings.iter().for_each(|string| begins[string[0] as usize] = true);
        let finder = |string: &&[u8]| memmem::Finder::new(string).into_owned();
        let automaton = || {
            let is_small = strings.iter().map(|string| string.len()).sum::<usize>() <= MOST_BYTES;
            let mut builder = AhoCorasick::builder();
            builder.match_kind(MatchKind::LeftmostLongest).start_kind(StartKind::Both);
            is_small.then(|| builder.build(&strings).ok())?
        };
        let kind = match &strings[..] {
            [] => Kind::Nothing,
            [string] => Kind::One(finder(string)),
            _ => match automaton() {
                Some(automaton) => Kind::Many { automaton, prefix: prefix_of(&strings) },
                None => Kind::Large(strings.iter().map(finder).collect()),
            },
        };
        let max_len = strings.iter().map(|string| string.len()).max().unwrap_or(0);
        Finder { kind, ids, begins, max_len }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Finds the first string in `text[range]`, the longest one there.
    pub(super) fn find(&self, text: &[u8], range: Range<usize>) -> Option<SpecialMatch> {
        let (start, end, index) = match &self.kind {
            Kind::Nothing => return None,
            Kind::One(finder) => {
                let start = range.start + finder.find(&text[range])?;
                (start, start + finder.needle().len(), 0)
            }
            Kind::Many { automaton, prefix } => {
                let found = match prefix {
                    None => automaton.find(Input::new(text).range(range)),
                    Some(prefix) => self.find_behind(prefix, automaton, text, range),
                }?;
                (found.start(), found.end(), found.pattern().as_usize())
            }
            Kind::Large(finders) => {
                let found = finders.iter().enumerate().filter_map(|(index, finder)| {
                    let start = range.start + finder.find(&text[range.clone()])?;
                    Some((start, start + finder.needle().len(), index))
                });
                found.min_by_key(|&(start, end, index)| (start, usize::MAX - end, index))?
            }
        };
        Some(SpecialMatch { start, end, id: self.ids[index] })
    }

    /// Finds the first string that begins behind what all begin with.
    fn find_behind(
        &self,
        prefix: &memmem::Finder,
        automaton: &AhoCorasick,
        text: &[u8],
        range: Range<usize>,
    ) -> Option<Match> {
        // Windows of this length overlap by a string, so no byte is read many times.
        let window = 4 * self.max_len;
        let mut at = range.start;
        loop {
            at += prefix.find(&text[at..range.end])?;
            let end = range.end.min(at + window + self.max_len);
            let found = automaton.find(Input::new(text).range(at..end));
            // One that begins behind the window may be cut off at its end.
            if found.is_some_and(|found| found.start() < at + window) {
                return found;
            }
            at = range.end.min(at + window);
        }
    }

    /// Returns `true` if a string of the set begins with this byte.
    pub(super) fn begins_with(&self, byte: u8) -> bool {
        self.begins[byte as usize]
    }

    /// Returns the end of the longest string that begins at `start`.
    pub(super) fn longest_at(&self, text: &[u8], start: usize) -> Option<usize> {
        let range = start..text.len().min(start + self.max_len);
        match &self.kind {
            Kind::Many { automaton, .. } => {
                let input = Input::new(text).range(range).anchored(Anchored::Yes);
                automaton.find(input).map(|found| found.end())
            }
            Kind::Nothing => None,
            Kind::One(finder) => longest_of([finder], &text[range], start),
            Kind::Large(finders) => longest_of(finders, &text[range], start),
        }
    }
}

/// Returns a finder of what all strings begin with, unless it is less than two bytes.
fn prefix_of(strings: &[&[u8]]) -> Option<memmem::Finder<'static>> {
    let common = strings.iter().copied().reduce(|common, string| {
        let same = common.iter().zip(string).take_while(|(a, b)| a == b).count();
        &common[..same]
    })?;
    (common.len() >= 2).then(|| memmem::Finder::new(common).into_owned())
}

fn longest_of<'f>(
    finders: impl IntoIterator<Item = &'f memmem::Finder<'static>>,
    text: &[u8],
    start: usize,
) -> Option<usize> {
    let needles = finders.into_iter().map(|finder| finder.needle());
    needles.filter(|needle| text.starts_with(needle)).map(|needle| start + needle.len()).max()
}
