//! Pre-tokens by any regular expression: custom patterns, and the oracle for the hand-written
//! scanners in [`scan`](super::scan).
//!
//! Text between two matches is a pre-token too, so no byte is lost. A byte that is not UTF-8 is
//! shown to the regular expression as U+FFFD, a symbol.

use std::borrow::Cow;

use fancy_regex::{Regex, RegexBuilder};

use crate::error::{Error, Result, one_line};
use crate::pretokenize::boundaries::BoundarySink;

/// A regular expression that splits texts into pre-tokens.
#[derive(Debug, Clone)]
pub(crate) struct RegexSplitter {
    regex: Regex,
}

impl RegexSplitter {
    pub(crate) fn new(pattern: &str) -> Result<RegexSplitter> {
        // Its optimizer takes `a*b??a*` for `a*b?a*` (version 0.20), and what else it does gains
        // nothing here.
        let regex =
            RegexBuilder::new(pattern).optimize(false).build().map_err(|error| Error::Pattern {
                pattern: pattern.to_string(),
                message: format!(
                    "{}; give gpt2, gpt4 or another regular expression",
                    one_line(&error.to_string())
                ),
            })?;
        Ok(RegexSplitter { regex })
    }

    /// Returns the regular expression.
    pub(crate) fn as_str(&self) -> &str {
        self.regex.as_str()
    }

    /// Gives `sink` the end of each pre-token of `text[start..]`.
    ///
    /// # Errors
    /// [`Error::PatternRun`].
    pub(crate) fn for_each_boundary(
        &self,
        text: &[u8],
        start: usize,
        sink: &mut impl BoundarySink,
    ) -> Result<()> {
        let text = &text[start..];
        let (shown, replaced) = replace_invalid(text);
        let (mut at, mut replaced_before) = (0, 0);
        let mut cut = |end: usize| {
            if at < end {
                sink.push(start + end);
                at = end;
            }
        };
        for found in self.regex.find_iter(&*shown) {
            let found = found.map_err(|error| Error::PatternRun {
                pattern: self.as_str().to_string(),
                text_len: text.len(),
                message: one_line(&error.to_string()),
            })?;
            for end in [found.start(), found.end()] {
                let more = replaced[replaced_before..].iter().take_while(|&&place| place < end);
                replaced_before += more.count();
                // U+FFFD has three bytes, two more than what it replaces.
                cut(end - 2 * replaced_before);
            }
        }
        cut(text.len());
        Ok(())
    }

    /// Splits `text` into its pre-tokens.
    #[cfg(test)]
    pub(crate) fn pieces<'t>(&self, text: &'t [u8]) -> Vec<&'t [u8]> {
        let mut ends = vec![0];
        self.for_each_boundary(text, 0, &mut |end| ends.push(end)).unwrap();
        ends.windows(2).map(|at| &text[at[0]..at[1]]).collect()
    }
}

/// Puts U+FFFD in place of each byte that is not UTF-8. Returns the positions of these as well.
fn replace_invalid(text: &[u8]) -> (Cow<'_, str>, Vec<usize>) {
    let mut replaced = Vec::new();
    if let Ok(valid) = std::str::from_utf8(text) {
        return (Cow::Borrowed(valid), replaced);
    }
    let mut shown = String::with_capacity(text.len() + 64);
    for chunk in text.utf8_chunks() {
        shown.push_str(chunk.valid());
        for _ in chunk.invalid() {
            replaced.push(shown.len());
            shown.push(char::REPLACEMENT_CHARACTER);
        }
    }
    (Cow::Owned(shown), replaced)
}
