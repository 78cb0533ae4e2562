//! The plan of a run, new or resumed: arguments, checkpoint and model to start from, checked
//! against one another.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use model::{ModelConfig, Transformer};
use tensor::Context;

use super::resume_check::{check_resumed, check_shape};
use crate::commands::flags::ExplicitFlags;
use crate::commands::train_model::args::Args;
use crate::data::dataset::Identity;
use crate::run::checkpoint::{self, Resumed, TokenizerFiles, TrainerState};
use crate::run::spec::TrainingSpec;
use crate::run::tokenizer::LoadedTokenizer;
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
    /// The source of the weights.
    pub weights: Weights,
    /// Steps done.
    pub step: u64,
    /// The tokenizer's files, for the checkpoints.
    pub tokenizer: Option<TokenizerFiles>,
    /// Seconds spent in earlier sessions.
    pub seconds: f64,
    /// The data of the steps so far; `None` for a new run.
    pub data: Option<TrainedOn>,
}

/// The data that a resumed run was trained on.
pub struct TrainedOn {
    /// The training set.
    pub train: Identity,
    /// The validation set.
    pub val: Option<Identity>,
}

/// The source of a model's first weights.
pub enum Weights {
    /// The seed.
    Random,
    /// A directory, whose model is already read.
    Loaded(Box<Transformer>),
    /// A checkpoint, already read except for the optimizer's moments.
    Checkpoint(Box<Transformer>, PathBuf),
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
}

fn new(args: &Args, explicit: &ExplicitFlags) -> Result<Plan> {
    let tokenizer =
        args.tokenizer.as_deref().map(LoadedTokenizer::load).transpose().context("--tokenizer")?;
    let tokenizer_size = tokenizer.as_ref().map(LoadedTokenizer::vocab_size);
    let end_of_text = tokenizer.as_ref().and_then(LoadedTokenizer::end_of_text);
    let mut files = tokenizer.map(LoadedTokenizer::into_files);
    let (shape, weights) = match &args.training.init_from {
        None => {
            let eos_token_ids = end_of_text.into_iter().collect();
            let shape = args.model.config(tokenizer_size)?;
            (ModelConfig { bos_token_id: end_of_text, eos_token_ids, ..shape }, Weights::Random)
        }
        Some(path) => {
            let mut model = load_initial_model(path, args, explicit)?;
            if let Some(id) = end_of_text.filter(|&id| (id as usize) < model.config().vocab_size) {
                model.set_special_tokens(Some(id), vec![id])?;
            }
            if files.is_none() {
                files = TokenizerFiles::read(&checkpoint::resolve(path)?)?;
            }
            (model.config().clone(), Weights::Loaded(Box::new(model)))
        }
    };
    if let Some(size) = tokenizer_size.filter(|&size| size > shape.vocab_size) {
        if let Some(path) = &args.training.init_from {
            bail!(
                "--tokenizer: has {size} tokens, but the model in {} knows {}; give the one that \
                 belongs to it",
                path.display(),
                shape.vocab_size
            );
        }
        bail!(
            "--vocab-size {}: the tokenizer has {size} tokens; give at least that, or leave it out",
            shape.vocab_size
        );
    }
    let context = args.training.precision.context()?;
    let training = args.training.resolve(shape.context_length, context.precision)?;
    Ok(Plan {
        training,
        shape,
        context,
        precision: args.training.precision,
        tokenizer: files,
        weights,
        step: 0,
        seconds: 0.0,
        data: None,
    })
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
            "{}: its output layer is its embedding; from here on they are two matrices, trained and \
             saved apart",
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
    let dir = &args.checkpoint_dir;
    let Some(path) = checkpoint::newest(dir).context("--checkpoint-dir")? else {
        if checkpoint::is_run(dir)? {
            log::warn!(
                "{}: no checkpoint was written yet; the run starts from its beginning",
                dir.display()
            );
            return new(args, explicit);
        }
        bail!(
            "--resume: {}: no checkpoint there to go on from; leave --resume out to start",
            dir.display()
        );
    };
    let Resumed { model, state, tokenizer } = checkpoint::load(&path).context("--resume")?;
    let TrainerState { config: mut training, step, seconds, kernels, train_data, val_data, .. } =
        state;
    check_resumed(args, explicit, model.config(), &training, &path.display().to_string())?;
    training.keep_checkpoints = args.training.keep_checkpoints.or(training.keep_checkpoints);
    if let Some(given) = &args.tokenizer {
        let given = LoadedTokenizer::load(given).context("--tokenizer")?.into_files();
        if tokenizer.as_ref() != Some(&given) {
            bail!("--tokenizer: not the one in {}; leave it out", path.display());
        }
    }
    let precision = training.precision;
    let context = precision.context()?;
    let here = context.kernels.isa().to_string();
    if here != kernels {
        log::warn!(
            "the run used {kernels} kernels so far and now {here}: its end will differ in the last \
             bits"
        );
    }
    let shape = model.config().clone();
    let data = Some(TrainedOn { train: train_data, val: val_data });
    let weights = Weights::Checkpoint(Box::new(model), path);
    Ok(Plan { training, shape, context, precision, tokenizer, weights, step, seconds, data })
}
