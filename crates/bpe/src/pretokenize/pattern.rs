//! How a text is cut into pre-tokens, inside which alone merges happen.

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
    /// GPT-2's pattern.
    pub const fn gpt2() -> Pattern {
        Pattern { kind: Kind::Gpt2 }
    }

    /// GPT-4's pattern (`cl100k_base`).
    pub const fn gpt4() -> Pattern {
        Pattern { kind: Kind::Gpt4 }
    }

    /// The pattern named `gpt2` or `gpt4`, or any regular expression. The expressions of the two
    /// are recognised, in every spelling in use that means the same.
    ///
    /// # Errors
    /// [`Error::Pattern`](crate::Error::Pattern) for what is no regular expression.
    pub fn parse(pattern: &str) -> Result<Pattern> {
        const OLD_GPT2: &str =
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
        Ok(match pattern {
            "gpt2" | scan::GPT2 | OLD_GPT2 => Pattern::gpt2(),
            "gpt4" | scan::GPT4 => Pattern::gpt4(),
            custom => Pattern { kind: Kind::Custom(Box::new(RegexSplitter::new(custom)?)) },
        })
    }

    /// `gpt2`, `gpt4` or the regular expression: what [`Pattern::parse`] takes.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Gpt2 => "gpt2",
            Kind::Gpt4 => "gpt4",
            Kind::Custom(regex) => regex.as_str(),
        }
    }

    /// Calls `f` with where each pre-token of `text` is, in order. `text` holds no special tokens.
    /// Every byte of it is in exactly one pre-token; a byte that is no UTF-8 counts as a character
    /// that is neither letter nor number nor white space.
    ///
    /// # Errors
    /// [`Error::PatternRun`](crate::Error::PatternRun) when a custom pattern backtracks for too
    /// long; the two known patterns never fail.
    #[inline]
    pub fn for_each_pre_token(&self, text: &[u8], f: &mut impl FnMut(Range<usize>)) -> Result<()> {
        self.for_each_boundary(text, 0..text.len(), &mut Ranges { start: 0, f })
    }

    /// The same of a part of `text`, as if there were nothing else, for what takes ends.
    #[inline]
    pub(crate) fn for_each_boundary(
        &self,
        text: &[u8],
        part: Range<usize>,
        ends: &mut impl BoundarySink,
    ) -> Result<()> {
        let text = &text[..part.end];
        match &self.kind {
            Kind::Gpt2 => scan::gpt2_all(text, part.start, ends),
            Kind::Gpt4 => scan::gpt4_all(text, part.start, ends),
            Kind::Custom(regex) => return regex.all(text, part.start, ends),
        }
        Ok(())
    }

    /// True when the pre-tokens of `text[..at]` and those of `text[at..]` are together those of
    /// `text`, whatever comes before and after; false when that is not known from the characters on
    /// either side. `at` is inside `text`, not at its ends.
    pub(crate) fn is_boundary(&self, text: &[u8], at: usize) -> bool {
        if matches!(self.kind, Kind::Custom(_)) {
            return false;
        }
        let Some(before) = class_before(text, at) else { return false };
        let (after, _) = char_at(text, at);
        match &self.kind {
            Kind::Gpt2 => gpt2_boundary((before, text[at - 1]), after),
            Kind::Gpt4 => gpt4_boundary((before, text[at - 1]), (after, text[at])),
            Kind::Custom(_) => false,
        }
    }

    /// True when `at` is inside a pre-token of `text` whose two parts are pre-tokens of
    /// `text[..at]` and `text[at..]`, while all others stay as they are, whatever comes before and
    /// after; false when that is not known. `at` is as in [`Pattern::is_boundary`].
    ///
    /// A run of one class is such a place, because a pre-token may begin and end with any character
    /// of it. What looks further is a contraction: one that begins in the last two bytes before
    /// `at` may need what follows, and an apostrophe at `at` would begin one. GPT-4's pattern
    /// counts numbers, and looks at what follows a run of other characters.
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

/// Calls a function with where each pre-token is.
struct Ranges<'f, F> {
    start: usize,
    f: &'f mut F,
}

impl<F: FnMut(Range<usize>)> BoundarySink for Ranges<'_, F> {
    #[inline(always)]
    fn push(&mut self, end: usize) {
        (self.f)(self.start..end);
        self.start = end;
    }
}

/// Only white space begins a pre-token of which another class is part, but for the apostrophe of a
/// contraction; and only a run of white space looks at what follows it. So behind everything else a
/// change of class is a boundary.
fn gpt2_boundary((before, last_byte): (Class, u8), after: Class) -> bool {
    before != Class::Space && before != after && !(last_byte == b'\'' && after == Class::Letter)
}

/// Behind letters and numbers a change of class is a boundary. Other characters take up one that
/// follows them: letters, or line ends. A run of white space up to its last line end is the same
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
