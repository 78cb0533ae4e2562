//! The patterns that split a text into pre-tokens. Merges never cross the boundary of two.

use std::ops::Range;

use crate::error::Result;
use crate::pretokenize::boundaries::BoundarySink;
use crate::pretokenize::classes::{Class, char_at, class_before};
use crate::pretokenize::regex::RegexSplitter;
use crate::pretokenize::scan;

/// GPT-2's pattern, GPT-4's, or a regular expression.
#[derive(Debug, Clone)]
pub struct Pattern {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Gpt2,
    Gpt4,
    Custom(Box<RegexSplitter>),
}

impl Pattern {
    /// Returns GPT-2's pattern.
    pub const fn gpt2() -> Pattern {
        Pattern { kind: Kind::Gpt2 }
    }

    /// Returns GPT-4's pattern (`cl100k_base`).
    pub const fn gpt4() -> Pattern {
        Pattern { kind: Kind::Gpt4 }
    }

    /// Parses `gpt2`, `gpt4`, or any regular expression. The expressions of the two are recognised,
    /// in every spelling in use that means the same.
    ///
    /// # Errors
    /// [`Error::Pattern`](crate::Error::Pattern) when `pattern` is no regular expression.
    pub fn parse(pattern: &str) -> Result<Pattern> {
        const OLD_GPT2: &str =
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
        Ok(match pattern {
            "gpt2" | scan::GPT2 | OLD_GPT2 => Pattern::gpt2(),
            "gpt4" | scan::GPT4 => Pattern::gpt4(),
            custom => Pattern { kind: Kind::Custom(Box::new(RegexSplitter::new(custom)?)) },
        })
    }

    /// Returns `gpt2`, `gpt4` or the regular expression, as [`Pattern::parse`] takes it.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Gpt2 => "gpt2",
            Kind::Gpt4 => "gpt4",
            Kind::Custom(regex) => regex.as_str(),
        }
    }

    /// Calls `f` with the range of each pre-token of `text`, in order. `text` contains no special
    /// tokens. Every byte of it is in exactly one pre-token; a byte that is not UTF-8 counts as a
    /// character that is neither letter nor number nor white space.
    ///
    /// # Errors
    /// [`Error::PatternRun`](crate::Error::PatternRun) when a custom pattern backtracks for too
    /// long; the two known patterns never fail.
    #[inline]
    pub fn for_each_pre_token(&self, text: &[u8], f: &mut impl FnMut(Range<usize>)) -> Result<()> {
        let mut start = 0;
        self.for_each_boundary(text, 0..text.len(), &mut |end| {
            f(start..end);
            start = end;
        })
    }

    /// Gives `sink` the end of each pre-token of a part of `text`, as if the text were that part.
    ///
    /// # Errors
    /// As for [`Pattern::for_each_pre_token`].
    #[inline]
    pub(crate) fn for_each_boundary(
        &self,
        text: &[u8],
        part: Range<usize>,
        sink: &mut impl BoundarySink,
    ) -> Result<()> {
        let text = &text[..part.end];
        match &self.kind {
            Kind::Gpt2 => scan::gpt2(text, part.start, sink),
            Kind::Gpt4 => scan::gpt4(text, part.start, sink),
            Kind::Custom(regex) => return regex.for_each_boundary(text, part.start, sink),
        }
        Ok(())
    }

    /// Returns `true` if the pre-tokens of `text[..at]` and those of `text[at..]` are together
    /// those of `text`, whatever comes before and after; `false` if the characters on either side
    /// do not tell. `at` is inside `text`, not at its ends.
    pub(crate) fn is_boundary(&self, text: &[u8], at: usize) -> bool {
        let is_boundary = match self.kind {
            Kind::Gpt2 => gpt2_boundary,
            Kind::Gpt4 => gpt4_boundary,
            Kind::Custom(_) => return false,
        };
        class_before(text, at).is_some_and(|before| {
            is_boundary((before, text[at - 1]), (char_at(text, at).0, text[at]))
        })
    }

    /// Returns `true` if `at` is inside a pre-token of `text` whose two parts are pre-tokens of
    /// `text[..at]` and `text[at..]`, while all other pre-tokens stay as they are, whatever comes
    /// before and after; `false` if that is not known. `at` is as in [`Pattern::is_boundary`].
    ///
    /// It holds inside a run of one class, because a pre-token may begin and end with any character
    /// of a run. The exceptions are contractions (one that begins in the last two bytes before `at`
    /// may need what follows, and an apostrophe at `at` would begin one), numbers in GPT-4's
    /// pattern, which counts them, and other characters there, as it looks at what follows them.
    pub(crate) fn is_in_run(&self, text: &[u8], at: usize) -> bool {
        let (class, _) = char_at(text, at);
        let is_possible = match (&self.kind, class) {
            (Kind::Gpt2 | Kind::Gpt4, Class::Letter) => {
                !text[at.saturating_sub(2)..at].contains(&b'\'')
            }
            (Kind::Gpt2, Class::Number) => true,
            (Kind::Gpt2, Class::Other) => text[at] != b'\'',
            _ => false,
        };
        is_possible && class_before(text, at) == Some(class)
    }
}

/// Returns `true` if GPT-2's pattern has a boundary between two characters, of which the last byte
/// and the first byte are given.
///
/// Only white space, and the apostrophe of a contraction, begin a pre-token that another class is
/// part of; and only a run of white space depends on what follows it. So behind everything else a
/// change of class is a boundary.
fn gpt2_boundary((before, last_byte): (Class, u8), (after, _): (Class, u8)) -> bool {
    before != Class::Space && before != after && !(last_byte == b'\'' && after == Class::Letter)
}

/// Returns `true` if GPT-4's pattern has a boundary between two characters, of which the last byte
/// and the first byte are given.
///
/// Behind letters and numbers a change of class is a boundary. Other characters may take in the
/// letters or line ends that follow. A run of white space up to its last line end is the same
/// pre-token at the end of the text and before a word, and no pre-token goes on from a line end to
/// a word.
fn gpt4_boundary((before, last_byte): (Class, u8), (after, first_byte): (Class, u8)) -> bool {
    let is_line_end = |byte| byte == b'\r' || byte == b'\n';
    match before {
        Class::Letter | Class::Number => before != after,
        Class::Other => {
            after == Class::Number || (after == Class::Space && !is_line_end(first_byte))
        }
        Class::Space => is_line_end(last_byte) && after != Class::Space,
    }
}
