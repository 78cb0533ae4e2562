//! Special tokens: strings that are always one token, never split and never merged. They are found
//! before a text is split into pre-tokens.
//!
//! A text is searched from the left. At the first position where special tokens begin, the longest
//! of them is taken, and the search goes on behind it.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use foldhash::fast::RandomState;
use memchr::memmem::Finder;

/// The special token between two texts, in the spelling of GPT-2 and most later models.
pub const END_OF_TEXT: &str = "<|endoftext|>";

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

/// A stretch of text between special tokens, or a special token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A range of text without special tokens, never empty.
    Text(Range<usize>),
    /// A special token.
    Special(SpecialMatch),
}

/// Finds special tokens.
#[derive(Debug, Clone)]
pub struct SpecialTokens {
    ids: HashMap<Vec<u8>, u32, RandomState>,
    /// The lengths that occur, the longest first.
    lengths: Vec<usize>,
    /// Finds the common prefix of all special tokens, if they have one.
    prefix: Option<Finder<'static>>,
    /// `begins[b]` is `true` if a special token begins with the byte `b`.
    begins: Box<[bool; 256]>,
}

impl SpecialTokens {
    /// Makes a finder of these tokens. Leaves out empty strings; of two equal ones the first
    /// counts.
    pub fn new(specials: &[(String, u32)]) -> SpecialTokens {
        let specials = || specials.iter().filter(|(text, _)| !text.is_empty());
        let texts = || specials().map(|(text, _)| text.as_bytes());
        // Of equal keys the last one stays, so the first token comes last.
        let ids = specials().rev().map(|(text, id)| (text.as_bytes().to_vec(), *id)).collect();
        let lengths: BTreeSet<usize> = texts().map(<[u8]>::len).collect();
        let mut begins = Box::new([false; 256]);
        texts().for_each(|text| begins[text[0] as usize] = true);
        let common = texts().reduce(|common, text| {
            let same = common.iter().zip(text).take_while(|(a, b)| a == b).count();
            &common[..same]
        });
        let prefix = common.filter(|common| !common.is_empty());
        let prefix = prefix.map(|prefix| Finder::new(prefix).into_owned());
        SpecialTokens { ids, lengths: lengths.into_iter().rev().collect(), prefix, begins }
    }

    /// The length in bytes of the longest special token, 0 when there are none.
    pub fn max_len(&self) -> usize {
        self.lengths.first().copied().unwrap_or(0)
    }

    /// Returns the id of the special token `text`, or `None` if it is not one.
    pub(crate) fn id_of(&self, text: &[u8]) -> Option<u32> {
        // Few texts have the length of a special token, and the others need no hash.
        self.lengths.contains(&text.len()).then(|| self.ids.get(text).copied())?
    }

    /// Finds the first special token that begins at `from` or later, the longest one there.
    pub fn find(&self, text: &[u8], from: usize) -> Option<SpecialMatch> {
        let mut at = from;
        loop {
            at += self.candidate(text.get(at..)?)?;
            if let Some(found) = self.longest_at(text, at) {
                return Some(found);
            }
            at += 1;
        }
    }

    /// Iterates over the special tokens of a text and the texts between them, in order.
    pub fn segments(&self, text: &[u8]) -> impl Iterator<Item = Segment> {
        let mut at = 0;
        let mut next = self.find(text, 0);
        std::iter::from_fn(move || {
            let end = next.map_or(text.len(), |found| found.start);
            if at < end {
                let start = std::mem::replace(&mut at, end);
                return Some(Segment::Text(start..end));
            }
            let found = next?;
            at = found.end;
            next = self.find(text, at);
            Some(Segment::Special(found))
        })
    }

    /// Returns `true` if no special token in `text`, found by [`SpecialTokens::find`] or not,
    /// begins before `at` and ends behind it.
    ///
    /// Reads at most `effort` bytes, and subtracts those that it read. Returns `false` if they are
    /// too few to decide.
    pub(crate) fn is_clean(&self, text: &[u8], at: usize, effort: &mut usize) -> bool {
        let first = at.saturating_sub(self.max_len().saturating_sub(1));
        let mut may_look_at = |bytes: usize| {
            let left = effort.checked_sub(bytes);
            *effort = left.unwrap_or(0);
            left.is_some()
        };
        may_look_at(at - first)
            && (first..at).all(|start| {
                !self.begins[text[start] as usize]
                    || self.lengths.iter().filter(|&len| start + len > at).all(|&len| {
                        let Some(bytes) = text.get(start..start + len) else { return true };
                        may_look_at(len) && !self.ids.contains_key(bytes)
                    })
            })
    }

