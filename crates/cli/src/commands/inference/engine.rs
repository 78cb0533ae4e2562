//! Model and tokenizer together, as the arguments name them.

use std::sync::Once;

use anyhow::{Result, ensure};
use bpe::Tokenizer;
use log::Level;
use model::Transformer;
use tensor::Context;

use super::args::Args;
use crate::run::loaded::{Loaded, OtherTokenizer, Use};
use crate::run::tokenizer;
use crate::shell::precision::Choice;

/// A loaded model that completes texts.
pub struct Engine {
    /// The model.
    pub model: Transformer,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Kernels and precision.
    pub context: Context,
    /// The token that stands before each text.
    pub begin_of_text: Option<u32>,
    /// The token that stands before a text without a prompt, where none stands before each.
    start_id: Option<u32>,
    /// The end tokens of the model, or else of its tokenizer.
    end_ids: Vec<u32>,
}

/// A text to continue, with its ids.
#[derive(Debug, Clone, Default)]
pub struct Prompt {
    text: Vec<u8>,
    ids: Vec<u32>,
    /// The number of bytes of `text` that are whole characters; the others begin one.
    whole: usize,
}

impl Prompt {
    /// Returns the prompt up to its last whole character. If it ends inside one, that is where the
    /// completion begins.
    pub fn shown(&self) -> &[u8] {
        &self.text[..self.whole]
    }

    /// Returns the rest: bytes that begin a character.
    pub fn rest(&self) -> &[u8] {
        &self.text[self.whole..]
    }

    /// Returns all of the prompt.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns the ids, with the token that stands before each text.
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }
}

impl Engine {
    /// Loads the model and the tokenizer that the arguments name.
    ///
    /// # Errors
    /// When the model or the tokenizer cannot be read, or do not belong together.
    pub fn load(args: &Args) -> Result<Engine> {
        let other = OtherTokenizer::from_flag(args.any_tokenizer);
        let (form, tokens) = (args.precision.weight_form(), args.most_tokens());
        let wanted = Use::Inference { form, tokens };
        let loaded = Loaded::read(&args.checkpoint, args.tokenizer.as_deref(), other, wanted)?;
        let begin_of_text = if args.no_bos { None } else { loaded.begin_of_text()? };
        let Loaded { model, tokenizer, .. } = loaded;
        let context = args.precision.context()?;
        let config = model.config();
        let end_of_text = tokenizer::end_of_text(&tokenizer);
        let start_id = config.bos_token_id.or(end_of_text).filter(|_| !args.no_bos);
        let mut end_ids = config.eos_token_ids.clone();
        if end_ids.is_empty() {
            end_ids.extend(end_of_text);
        }
        args.precision.explain(context, Choice::TYPED, Level::Debug);
        Ok(Engine { model, tokenizer, context, begin_of_text, start_id, end_ids })
    }

    /// Returns the precision that the choice of the flag has led to.
    pub fn precision(&self, choice: Choice) -> Choice {
        if choice == Choice::Int8 { choice } else { self.context.precision.into() }
    }

    /// Encodes a prompt, behind the token that stands before each text. An empty one is a text
    /// without a beginning of its own.
    ///
    /// # Errors
    /// When it cannot be encoded, or is empty and no token is known to begin a text.
    pub fn encode(&self, text: Vec<u8>) -> Result<Prompt> {
        let mut ids: Vec<u32> = self.begin_of_text.into_iter().collect();
        ids.extend(self.tokenizer.encode(&text)?);
        if let [first, second, ..] = ids[..]
            && self.begin_of_text == Some(first)
            && first == second
        {
            let token = self.shown(first);
            warn_once(format_args!(
                "the prompt begins with {token}, which stands before each text anyway; leave it \
                 out, or give --no-bos"
            ));
        }
        if ids.is_empty()
            && let Some(id) = self.start_id
        {
            let token = self.shown(id);
            warn_once(format_args!(
                "no token stands before this model's texts; the one without a prompt follows \
                 {token}, which the model may not know"
            ));
            ids.push(id);
        }
        ensure!(!ids.is_empty(), "empty, and no token to begin a text with; give some text");
        let mut decoder = self.tokenizer.stream_decoder();
        decoder.push_bytes(&text);
        let whole = text.len() - decoder.pending().len();
        Ok(Prompt { text, ids, whole })
    }

    /// Returns the text of a token, for messages.
    fn shown(&self, id: u32) -> String {
        let token = self.tokenizer.token(id);
        token.map_or_else(|_| id.to_string(), |token| String::from_utf8_lossy(token).into())
    }

    /// Returns `true` if the tokenizer has the id. Those between its size and the model's stand for
    /// no text.
    pub fn knows(&self, id: u32) -> bool {
        (id as usize) < self.tokenizer.vocab_size()
    }

    /// Returns the tokens that end a text: the model's, and those that are one of `stop`.
    pub fn stop_ids(&self, stop: &[String]) -> Vec<u32> {
        let special = stop.iter().filter_map(|stop| self.tokenizer.special_id(stop));
        self.end_ids.iter().copied().chain(special).collect()
    }
}

/// Logs a warning about the beginning of a text. Each session gets one.
fn warn_once(message: std::fmt::Arguments<'_>) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| log::warn!("{message}"));
}
