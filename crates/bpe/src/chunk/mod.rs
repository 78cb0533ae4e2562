//! Cutting a text into chunks that can be processed one by one, or at the same time, with the
//! result of the whole. Both training and encoding read their input in this way.
//!
//! A cut is safe where the pre-tokens on either side are those of the whole text. That holds
//! - at both ends of a special token: the longest one at a position that no other special token
//!   spans is always taken;
//! - where the pattern has a boundary ([`Pattern`] tells from the characters on either side) and no
//!   special token spans it, and normalizing, if that is asked for, changes neither side.
//!
//! Encoding may also cut inside a pre-token, where no merge can cross ([`SafeCuts`]) and both parts
//! are pre-tokens by themselves; so even one endless word is shared by several threads.
//!
//! A chunk has about the size asked for, and is longer where no safe cut comes: a pre-token may be
//! as long as the file.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use crate::merge::safe_cuts::SafeCuts;
use crate::pretokenize::normalizer::{Normalizer, TWO_CHARS};
use crate::pretokenize::pattern::Pattern;
use crate::special::{Segment, SpecialTokens};

/// The bytes that may be looked at, per byte of a text, to find out whether special tokens span its
/// cuts. Only contrived texts need more, like one letter repeated with special tokens of that
/// letter.
const EFFORT: usize = 8;

/// Bytes of memory for the first read. It is doubled while the stream goes on, so that a short
/// stream takes little, whatever the size of a chunk.
const FIRST_READ: usize = 1 << 16;

/// Finds safe cuts.
#[derive(Debug, Clone)]
pub struct Cutter {
    pattern: Pattern,
    specials: SpecialTokens,
    /// The form that texts between special tokens are brought into.
    pub(crate) normalizer: Normalizer,
    /// Adds cuts inside pre-tokens, which keep ids, but not pre-tokens, as they are.
    pub(crate) safe_cuts: Option<SafeCuts>,
}

impl Cutter {
    /// Creates a finder of cuts in texts that are pre-tokenized by `pattern` between `specials`.
    pub fn new(pattern: &Pattern, specials: &SpecialTokens) -> Cutter {
        let (pattern, specials) = (pattern.clone(), specials.clone());
        Cutter { pattern, specials, normalizer: Normalizer::Nothing, safe_cuts: None }
    }

    /// Returns the last safe cut of `text` within `range`, if any. `text` begins at a safe cut.
    /// With `more`, text follows that is not known yet, and only cuts that are safe whatever
    /// follows count.
    fn last_cut(&self, text: &[u8], range: Range<usize>, more: bool) -> Option<usize> {
        let unsure = if more { self.lookahead() } else { 0 };
        let sure = text.len().checked_sub(unsure)?;
        let start = range.start.max(1);
        let mut effort = EFFORT * (text.len() + self.specials.max_len());
        (start..range.end.min(sure).min(text.len()))
            .rev()
            .find(|&at| self.is_cut(text, at) && self.specials.is_clean(text, at, &mut effort))
            .or_else(|| self.last_special_cut(text, start..range.end, sure))
    }

    /// Returns `true` if a cut at `at` is safe, unless a special token spans it.
    fn is_cut(&self, text: &[u8], at: usize) -> bool {
        let is_safe = |safe_cuts: &SafeCuts| safe_cuts.is_safe(text[at - 1], text[at]);
        let is_cut = self.pattern.is_boundary(text, at)
            || self.safe_cuts.as_ref().is_some_and(is_safe) && self.pattern.is_in_run(text, at);
        is_cut && (self.normalizer == Normalizer::Nothing || self.is_cut_normalized(text, at))
    }

    /// Returns `true` if a cut at `at` is as safe in the normalized text as it is in this one.
    fn is_cut_normalized(&self, text: &[u8], at: usize) -> bool {
        // The bytes on either side are the same there, so a special token that spans the cut there
        // has both of them.
        self.normalizer.is_boundary(text, at) && !self.specials.may_span(&text[at - 1..=at])
    }