    /// Finds the longest special token that begins at `at`.
    fn longest_at(&self, text: &[u8], at: usize) -> Option<SpecialMatch> {
        self.lengths.iter().find_map(|&len| {
            let id = *self.ids.get(text.get(at..at + len)?)?;
            Some(SpecialMatch { start: at, end: at + len, id })
        })
    }

    /// Returns the first position in `text` where a special token may begin.
    fn candidate(&self, text: &[u8]) -> Option<usize> {
        match &self.prefix {
            Some(prefix) => prefix.find(text),
            None if self.ids.is_empty() => None,
            None => text.iter().position(|&byte| self.begins[byte as usize]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(texts: &[&str]) -> SpecialTokens {
        let specials: Vec<_> =
            texts.iter().zip(0..).map(|(text, id)| ((*text).to_string(), id)).collect();
        SpecialTokens::new(&specials)
    }

    #[test]
    fn the_longest_is_taken() {
        let specials = tokens(&["<a>", "<a><a>"]);
        let segments: Vec<_> = specials.segments(b"x<a><a><a>y").collect();
        use Segment::{Special, Text};
        let found = |start, end, id| Special(SpecialMatch { start, end, id });
        assert_eq!(segments, [Text(0..1), found(1, 7, 1), found(7, 10, 0), Text(10..11)]);
        assert_eq!(
            [&b"<a>"[..], b"<a><a>", b"<b>", b""].map(|text| specials.id_of(text)),
            [Some(0), Some(1), None, None]
        );
    }

    #[test]
    fn without_tokens_all_is_text() {
        let specials = tokens(&["", ""]);
        assert_eq!(specials.max_len(), 0);
        assert_eq!(specials.segments(b"abc").collect::<Vec<_>>(), [Segment::Text(0..3)]);
        assert_eq!(specials.segments(b"").count(), 0);
        assert!(specials.is_clean(b"abc", 2, &mut 0));
    }

    #[test]
    fn a_position_inside_a_token_is_not_clean() {
        let specials = tokens(&["<||>"]);
        let is_clean = |at| specials.is_clean(b"a<||>bc", at, &mut 100);
        assert_eq!(
            [0, 1, 2, 3, 4, 5, 6, 7].map(is_clean),
            [true, true, false, false, false, true, true, true]
        );
        let mut effort = 9;
        let is_clean = |effort: &mut usize| specials.is_clean(b"<|||", 2, effort);
        assert_eq!([is_clean(&mut effort), is_clean(&mut effort)], [true, false]);
    }

    /// The definition, word for word.
    fn naive(texts: &[String], text: &[u8], from: usize) -> Option<SpecialMatch> {
        (from..text.len()).find_map(|start| {
            let longest = texts
                .iter()
                .enumerate()
                .filter(|(_, t)| !t.is_empty() && text[start..].starts_with(t.as_bytes()))
                .max_by_key(|(index, t)| (t.len(), std::cmp::Reverse(*index)));
            longest.map(|(index, t)| SpecialMatch { start, end: start + t.len(), id: index as u32 })
        })
    }

    proptest! {
        #[test]
        fn finds_what_the_definition_finds(
            texts in prop::collection::vec("[ab]{0,4}", 0..4),
            prefix in "[c]{0,2}",
            text in "[abc]{0,40}",
            from in 0usize..42,
        ) {
            let texts: Vec<String> =
                texts.into_iter().map(|text| format!("{prefix}{text}")).collect();
            let specials: Vec<_> = texts.iter().cloned().zip(0..).collect();
            let found = SpecialTokens::new(&specials).find(text.as_bytes(), from);
            prop_assert_eq!(found, naive(&texts, text.as_bytes(), from));
        }
    }
}
