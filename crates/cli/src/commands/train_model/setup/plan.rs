//! What a run is to be, new or resumed: arguments, checkpoint and model to start from, checked
//! against one another.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use model::{ModelConfig, Transformer};
use tensor::Context;

use super::resume_check::{check_resumed, check_shape};
use crate::commands::flags::Given;
use crate::commands::train_model::args::Args;
use crate::data::dataset::Identity;
use crate::run::checkpoint::{self, Resumed, TokenizerFiles, TrainerState};
use crate::run::spec::training::{RunConfig, model_config};
use crate::run::tokenizer::LoadedTokenizer;
use crate::shell::precision::Choice;

/// Everything about a run but what has to be large in memory.
pub struct Plan {
    /// How it trains.
    pub config: RunConfig,
    /// The model's shape.
    pub shape: ModelConfig,
    /// Kernels and precision.
    pub context: Context,
    /// What the precision was chosen by.
    pub precision: Choice,
    /// Where the weights come from.
    pub weights: Weights,
    /// Steps done.
    pub step: u64,
    /// What is copied into checkpoints.
    pub tokenizer: Option<TokenizerFiles>,
    /// Time spent in earlier sittings, in seconds.
    pub seconds: f64,
    /// The data that the steps so far were trained on; `None` for a new run.
    pub data: Option<(Identity, Option<Identity>)>,
}

/// Where a model comes from.
pub enum Weights {
    /// The seed.
    Random,
    /// A directory, already read.
    Loaded(Box<Transformer>),
    /// This checkpoint, already read but for the optimizer's moments.
    Checkpoint(Box<Transformer>, PathBuf),
}

impl Plan {
    /// What `args`, of which `given` were typed, ask for.
    ///
    /// # Errors
    /// When they contradict themselves, the checkpoint to go on from or the model to start from, or
    /// one of these cannot be read.
    pub fn new(args: &Args, given: &Given) -> Result<Plan> {
        if args.resume { resumed(args, given) } else { new(args, given) }
    }
}

fn new(args: &Args, given: &Given) -> Result<Plan> {
    let tokenizer =
        args.tokenizer.as_deref().map(LoadedTokenizer::load).transpose().context("--tokenizer")?;
    let tokenizer_size = tokenizer.as_ref().map(LoadedTokenizer::vocab_size);
    let end_of_text = tokenizer.as_ref().and_then(LoadedTokenizer::end_of_text);
    let mut files = tokenizer.map(LoadedTokenizer::into_files);
    let (shape, weights) = match &args.init_from {
        None => {
            let eos_token_ids = end_of_text.into_iter().collect();
            let shape = model_config(args, tokenizer_size)?;
            (ModelConfig { bos_token_id: end_of_text, eos_token_ids, ..shape }, Weights::Random)
        }
        Some(path) => {
            let mut model = load_to_start_from(path, args, given)?;
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
        if let Some(path) = &args.init_from {
            bail!(
                "--tokenizer: has {size} tokens, but the model in {} knows {}; give the one that belongs to it",
                path.display(),
                shape.vocab_size
            );
        }
        bail!(
            "--vocab-size {}: the tokenizer has {size} tokens; give at least that, or leave it out",
            shape.vocab_size
        );
    }
    let context = args.precision.context()?;
    let config = RunConfig::from_args(args, shape.context_length, context.precision.to_string())?;
    Ok(Plan {
        config,
        shape,
        context,
        precision: args.precision,
        tokenizer: files,
        weights,
        step: 0,
        seconds: 0.0,
        data: None,
    })
}

/// The model in `path`, the value of `--init-from`, with the context length asked for.
///
/// # Errors
/// When it cannot be read, or a flag contradicts its shape.
pub fn load_to_start_from(path: &Path, args: &Args, given: &Given) -> Result<Transformer> {
    let found = checkpoint::resolve(path).context("--init-from")?;
    let mut model = Transformer::load(&found).context("--init-from")?;
    if model.was_tied() {
        log::info!(
            "{}: its output layer is its embedding; from here on they are two matrices, trained and saved apart",
            path.display()
        );
    }
    check_shape(args, given, model.config(), &path.display().to_string())?;
    if given.has("context_length") {
        model.set_context_length(args.context_length).context("--context-length")?;
    }
    Ok(model)
}

fn resumed(args: &Args, given: &Given) -> Result<Plan> {
    let dir = &args.checkpoint_dir;
    let Some(path) = checkpoint::newest(dir).context("--checkpoint-dir")? else {
        if checkpoint::is_run(dir)? {
            log::warn!(
                "{}: no checkpoint was written yet; the run starts from its beginning",
                dir.display()
            );
            return new(args, given);
        }
        bail!(
            "--resume: {}: no checkpoint there to go on from; leave --resume out to start",
            dir.display()
        );
    };
    let Resumed { model, state, tokenizer } = checkpoint::load(&path).context("--resume")?;
    let TrainerState { mut config, step, seconds, kernels, train_data, val_data, .. } = state;
    check_resumed(args, given, model.config(), &config, &path.display().to_string())?;
    if let Some(keep) = args.keep_checkpoints {
        config.keep_checkpoints = Some(keep);
    }
    if let Some(given) = &args.tokenizer {
        let given = LoadedTokenizer::load(given).context("--tokenizer")?.into_files();
        if tokenizer.as_ref() != Some(&given) {
            bail!("--tokenizer: not the one in {}; leave it out", path.display());
        }
    }
    let precision = Choice::from_name(&config.precision).with_context(|| {
        format!("{}: found the precision {:?}", path.display(), config.precision)
    })?;
    let context = precision.context()?;
    let here = context.kernels.isa().to_string();
    if here != kernels {
        log::warn!(
            "the run used {kernels} kernels so far and now {here}: its end will differ in the last bits"
        );
    }
    let (shape, data) = (model.config().clone(), Some((train_data, val_data)));
    let weights = Weights::Checkpoint(Box::new(model), path);
    Ok(Plan { config, shape, context, precision, tokenizer, weights, step, seconds, data })
}