    /// Returns the last end or start, within `range`, of a special token that begins at `sure` or
    /// before.
    fn last_special_cut(&self, text: &[u8], range: Range<usize>, sure: usize) -> Option<usize> {
        let end = range.end.min(sure + 1);
        let mut last = None;
        // As the text begins at a safe cut, the special tokens found are those of the whole text.
        let segments: &mut dyn Iterator<Item = Segment> = match self.normalizer {
            Normalizer::Nothing => &mut self.specials.segments(text),
            // The others are not where they are in the normalized text.
            Normalizer::Nfc => &mut self.specials.first_segments(text),
        };
        for segment in segments {
            let Segment::Special(found) = segment else { continue };
            if found.start >= end {
                break;
            }
            last = [found.end, found.start].into_iter().find(|cut| range.contains(cut)).or(last);
        }
        last
    }

    /// The number of bytes behind a position that decide whether a cut there is safe.
    fn lookahead(&self) -> usize {
        // A character has up to four bytes.
        let chars = if self.normalizer == Normalizer::Nothing { 4 } else { TWO_CHARS };
        self.specials.lookahead().max(chars)
    }
}

/// Reads a stream in chunks that end at safe cuts. Holds about one chunk in memory.
#[derive(Debug)]
pub struct ChunkReader<R> {
    reader: R,
    cutter: Cutter,
    size: usize,
    /// Text that was read beyond the last cut.
    rest: Vec<u8>,
    at_end: bool,
}

impl<R: Read> ChunkReader<R> {
    /// Creates a reader of chunks of about `size` bytes.
    pub fn new(reader: R, cutter: Cutter, size: usize) -> ChunkReader<R> {
        ChunkReader { reader, cutter, size: size.max(1), rest: Vec::new(), at_end: false }
    }

    /// Replaces the content of `chunk` by the next chunk. Returns `false` if the stream is at its
    /// end.
    ///
    /// # Errors
    /// Those of the reader. Text that was read since the last chunk is lost then.
    pub fn next_chunk(&mut self, chunk: &mut Vec<u8>) -> io::Result<bool> {
        // `chunk` is overwritten and not cleared first: zeroing it again would cost as much as
        // reading.
        let mut filled = self.rest.len();
        chunk.resize(chunk.len().max(filled), 0);
        chunk[..filled].copy_from_slice(&self.rest);
        self.rest.clear();

        let (mut searched, mut len) = (0, self.size);
        loop {
            filled = self.fill(chunk, filled, len)?;
            if self.at_end && filled <= len {
                chunk.truncate(filled);
                return Ok(filled > 0);
            }
            let more = !self.at_end;
            let end = if more { filled + 1 } else { len + 1 };
            let text = &chunk[..filled];
            if let Some(cut) = self.cutter.last_cut(text, searched..end, more) {
                self.rest.extend_from_slice(&text[cut..]);
                chunk.truncate(cut);
                return Ok(true);
            }
            // Positions too near the end to be decided are looked at again.
            searched = if more { end.saturating_sub(2 * self.cutter.lookahead() + 8) } else { end };
            len = len.saturating_mul(2);
        }
    }

    /// Reads until `len` bytes of `chunk` are text, of which the first `filled` are already, or
    /// until the stream is at its end. Returns the number of bytes of text.
    fn fill(&mut self, chunk: &mut Vec<u8>, mut filled: usize, len: usize) -> io::Result<usize> {
        while !self.at_end && filled < len {
            let wanted = len.min(filled.saturating_mul(2).max(FIRST_READ));
            if chunk.len() < wanted {
                chunk.resize(wanted, 0);
            }
            let end = len.min(chunk.len());
            match self.reader.read(&mut chunk[filled..end]) {
                Ok(read) => {
                    self.at_end = read == 0;
                    filled += read;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests;
