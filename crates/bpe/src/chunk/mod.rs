//! Cutting a text into chunks that can be worked on one by one, or at the same time, with the same
//! result as the whole.
//!
//! A cut is safe where the pre-tokens on either side are those of the whole text. That holds
//! - at both ends of a special token: the longest one at a position that no other special token
//!   spans is always taken;
//! - where the pattern has a boundary ([`Pattern`] knows from the characters on either side) and no
//!   special token spans it.
//!
//! For encoding there is a third kind, so that one endless word is no single piece of work: inside
//! a pre-token, where no merge can cross ([`SafeCuts`]) and both parts are pre-tokens on their
//! own.
//!
//! A chunk is about as long as asked for, and longer where no safe cut comes: a pre-token may be as
//! long as the file.

use std::io::{self, ErrorKind, Read};
use std::ops::Range;

use crate::merge::safe_cuts::SafeCuts;
use crate::pretokenize::pattern::Pattern;
use crate::special::SpecialTokens;

/// So many bytes for each byte of a text may be looked at to find out whether special tokens span
/// its cuts. More is asked for in a text of one letter that is full of special tokens of just this
/// letter, and such.
const EFFORT: usize = 8;

/// Memory for the first read; it is doubled as long as the stream goes on, whatever the size of a
/// chunk.
const FIRST_READ: usize = 1 << 16;

/// Finds safe cuts.
#[derive(Debug, Clone)]
pub struct Cutter {
    pattern: Pattern,
    specials: SpecialTokens,
    safe_cuts: Option<SafeCuts>,
}

impl Cutter {
    /// Cuts for texts that are pre-tokenized by `pattern` between `specials`.
    pub fn new(pattern: &Pattern, specials: &SpecialTokens) -> Cutter {
        Cutter { pattern: pattern.clone(), specials: specials.clone(), safe_cuts: None }
    }

    /// Cuts for encoding, inside pre-tokens too: ids stay the same, pre-tokens need not.
    pub(crate) fn with_safe_cuts(self, safe_cuts: Option<SafeCuts>) -> Cutter {
        Cutter { safe_cuts, ..self }
    }

    /// The last safe cut of `text` within `range`, if there is one. `text` begins at a safe cut.
    /// With `more` it goes on behind what is given, and only cuts that hold however it goes on are
    /// safe.
    pub fn last_cut(&self, text: &[u8], range: Range<usize>, more: bool) -> Option<usize> {
        // A character has up to four bytes.
        let unsure = if more { self.specials.max_len().max(4) } else { 0 };
        let sure = text.len().checked_sub(unsure)?;
        let start = range.start.max(1);
        let mut effort = EFFORT * (text.len() + self.specials.max_len());
        (start..range.end.min(sure).min(text.len()))
            .rev()
            .find(|&at| self.is_cut(text, at) && self.specials.is_clean(text, at, &mut effort))
            .or_else(|| self.last_special_cut(text, start..range.end, sure))
    }

    /// Whether nothing but a special token speaks against a cut at `at`.
    fn is_cut(&self, text: &[u8], at: usize) -> bool {
        let are_apart = |safe_cuts: &SafeCuts| safe_cuts.are_apart(text[at - 1], text[at]);
        self.pattern.is_boundary(text, at)
            || self.safe_cuts.as_ref().is_some_and(are_apart) && self.pattern.is_in_run(text, at)
    }

    /// The last end or beginning, within `range`, of a special token that begins at `sure` or
    /// before.
    fn last_special_cut(&self, text: &[u8], range: Range<usize>, sure: usize) -> Option<usize> {
        let end = range.end.min(sure + 1);
        let (mut at, mut last) = (0, None);
        // As the text begins at a safe cut, those that are found are those of the whole.
        while let Some(found) = self.specials.find(text, at).filter(|found| found.start < end) {
            last = [found.end, found.start].into_iter().find(|cut| range.contains(cut)).or(last);
            at = found.end;
        }
        last
    }
}

/// Reads a stream in chunks that end at safe cuts. Holds about one chunk in memory.
#[derive(Debug)]
pub struct ChunkReader<R> {
    reader: R,
    cutter: Cutter,
    size: usize,
    /// What was read behind the last cut.
    rest: Vec<u8>,
    at_end: bool,
}

impl<R: Read> ChunkReader<R> {
    /// Chunks of about `size` bytes.
    pub fn new(reader: R, cutter: Cutter, size: usize) -> ChunkReader<R> {
        ChunkReader { reader, cutter, size: size.max(1), rest: Vec::new(), at_end: false }
    }

    /// Puts the next chunk into `chunk`, in place of what was there. False when the stream is at
    /// its end.
    ///
    /// # Errors
    /// What the reader says. What was read since the last chunk is lost then.
    pub fn next_chunk(&mut self, chunk: &mut Vec<u8>) -> io::Result<bool> {
        // What is in `chunk` is overwritten and not cleared first: zeroing it again would cost as
        // much as reading.
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
            // What could not be decided so near the end is looked at again.
            searched =
                if more { end.saturating_sub(2 * self.cutter.specials.max_len() + 8) } else { end };
            len = len.saturating_mul(2);
        }
    }

    /// Reads until `chunk`, of which the first `filled` bytes are of the text, has `len` of them,
    /// or until the stream is at its end; says how many it has.
    fn fill(&mut self, chunk: &mut Vec<u8>, mut filled: usize, len: usize) -> io::Result<usize> {
        while !self.at_end && filled < len {
            let room = len.min(filled.saturating_mul(2).max(FIRST_READ));
            if chunk.len() < room {
                chunk.resize(room, 0);
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
