//! Special tokens: strings that are always one token, never split and never merged. They are found
//! before a text is split into pre-tokens.
//!
//! A text is searched from the left. At the first position where special tokens begin, the longest
//! of them is taken, and the search goes on behind it. Those that wait for the normalizer (the flag
//! `normalized` of Hugging Face's added tokens) are searched for afterwards, in the text that is
//! left between the others.

mod finder;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use foldhash::fast::RandomState;

use crate::pretokenize::normalizer::Normalizer;
use finder::Finder;

pub use finder::SpecialMatch;

/// The special token between two texts, in the spelling of GPT-2 and most later models.
pub const END_OF_TEXT: &str = "<|endoftext|>";

/// A stretch of text between special tokens, or a special token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// A range of text without special tokens, never empty.
    Text(Range<usize>),
    /// A special token.
    Special(SpecialMatch),
}

/// Flags of a special token, as Hugging Face's files have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialFlags {
    /// `true` if it stands for something else than its text, which decoding may leave out.
    pub special: bool,
    /// `true` if it is found in normalized text, after the others.
    pub normalized: bool,
}

impl Default for SpecialFlags {
    fn default() -> SpecialFlags {
        SpecialFlags { special: true, normalized: false }
    }
}

/// The flags of special tokens by id, but for those that have the usual ones.
pub type UnusualFlags = BTreeMap<u32, SpecialFlags>;

/// Finds special tokens.
///
/// ```
/// use bpe::{Segment, SpecialTokens};
///
/// let specials = SpecialTokens::new(&[("<|end|>".to_string(), 256)]);
/// let segments: Vec<Segment> = specials.segments(b"one<|end|>two").collect();
/// assert_eq!(segments[0], Segment::Text(0..3));
/// assert_eq!(segments[2], Segment::Text(10..13));
/// ```
#[derive(Debug, Clone)]
pub struct SpecialTokens {
    ids: HashMap<Vec<u8>, u32, RandomState>,
    first: Finder,
    /// Those that are searched for in the text between the first.
    then: Finder,
}

impl SpecialTokens {
    /// Makes a finder of these tokens. Leaves out empty strings; of two equal ones the first
    /// counts.
    pub fn new(specials: &[(String, u32)]) -> SpecialTokens {
        SpecialTokens::with_flags(specials, &UnusualFlags::new(), Normalizer::Nothing)
    }

    /// Makes a finder of tokens some of which are searched for in normalized text.
    pub(crate) fn with_flags(
        specials: &[(String, u32)],
        flags: &UnusualFlags,
        normalizer: Normalizer,
    ) -> SpecialTokens {
        let specials = || {
            let specials = specials.iter().filter(|(text, _)| !text.is_empty());
            specials.map(|(text, id)| (text.as_bytes(), *id))
        };
        let waits = |id: u32| flags.get(&id).is_some_and(|flags| flags.normalized);
        let then: Vec<_> = specials()
            .filter(|&(_, id)| waits(id))
            .map(|(text, id)| (normalizer.normalize(text), id))
            .collect();
        SpecialTokens {
            // Of equal keys the last one stays, so the first token comes last.
            ids: specials().rev().map(|(text, id)| (text.to_vec(), id)).collect(),
            first: Finder::new(specials().filter(|&(_, id)| !waits(id))),
            then: Finder::new(then.iter().map(|(text, id)| (&**text, *id))),
        }
    }

    /// The length in bytes of the longest special token, 0 when there are none.
    pub fn max_len(&self) -> usize {
        self.first.max_len.max(self.then.max_len)
    }

    /// The number of bytes behind a position that decide whether a special token begins there.
    pub(crate) fn lookahead(&self) -> usize {
        self.first.max_len + self.then.max_len
    }

    /// Returns the id of the special token `text`, or `None` if it is not one.
    pub(crate) fn id_of(&self, text: &[u8]) -> Option<u32> {
        // Few texts begin like a special token, and the others need no hash.
        let may_be = |byte: &u8| self.first.begins_with(*byte) || self.then.begins_with(*byte);
        (text.len() <= self.max_len() && text.first().is_some_and(may_be))
            .then(|| self.ids.get(text).copied())?
    }

    /// Iterates over the special tokens of a text and the texts between them, in order. The text is
    /// not normalized in between.
    pub fn segments(&self, text: &[u8]) -> impl Iterator<Item = Segment> {
        segments(&self.first, (!self.then.is_empty()).then_some(&self.then), text)
    }

    /// Iterates over the special tokens that do not wait for the normalizer and the texts between.
    pub(crate) fn first_segments(&self, text: &[u8]) -> impl Iterator<Item = Segment> {
        segments(&self.first, None, text)
    }

    /// Iterates over the special tokens of a normalized text and the texts between.
    pub(crate) fn normalized_segments(&self, text: &[u8]) -> impl Iterator<Item = Segment> {
        segments(&self.then, None, text)
    }

    /// Returns `true` if a special token that is searched for in normalized text may have these
    /// bytes in it.
    pub(crate) fn may_span(&self, bytes: &[u8]) -> bool {
        let has = |text: &[u8]| text.windows(bytes.len()).any(|window| window == bytes);
        !self.then.is_empty() && self.ids.keys().any(|text| has(text))
    }

    /// Returns `true` if no special token in `text`, found by [`SpecialTokens::segments`] or not,
    /// begins before `at` and ends behind it.
    ///
    /// Reads at most `effort` bytes, and subtracts those that it read. Returns `false` if they are
    /// too few to decide.
    pub(crate) fn is_clean(&self, text: &[u8], at: usize, effort: &mut usize) -> bool {
        [&self.first, &self.then].iter().all(|finder| {
            let mut may_look_at = |bytes: usize| {
                let left = effort.checked_sub(bytes);
                *effort = left.unwrap_or(0);
                left.is_some()
            };
            let first = at.saturating_sub(finder.max_len.saturating_sub(1));
            may_look_at(at - first)
                && (first..at).all(|start| {
                    !finder.begins_with(text[start])
                        || may_look_at(finder.max_len)
                            && finder.longest_at(text, start).is_none_or(|end| end <= at)
                })
        })
    }
}

/// Iterates over the tokens that `outer` finds in a text, those that `inner` finds between them,
/// and the texts between.
fn segments(outer: &Finder, inner: Option<&Finder>, text: &[u8]) -> impl Iterator<Item = Segment> {
    let mut at = 0;
    let mut next_outer = outer.find(text, 0..text.len());
    let find_inner = move |at: usize, before: Option<SpecialMatch>| {
        inner?.find(text, at..before.map_or(text.len(), |found| found.start))
    };
    let mut next_inner = find_inner(0, next_outer);
    std::iter::from_fn(move || {
        let next = next_inner.or(next_outer);
        let end = next.map_or(text.len(), |found| found.start);
        if at < end {
            let start = std::mem::replace(&mut at, end);
            return Some(Segment::Text(start..end));
        }
        let found = next?;
        at = found.end;
        if next_inner.is_none() {
            next_outer = outer.find(text, at..text.len());
        }
        next_inner = find_inner(at, next_outer);
        Some(Segment::Special(found))
    })
}

#[cfg(test)]
mod tests;
