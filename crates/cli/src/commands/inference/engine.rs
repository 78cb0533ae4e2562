//! Model and tokenizer together: text in, text out.

use std::sync::Once;

use anyhow::{Context as _, Result, bail};
use bpe::Tokenizer;
use model::{FinishReason, GenerateOptions, Generator, Transformer};
use tensor::Context;

use super::args::Args;
use super::settings::Settings;
use super::stop::StopFilter;
use crate::commands::flags::ExplicitFlags;
use crate::run::loaded::Loaded;
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
    /// The id that stands before a text without a prompt.
    start_id: Option<u32>,
    /// Strings that end a completion, none of them empty.
    stop: Vec<String>,
    /// Ids that end a completion.
    stop_ids: Vec<u32>,
    /// Guards the notice that the context is full, which is logged once.
    window_notice: Once,
}

/// The text generated after a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text, without the stop string.
    pub text: String,
    /// The ids generated, without a stop token.
    pub tokens: Vec<u32>,
    /// The reason for its end; `None` after Ctrl-C.
    pub finish: Option<FinishReason>,
}

impl Engine {
    /// Loads the model and the tokenizer that the arguments name. Unless `--stop` was typed, the
    /// end tokens of the model's configuration end a text too.
    ///
    /// # Errors
    /// When the model or the tokenizer cannot be read, or do not belong together.
    pub fn load(args: &Args, explicit: &ExplicitFlags) -> Result<Engine> {
        let Loaded { mut model, tokenizer, .. } =
            Loaded::read(&args.checkpoint, args.tokenizer.as_deref())?;
        let context = args.precision.context()?;
        let start_id = tokenizer::end_of_text(&tokenizer).or(model.config().bos_token_id);
        let mut stop_ids: Vec<u32> =
            args.stop.iter().filter_map(|stop| tokenizer.special_id(stop)).collect();
        if !explicit.has("stop") {
            stop_ids.extend(&model.config().eos_token_ids);
        }
        if args.precision == Choice::Int8 {
            model = model.quantize_int8().with_context(|| args.checkpoint.display().to_string())?;
        }
        args.precision.explain(context);
        let (stop, window_notice) = (args.stop.clone(), Once::new());
        Ok(Engine { model, tokenizer, context, start_id, stop, stop_ids, window_notice })
    }

    /// Continues `prompt` and calls `show` with each piece of the text, in whole characters.
    ///
    /// # Errors
    /// When the prompt cannot be encoded, or `show` fails.
    pub fn complete(
        &self,
        prompt: &[u8],
        settings: &Settings,
        seed: u64,
        mut show: impl FnMut(&str) -> Result<()>,
    ) -> Result<Completion> {
        let ids = self.prompt_ids(prompt)?;
        let (sampling, max_tokens) = (settings.sampling(), settings.max_tokens);
        let stop_ids = self.stop_ids.clone();
        let options = GenerateOptions { sampling, max_tokens, stop_ids, seed };
        let mut generator =
            Generator::new(&self.model, self.context, &ids, &options).context("--prompt")?;

        let mut decoder = self.tokenizer.stream_decoder();
        let mut filter = StopFilter::new(&self.stop);
        let mut completion = Completion { text: String::new(), tokens: Vec::new(), finish: None };
        let mut emit = |text: &str| {
            completion.text += text;
            show(text)
        };
        loop {
            if interrupt::requested() {
                return Ok(completion);
            }
            let Some(id) = generator.next() else { break };
            if generator.window_has_moved() {
                let context_length = self.model.config().context_length;
                self.window_notice.call_once(|| {
                    log::info!(
                        "the text is longer than the context of {context_length} tokens: the \
                         model goes on from the last ones"
                    );
                });
            }
            completion.tokens.push(id);
            // Ids between the tokenizer's size and the model's stand for no text.
            if id as usize >= self.tokenizer.vocab_size() {
                continue;
            }
            let filtered = filter.push(&decoder.push(id)?);
            emit(&filtered.text)?;
            if filtered.stopped {
                completion.finish = Some(FinishReason::Stop);
                return Ok(completion);
            }
        }
        let last = filter.push(&decoder.finish());
        emit(&last.text)?;
        if !last.stopped {
            emit(&filter.finish())?;
        }
        completion.finish = generator.finish_reason();
        Ok(completion)
    }

    /// Encodes the prompt; an empty one is replaced by the token that stands before texts.
    fn prompt_ids(&self, prompt: &[u8]) -> Result<Vec<u32>> {
        let mut ids = self.tokenizer.encode(prompt).context("--prompt")?;
        if ids.is_empty() {
            ids.extend(self.start_id);
        }
        if ids.is_empty() {
            bail!("--prompt: empty, and the tokenizer has no token to begin with; give some text");
        }
        Ok(ids)
    }
}
