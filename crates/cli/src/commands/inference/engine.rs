//! Model and tokenizer together: text in, text out.

use std::sync::Once;
use std::time::Instant;

use anyhow::{Result, ensure};
use bpe::Tokenizer;
use log::Level;
use model::{FinishReason, GenerateOptions, Generator, Transformer};
use tensor::Context;

use super::args::Args;
use super::settings::Settings;
use super::stop::StopFilter;
use crate::run::loaded::{Loaded, OtherTokenizer, Use};
use crate::run::tokenizer;
use crate::shell::interrupt;
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
#[derive(Debug, Clone)]
pub struct Prompt {
    text: Vec<u8>,
    ids: Vec<u32>,
    /// The number of bytes of `text` that are whole characters; the others begin one.
    whole: usize,
}

/// A request for one completion.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The text to continue.
    pub prompt: &'a Prompt,
    /// The choice of tokens, and their number.
    pub settings: &'a Settings,
    /// Strings that end the text, beside the model's end tokens.
    pub stop: &'a [String],
    /// The seed of the choices.
    pub seed: u64,
}

/// The text generated after a prompt.
#[derive(Debug, Clone)]
pub struct Completion {
    /// The text, without the stop string.
    pub text: String,
    /// The bytes of prompt and text together, also those that are no characters and that `text` has
    /// U+FFFD for.
    pub whole: Vec<u8>,
    /// The ids generated, without a stop token.
    pub tokens: Vec<u32>,
    /// The reason for its end; `None` after Ctrl-C.
    pub finish: Option<FinishReason>,
    /// `true` if prompt and text are longer than the context, so that the model went on without
    /// their beginning.
    pub left_context: bool,
    /// Tokens per second after the first one, which waits for the prompt to be read.
    pub tokens_per_second: Option<f64>,
}

impl Prompt {
    /// Returns the prompt up to its last whole character. If it ends inside one, that is where the
    /// completion begins.
    pub fn shown(&self) -> &[u8] {
        &self.text[..self.whole]
    }
}

impl Engine {
    /// Loads the model and the tokenizer that the arguments name.
    ///
    /// # Errors
    /// When the model or the tokenizer cannot be read, or do not belong together.
    pub fn load(args: &Args) -> Result<Engine> {
        let other = OtherTokenizer::from_flag(args.any_tokenizer);
        let (tokenizer, form) = (args.tokenizer.as_deref(), args.precision.weight_form());
        let loaded = Loaded::read(&args.checkpoint, tokenizer, other, Use::Inference(form))?;
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
    fn knows(&self, id: u32) -> bool {
        (id as usize) < self.tokenizer.vocab_size()
    }

    /// Continues a prompt and calls `show` with each piece of the text, in whole characters.
    ///
    /// # Errors
    /// When a setting is invalid, or `show` fails.
    pub fn complete(
        &self,
        request: Request<'_>,
        mut show: impl FnMut(&str) -> Result<()>,
    ) -> Result<Completion> {
        let Request { prompt, settings, stop, seed } = request;
        let (sampling, max_tokens) = (settings.sampling(), settings.max_tokens);
        let mut stop_ids = self.end_ids.clone();
        stop_ids.extend(stop.iter().filter_map(|stop| self.tokenizer.special_id(stop)));
        let options = GenerateOptions { sampling, max_tokens, stop_ids, seed, speculate: 0 };
        let mut generator = Generator::new(&self.model, self.context, &prompt.ids, &options)?;

        let mut decoder = self.tokenizer.stream_decoder();
        decoder.push_bytes(&prompt.text[prompt.whole..]);
        let mut filter = StopFilter::new(stop);
        let (mut text, mut tokens, mut first_at) = (String::new(), Vec::new(), None);
        let mut emit = |piece: &str| {
            text += piece;
            show(piece)
        };
        let mut stopped = false;
        while !stopped
            && !interrupt::requested()
            && let Some(id) = generator.next()
        {
            first_at.get_or_insert_with(Instant::now);
            tokens.push(id);
            if self.knows(id) {
                let filtered = filter.push(&decoder.push(id)?);
                emit(&filtered.text)?;
                stopped = filtered.stopped;
            }
        }
        let (rest, after_first) = (tokens.len().saturating_sub(1), first_at.map(|at| at.elapsed()));
        if !stopped {
            let last = filter.push(&decoder.finish());
            emit(&last.text)?;
            stopped = last.stopped;
        }
        if !stopped {
            emit(&filter.finish())?;
        }
        let whole = if stopped {
            [prompt.shown(), text.as_bytes()].concat()
        } else {
            let known = tokens.iter().copied().filter(|&id| self.knows(id));
            let mut whole = prompt.text.clone();
            self.tokenizer.decode_into(known, &mut whole)?;
            whole
        };
        Ok(Completion {
            text,
            whole,
            tokens,
            finish: if stopped { Some(FinishReason::Stop) } else { generator.finish_reason() },
            left_context: generator.window_has_moved(),
            tokens_per_second: after_first
                .filter(|_| rest > 0)
                .map(|time| rest as f64 / time.as_secs_f64().max(1e-9)),
        })
    }
}

/// Logs a warning about the beginning of a text. Each session gets one.
fn warn_once(message: std::fmt::Arguments<'_>) {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| log::warn!("{message}"));
}
