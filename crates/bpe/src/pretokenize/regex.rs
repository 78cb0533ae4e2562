//! Pre-tokens by any regular expression: custom patterns, and the oracle for the hand-written
//! scanners.
//!
//! What lies between two matches is a pre-token too, so no byte is lost. A byte that is no UTF-8 is
//! shown to the regular expression as U+FFFD, a symbol.

use std::ops::Range;

use fancy_regex::{Regex, RegexBuilder};

use crate::error::{Error, Result, one_line};
use crate::pretokenize::boundaries::BoundarySink;

/// A regular expression that cuts texts into pre-tokens.
#[derive(Debug, Clone)]
pub(crate) struct RegexSplitter {
    regex: Regex,
}

impl RegexSplitter {
    pub(crate) fn new(pattern: &str) -> Result<RegexSplitter> {
        let regex = RegexBuilder::new(pattern).build().map_err(|error| Error::Pattern {
            pattern: pattern.to_string(),
            message: one_line(&error.to_string()),
        })?;
        Ok(RegexSplitter { regex })
    }

    /// The regular expression.
    pub(crate) fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// All pre-tokens of what `text` is from `start` on.
    pub(crate) fn all(
        &self,
        text: &[u8],
        start: usize,
        ends: &mut impl BoundarySink,
    ) -> Result<()> {
        let text = &text[start..];
        match std::str::from_utf8(text) {
            Ok(valid) => self.all_of(valid, start..text.len() + start, |end| end, ends),
            Err(_) => {
                let (shown, replaced) = replace_invalid(text);
                let mut before = 0;
                // Each byte that was replaced is two bytes longer now.
                let end_in_text = |end: usize| {
                    before += replaced[before..].iter().take_while(|&&at| at < end).count();
                    end - 2 * before
                };
                self.all_of(&shown, start..text.len() + start, end_in_text, ends)
            }
        }
    }

    /// The pre-tokens themselves.
    #[cfg(test)]
    pub(crate) fn pieces<'t>(&self, text: &'t [u8]) -> Vec<&'t [u8]> {
        struct Collected(Vec<usize>);
        impl BoundarySink for Collected {
            fn push(&mut self, end: usize) {
                self.0.push(end);
            }
        }
        let mut ends = Collected(vec![0]);
        self.all(text, 0, &mut ends).unwrap();
        ends.0.windows(2).map(|at| &text[at[0]..at[1]]).collect()
    }

    /// Matches `shown` and maps each end through `end_in_text`, which is called with rising
    /// positions.
    fn all_of(
        &self,
        shown: &str,
        part: Range<usize>,
        mut end_in_text: impl FnMut(usize) -> usize,
        ends: &mut impl BoundarySink,
    ) -> Result<()> {
        let mut at = 0;
        let mut cut = |end: usize| {
            if at < end {
                ends.push(part.start + end);
                at = end;
            }
        };
        for found in self.regex.find_iter(shown) {
            let found = found.map_err(|error| Error::PatternRun {
                pattern: self.as_str().to_string(),
                text_len: part.len(),
                message: one_line(&error.to_string()),
            })?;
            cut(end_in_text(found.start()));
            cut(end_in_text(found.end()));
        }
        cut(part.len());
        Ok(())
    }
}

/// `text` with U+FFFD in place of each byte that is no UTF-8, and where in the result those are.
fn replace_invalid(text: &[u8]) -> (String, Vec<usize>) {
    let mut shown = String::with_capacity(text.len() + 64);
    let mut replaced = Vec::new();
    for chunk in text.utf8_chunks() {
        shown.push_str(chunk.valid());
        for _ in chunk.invalid() {
            replaced.push(shown.len());
            shown.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (shown, replaced)
}
