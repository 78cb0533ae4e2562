//! The patterns that split a text into pre-tokens. Merges never cross the boundary of two.

use std::ops::Range;

use crate::error::{Error, Result};
use crate::pretokenize::boundaries::BoundarySink;
use crate::pretokenize::classes::{Class, char_at, class_before};
use crate::pretokenize::oniguruma;
use crate::pretokenize::regex::RegexSplitter;
use crate::pretokenize::scan;

/// The pattern that leaves a text whole.
pub(crate) const UNCUT: &str = r"(?s:.+)";

/// GPT-2's pattern, GPT-4's, or a regular expression.
///
/// ```
/// use bpe::Pattern;
///
/// let (text, mut pieces) = ("It's 10 o'clock", vec![]);
/// Pattern::gpt2().for_each_pre_token(text.as_bytes(), &mut |range| pieces.push(&text[range]))?;
/// assert_eq!(pieces, ["It", "'s", " 10", " o", "'", "clock"]);
/// # Ok::<(), bpe::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Pattern {
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Gpt2,
    Gpt4,
    Gpt4InOniguruma,
    Llama3,
    Qwen2,
    O200k,
    Uncut,
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

    /// Parses `gpt2`, `gpt4`, or a regular expression in the syntax of Hugging Face's `tokenizers`.
    /// The expressions of the two are recognised, in every spelling in use that means the same.
    ///
    /// # Errors
    /// [`Error::Pattern`](crate::Error::Pattern) when `pattern` is no regular expression, or has a
    /// construct that `tokenizers` and this crate would read differently.
    pub fn parse(pattern: &str) -> Result<Pattern> {
        const OLD_GPT2: &str =
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
        match pattern {
            "gpt2" | scan::GPT2 | OLD_GPT2 => Ok(Pattern::gpt2()),
            "gpt4" | scan::GPT4 => Ok(Pattern::gpt4()),
            UNCUT => Pattern::exactly(UNCUT),
            regex => Pattern::in_oniguruma(regex),
        }
    }

    /// Parses a regular expression as Hugging Face's `tokenizers` reads it, by Oniguruma.
    ///
    /// # Errors
    /// As for [`Pattern::parse`].
    pub(crate) fn in_oniguruma(regex: &str) -> Result<Pattern> {
        let refused = |message| Error::Pattern { pattern: regex.to_string(), message };
        Pattern::exactly(&oniguruma::rewrite(regex).map_err(refused)?)
    }

    /// Parses a regular expression that was rewritten already, or that an earlier version of this
    /// crate wrote to a file: it took its user's expression as `fancy_regex` reads it.
    ///
    /// # Errors
    /// [`Error::Pattern`](crate::Error::Pattern) when it is none.
    pub(crate) fn exactly(regex: &str) -> Result<Pattern> {
        let kind = match regex {
            scan::GPT4_IN_ONIGURUMA => Kind::Gpt4InOniguruma,
            scan::LLAMA3 => Kind::Llama3,
            scan::QWEN2 => Kind::Qwen2,
            scan::O200K => Kind::O200k,
            UNCUT => Kind::Uncut,
            custom => Kind::Custom(Box::new(RegexSplitter::new(custom)?)),
        };
        Ok(Pattern { kind })
    }

    /// Returns `gpt2`, `gpt4` or the regular expression, as [`Pattern::parse`] takes it.
    ///
    /// The expression is one that all engines read alike: `\w` is spelled out.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Gpt2 => "gpt2",
            Kind::Gpt4 => "gpt4",
            Kind::Gpt4InOniguruma => scan::GPT4_IN_ONIGURUMA,
            Kind::Llama3 => scan::LLAMA3,
            Kind::Qwen2 => scan::QWEN2,
            Kind::O200k => scan::O200K,
            Kind::Uncut => UNCUT,
            Kind::Custom(regex) => regex.as_str(),
        }
    }

    /// Returns `true` if it matches all of any text, so that nothing is left between two matches.
    pub(crate) fn leaves_no_gap(&self) -> bool {
        !matches!(self.kind, Kind::Custom(_))
    }

    /// Calls `f` with the range of each pre-token of `text`, in order. `text` contains no special
    /// tokens. Every byte of it is in exactly one pre-token; a byte that is not UTF-8 counts as a
    /// character that is neither letter nor number nor white space.
    ///
    /// # Errors
    /// [`Error::PatternRun`](crate::Error::PatternRun) when a custom pattern backtracks for too
    /// long; the known patterns never fail.
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
            Kind::Gpt4InOniguruma => scan::gpt4_in_oniguruma(text, part.start, sink),
            Kind::Llama3 => scan::llama3(text, part.start, sink),
            Kind::Qwen2 => scan::qwen2(text, part.start, sink),
            Kind::O200k => scan::o200k(text, part.start, sink),
            Kind::Uncut if part.is_empty() => {}
            Kind::Uncut => sink.push(part.end),
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
            Kind::Gpt4 | Kind::Gpt4InOniguruma | Kind::Llama3 => gpt4_boundary,
            Kind::Qwen2 => qwen2_boundary,
            Kind::O200k => o200k_boundary,
            Kind::Uncut | Kind::Custom(_) => return false,
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
            (
                Kind::Gpt2 | Kind::Gpt4 | Kind::Gpt4InOniguruma | Kind::Llama3 | Kind::Qwen2,
                Class::Letter,
            ) => !text[at.saturating_sub(2)..at].contains(&b'\''),
            (Kind::Gpt2 | Kind::Gpt4InOniguruma, Class::Number) => true,
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

/// Returns `true` if Qwen 2's pattern has a boundary between two characters. It is GPT-4's, but
/// that each number is a pre-token.
fn qwen2_boundary(before: (Class, u8), after: (Class, u8)) -> bool {
    gpt4_boundary(before, after) || before.0 == Class::Number
}

/// Returns `true` if GPT-4o's pattern has a boundary between two characters, of which the last byte
/// and the first byte are given.
///
/// Letters may go on with a mark, which is among the other characters beyond ASCII, or with an
/// apostrophe. Whatever a line end is part of ends before a letter or number.
fn o200k_boundary((before, last_byte): (Class, u8), (after, first_byte): (Class, u8)) -> bool {
    match before {
        Class::Letter => {
            matches!(after, Class::Number | Class::Space)
                || after == Class::Other && first_byte.is_ascii() && first_byte != b'\''
        }
        Class::Number => after != Class::Number,
        Class::Other => after == Class::Number,
        Class::Space => {
            matches!(last_byte, b'\r' | b'\n') && matches!(after, Class::Letter | Class::Number)
        }
    }
}
