//! Pre-tokens by any regular expression: custom patterns, and the oracle for the hand-written
//! scanners in [`scan`](super::scan).
//!
//! Expressions that all engines read alike run in [`backtrack`](super::backtrack), others as
//! `fancy_regex` reads them.
//!
//! Text between two matches is a pre-token too, so no byte is lost. A byte that is not UTF-8 is
//! shown to the regular expression as U+FFFD, a symbol.

use std::borrow::Cow;

use fancy_regex::{Regex, RegexBuilder};

use crate::error::{Error, Result, one_line};
use crate::pretokenize::backtrack::{Exhausted, Program, find_all};
use crate::pretokenize::boundaries::BoundarySink;
use crate::pretokenize::oniguruma;

/// A regular expression that splits texts into pre-tokens.
#[derive(Debug, Clone)]
pub(crate) struct RegexSplitter {
    pattern: String,
    engine: Engine,
}

#[derive(Debug, Clone)]
enum Engine {
    /// For expressions that all engines read alike.
    Backtrack(Program),
    /// For those of earlier versions.
    FancyRegex(Box<Regex>),
}

impl RegexSplitter {
    /// Parses an expression as [`oniguruma::rewrite`] leaves it, or else one of an earlier
    /// version.
    pub(crate) fn new(pattern: &str) -> Result<RegexSplitter> {
        if oniguruma::rewrite(pattern).is_ok_and(|rewritten| rewritten == pattern) {
            let program = Program::new(pattern).map_err(refused(pattern))?;
            let engine = Engine::Backtrack(program);
            return Ok(RegexSplitter { pattern: pattern.to_string(), engine });
        }
        RegexSplitter::in_fancy_regex(pattern)
    }

    /// Parses an expression as `fancy_regex` reads it.
    pub(crate) fn in_fancy_regex(pattern: &str) -> Result<RegexSplitter> {
        // Its optimizer takes `a*b??a*` for `a*b?a*` (version 0.20), and what else it does gains
        // nothing here.
        let regex = RegexBuilder::new(pattern).optimize(false).build().map_err(|error| {
            let message = one_line(&error.to_string());
            refused(pattern)(format!("{message}; give gpt2, gpt4 or another regular expression"))
        })?;
        let engine = Engine::FancyRegex(Box::new(regex));
        Ok(RegexSplitter { pattern: pattern.to_string(), engine })
    }

    /// Returns the regular expression.
    pub(crate) fn as_str(&self) -> &str {
        &self.pattern
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
        let mut found = |start: usize, end: usize| {
            for end in [start, end] {
                let more = replaced[replaced_before..].iter().take_while(|&&place| place < end);
                replaced_before += more.count();
                // U+FFFD has three bytes, two more than what it replaces.
                cut(end - 2 * replaced_before);
            }
        };
        let failed = |message: String| Error::PatternRun {
            pattern: self.as_str().to_string(),
            text_len: text.len(),
            message,
        };
        match &self.engine {
            Engine::Backtrack(program) => {
                find_all(program, &shown, found).map_err(|Exhausted| {
                    failed("it looks at the same characters again and again".into())
                })?;
            }
            Engine::FancyRegex(regex) => {
                for place in regex.find_iter(&*shown) {
                    let place = place.map_err(|error| failed(one_line(&error.to_string())))?;
                    found(place.start(), place.end());
                }
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

/// Returns a function that makes the error about `pattern` of its message.
fn refused(pattern: &str) -> impl Fn(String) -> Error {
    move |message| Error::Pattern { pattern: pattern.to_string(), message }
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
