//! The content of a tokenizer's files.

use std::borrow::Cow;

use crate::pretokenize::pattern::Pattern;
use crate::vocab::Vocab;

/// Everything that the files of a tokenizer say about encoding.
///
/// The formats read and write parts; [`Tokenizer::load`](crate::Tokenizer::load) and
/// [`Tokenizer::save`](crate::Tokenizer::save) turn them into a tokenizer and back.
#[derive(Debug, Clone)]
pub struct Parts<'t> {
    /// Tokens, merges and special tokens.
    pub vocab: Cow<'t, Vocab>,
    /// The rule that splits texts into pre-tokens.
    pub pattern: Cow<'t, Pattern>,
    /// `true` if a pre-token that is a token becomes that token without merging.
    pub ignore_merges: bool,
}
