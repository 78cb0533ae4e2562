//! The patterns that follow GPT-4's, and the two things in which they differ.

/// White space at the very end of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpacesAtEnd {
    /// `\s++$` comes first: all of it is one pre-token.
    Whole,
    /// As elsewhere: a pre-token ends behind its last line end.
    AfterLines,
}

/// A pattern of GPT-4's family. What it fixes is known to the compiler.
pub(super) trait Family {
    /// The most numbers in a pre-token: `\p{N}{1,3}`.
    const MOST_NUMBERS: usize;
    /// The rule for white space at the end.
    const SPACES_AT_END: SpacesAtEnd;
}

/// GPT-4's pattern itself.
pub(super) struct Gpt4;
/// GPT-4's pattern to the letter as Oniguruma reads it: `\p{N}{1,3}+` is any run of numbers.
pub(super) struct Gpt4InOniguruma;
/// Llama 3's.
pub(super) struct Llama3;
/// Qwen 2's.
pub(super) struct Qwen2;

impl Family for Gpt4 {
    const MOST_NUMBERS: usize = 3;
    const SPACES_AT_END: SpacesAtEnd = SpacesAtEnd::Whole;
}

impl Family for Gpt4InOniguruma {
    const MOST_NUMBERS: usize = usize::MAX;
    const SPACES_AT_END: SpacesAtEnd = SpacesAtEnd::Whole;
}

impl Family for Llama3 {
    const MOST_NUMBERS: usize = 3;
    const SPACES_AT_END: SpacesAtEnd = SpacesAtEnd::AfterLines;
}

impl Family for Qwen2 {
    const MOST_NUMBERS: usize = 1;
    const SPACES_AT_END: SpacesAtEnd = SpacesAtEnd::AfterLines;
}
