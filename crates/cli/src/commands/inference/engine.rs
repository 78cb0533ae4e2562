//! Model and tokenizer together: text in, text out.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result, bail};
use bpe::Tokenizer;
use model::{FinishReason, GenerateOptions, Generator, Transformer};
use tensor::Context;

use super::settings::Settings;
use super::stop::StopFilter;
use crate::commands::inference::args::Args;
use crate::run::loaded::Loaded;
use crate::run::tokenizer;
use crate::shell::interrupt;
use crate::shell::precision::Choice;

/// A model that is ready to go on with a text.
pub struct Engine {
    /// The model.
    pub model: Transformer,
    /// Its tokenizer.
    pub tokenizer: Tokenizer,
    /// Kernels and precision.
    pub context: Context,
    /// What a text without a prompt begins after.
    start_id: Option<u32>,
    /// Ids at which the model's own configuration ends a text.
    end_ids: Vec<u32>,
    /// Whether the log knows that the context is full.
    told_of_window: AtomicBool,
}

/// What followed a prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The text, without the stop string.
    pub text: String,
    /// The ids generated, without a stop token.
    pub tokens: Vec<u32>,
    /// Why it ended; `None` after Ctrl-C.
    pub finish: Option<FinishReason>,
}

impl Engine {
    /// Loads what the arguments name. Unless stop strings were `given`, the end of a text is also
    /// where the model's configuration says it is.
    ///
    /// # Errors
    /// When the model or the tokenizer cannot be read, or do not belong together.
    pub fn load(args: &Args, stops_given: bool) -> Result<Engine> {
        let Loaded { model, tokenizer, .. } =
            Loaded::read(&args.checkpoint, args.tokenizer.as_deref())?;
        let context = args.precision.context()?;
        let start_id = tokenizer::end_of_text(&tokenizer).or(model.config().bos_token_id);
        let end_ids = if stops_given { Vec::new() } else { model.config().eos_token_ids.clone() };
        let model = match args.precision {
            Choice::Int8 => {
                model.quantize_int8().with_context(|| args.checkpoint.display().to_string())?
            }
            _ => model,
        };
        args.precision.explain(context);
        let told_of_window = AtomicBool::new(false);
        Ok(Engine { model, tokenizer, context, start_id, end_ids, told_of_window })
    }

    /// Goes on from `prompt` and hands the text to `show` as it comes, in whole characters.
    ///
    /// # Errors
    /// When the prompt cannot be encoded, or what `show` says.
    pub fn complete(
        &self,
        prompt: &[u8],
        settings: &Settings,
        seed: u64,
        mut show: impl FnMut(&str) -> Result<()>,
    ) -> Result<Completion> {
        let ids = self.prompt_ids(prompt)?;
        let stop_ids = settings.stop.iter().filter_map(|stop| self.tokenizer.special_id(stop));
        let stop_ids = stop_ids.chain(self.end_ids.iter().copied()).collect();
        let &Settings { sampling, max_tokens, .. } = settings;
        let options = GenerateOptions { sampling, max_tokens, stop_ids, seed };
        let mut generator =
            Generator::new(&self.model, self.context, &ids, &options).context("--prompt")?;

        let mut decoder = self.tokenizer.stream_decoder();
        let mut filter = StopFilter::new(&settings.stop);
        let mut completion = Completion { text: String::new(), tokens: Vec::new(), finish: None };
        loop {
            if interrupt::requested() {
                return Ok(completion);
            }
            let Some(id) = generator.next() else { break };
            if generator.window_has_moved() {
                self.tell_of_window();
            }
            completion.tokens.push(id);
            // Ids between the tokenizer's size and the model's stand for nothing.
            if id as usize >= self.tokenizer.vocab_size() {
                continue;
            }
            let filtered = filter.push(&decoder.push(id)?);
            completion.text += &filtered.text;
            show(&filtered.text)?;
            if filtered.stopped {
                completion.finish = Some(FinishReason::Stop);
                return Ok(completion);
            }
        }
        let last = filter.push(&decoder.finish());
        let mut rest = last.text;
        if !last.stopped {
            rest += &filter.finish();
        }
        completion.text += &rest;
        show(&rest)?;
        completion.finish = generator.finish_reason();
        Ok(completion)
    }

    /// The ids of the prompt; of an empty one, the token that texts begin after.
    fn prompt_ids(&self, prompt: &[u8]) -> Result<Vec<u32>> {
        let ids = self.tokenizer.encode(prompt).context("--prompt")?;
        match (ids.is_empty(), self.start_id) {
            (false, _) => Ok(ids),
            (true, Some(start)) => Ok(vec![start]),
            (true, None) => bail!(
                "--prompt: empty, and the tokenizer has no token to begin with; give some text"
            ),
        }
    }

    fn tell_of_window(&self) {
        if !self.told_of_window.swap(true, Ordering::Relaxed) {
            log::info!(
                "the text is longer than the context of {} tokens: the model goes on from the last ones",
                self.model.config().context_length
            );
        }
    }
}
