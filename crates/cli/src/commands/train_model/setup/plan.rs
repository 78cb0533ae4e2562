//! The plan of a run, new or resumed: arguments, checkpoint and model to start from, checked
//! against one another.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use model::{ModelConfig, Transformer};
use tensor::Context;

use super::resume_check::{check_resumed, check_shape};
use crate::commands::flags::ExplicitFlags;
use crate::commands::train_model::args::Args;
use crate::run::checkpoint::{self, Resumed, TrainerState};
use crate::run::spec::TrainingSpec;
use crate::run::tokenizer::{self, TokenizerFiles};
use crate::shell::precision::Choice;

/// A run before its optimizer is allocated.
pub struct Plan {
    /// The resolved specification of its training.
    pub training: TrainingSpec,
    /// The model's shape.
    pub shape: ModelConfig,
    /// Kernels and precision.
    pub context: Context,
    /// The choice that led to the precision, for the log.
    pub precision: Choice,
    /// The tokenizer's files, for the checkpoints.
    pub tokenizer: Option<TokenizerFiles>,
    /// The model with its weights; `None` for random weights.
    pub model: Option<Transformer>,
    /// The checkpoint that the run goes on from; `None` for a new run.
    pub resumed: Option<ResumePoint>,
}

/// The point from which a run goes on.
pub struct ResumePoint {
    /// The checkpoint's directory, which holds the optimizer's moments.
    pub checkpoint: PathBuf,
    /// The state of the run there.
    pub state: TrainerState,
}

impl Plan {
    /// Makes the plan that `args` ask for, of which `explicit` were typed.
    ///
    /// # Errors
    /// When they contradict themselves, the checkpoint to go on from or the model to start from, or
    /// one of these cannot be read.
    pub fn new(args: &Args, explicit: &ExplicitFlags) -> Result<Plan> {
        if args.resume { resumed(args, explicit) } else { new(args, explicit) }
    }

    /// Returns the number of steps done.
    pub fn step(&self) -> u64 {
        self.resumed.as_ref().map_or(0, |point| point.state.step)
    }
}

fn new(args: &Args, explicit: &ExplicitFlags) -> Result<Plan> {
    let dir = args.tokenizer.as_deref();
    let (tokenizer, mut files) =
        dir.map(TokenizerFiles::load).transpose().context("--tokenizer")?.unzip();
    let tokenizer_size = tokenizer.as_ref().map(bpe::Tokenizer::vocab_size);
    let end_of_text = tokenizer.as_ref().and_then(tokenizer::end_of_text);
    let (shape, model) = match &args.training.init_from {
        None => {
            let eos_token_ids = end_of_text.into_iter().collect();
            let shape = args.model.config(tokenizer_size)?;
            (ModelConfig { bos_token_id: end_of_text, eos_token_ids, ..shape }, None)
        }
        Some(path) => {
            let mut model = load_initial_model(path, args, explicit)?;
            if let Some(id) = end_of_text.filter(|&id| (id as usize) < model.config().vocab_size) {
                model.set_special_tokens(Some(id), vec![id])?;
            }
            if files.is_none() {
                files = TokenizerFiles::read(&checkpoint::resolve(path)?)?;
            }
            (model.config().clone(), Some(model))
        }
    };
    if let Some(size) = tokenizer_size.filter(|&size| size > shape.vocab_size) {
        let vocab_size = shape.vocab_size;
        match &args.training.init_from {
            Some(path) => bail!(
                "--tokenizer: has {size} tokens, but the model in {} knows {vocab_size}; give the \
                 one that belongs to it",
                path.display()
            ),
            None => bail!(
                "--vocab-size {vocab_size}: the tokenizer has {size} tokens; give at least that, \
                 or leave it out"
            ),
        }
    }
    let precision = args.training.precision;
    let context = precision.context()?;
    let training = args.training.resolve(shape.context_length, context.precision)?;
    Ok(Plan { training, shape, context, precision, tokenizer: files, model, resumed: None })
}

/// Loads the model in `path`, the value of `--init-from`, with the context length that was typed.
///
/// # Errors
/// When it cannot be read, or a flag contradicts its shape.
pub fn load_initial_model(
    path: &Path,
    args: &Args,
    explicit: &ExplicitFlags,
) -> Result<Transformer> {
    let found = checkpoint::resolve(path).context("--init-from")?;
    let mut model = Transformer::load(&found).context("--init-from")?;
    if model.was_tied() {
        log::info!(
            "{}: its output layer is its embedding; from here on they are two matrices, trained \
             and saved apart",
            path.display()
        );
    }
    check_shape(args, explicit, model.config(), &path.display().to_string())?;
    if explicit.has("context_length") {
        model.set_context_length(args.model.context_length).context("--context-length")?;
    }
    Ok(model)
}

fn resumed(args: &Args, explicit: &ExplicitFlags) -> Result<Plan> {
    let dir = args.checkpoint_dir.display();
    let Some(path) = checkpoint::newest(&args.checkpoint_dir).context("--checkpoint-dir")? else {
        ensure!(
            !checkpoint::names_of_run(&args.checkpoint_dir)?.is_empty(),
            "--resume: {dir}: no checkpoint there to go on from; leave --resume out to start"
        );
        log::warn!("{dir}: no checkpoint was written yet; the run starts from its beginning");
        return new(args, explicit);
    };
    let Resumed { model, state, tokenizer } = checkpoint::load(&path).context("--resume")?;
    let mut training = state.config.clone();
    check_resumed(args, explicit, model.config(), &training, &path.display().to_string())?;
    training.keep_checkpoints = args.training.keep_checkpoints.or(training.keep_checkpoints);
    if let Some(dir) = &args.tokenizer {
        let (_, typed) = TokenizerFiles::load(dir).context("--tokenizer")?;
        let is_same = tokenizer.as_ref() == Some(&typed);
        ensure!(is_same, "--tokenizer: not the one in {}; leave it out", path.display());
    }
    let precision = training.precision;
    let context = precision.context()?;
    let (there, here) = (&state.kernels, context.kernels.isa().to_string());
    if here != *there {
        log::warn!(
            "the run used {there} kernels so far and now {here}: its end will differ in the last \
             bits"
        );
    }
    let (shape, model) = (model.config().clone(), Some(model));
    let resumed = Some(ResumePoint { checkpoint: path, state });
    Ok(Plan { training, shape, context, precision, tokenizer, model, resumed })
}
