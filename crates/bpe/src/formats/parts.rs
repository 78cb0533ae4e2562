//! The content of a tokenizer's files.

use std::borrow::Cow;

use crate::pretokenize::normalizer::Normalizer;
use crate::pretokenize::pattern::Pattern;
use crate::special::{END_OF_TEXT, UnusualFlags};
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
    /// The form that texts are brought into before they are split.
    pub normalizer: Normalizer,
    /// The flags of special tokens.
    pub flags: Cow<'t, UnusualFlags>,
    /// `true` if a pre-token that is a token becomes that token without merging.
    pub ignore_merges: bool,
    /// The token that the files put before a text.
    pub begin_of_text: BeginOfText,
    /// The tokens that the files put behind a text.
    pub after_text: Cow<'t, [u32]>,
    /// The token that ends a text.
    pub end_of_text: Option<u32>,
}

/// The token that a tokenizer's files put before a text, as `transformers` 5 understands them.
/// Encoding never adds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BeginOfText {
    /// The files do not mention it.
    #[default]
    Unstated,
    /// The files say that there is none.
    Nothing,
    /// The token of this id.
    Token(u32),
    /// Something else than one token of the vocabulary, such as several.
    Unsupported,
}

impl Parts<'static> {
    /// Returns a vocabulary and a pattern with nothing else. [`END_OF_TEXT`] ends a text, or else
    /// the first special token.
    pub(crate) fn new(vocab: Vocab, pattern: Pattern) -> Parts<'static> {
        let specials = vocab.specials();
        let end = specials.iter().find(|(text, _)| text == END_OF_TEXT).or(specials.first());
        Parts {
            end_of_text: end.map(|&(_, id)| id),
            vocab: Cow::Owned(vocab),
            pattern: Cow::Owned(pattern),
            normalizer: Normalizer::Nothing,
            flags: Cow::default(),
            ignore_merges: false,
            begin_of_text: BeginOfText::Unstated,
            after_text: Cow::default(),
        }
    }
}
