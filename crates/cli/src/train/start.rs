//! Putting a run together, new or resumed: everything is checked here, before hours of work.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use model::{ModelConfig, ParameterKind, Transformer};
use optim::AdamW;
use tensor::Context;

use super::config::{RunConfig, model_config};
use super::contradiction::{check_resumed, check_shape};
use super::data::{Dataset, Identity};
use super::describe::describe;
use super::estimate;
use super::outputs::{Beginning, Outputs};
use crate::args::Given;
use crate::args::train_model::Args;
use crate::checkpoint::{self, Resumed, RunLock, TokenizerFiles, TrainerState};
use crate::metrics::MetricsFile;
use crate::output;
use crate::precision::Choice;
use crate::tokenizer::LoadedTokenizer;

/// A run between two steps.
pub struct Run {
    /// Where checkpoints and metrics go.
    pub dir: PathBuf,
    /// How it trains.
    pub config: RunConfig,
    /// Kernels and precision.
    pub context: Context,
    /// The model after `step` steps.
    pub model: Transformer,
    /// The optimizer after `step` steps.
    pub optimizer: AdamW,
    /// What is copied into checkpoints.
    pub tokenizer: Option<TokenizerFiles>,
    /// The training set.
    pub train: Dataset,
    /// The validation set.
    pub val: Option<Dataset>,
    /// Steps done.
    pub step: u64,
    /// Time spent in earlier sittings, in seconds.
    pub seconds: f64,
    /// The metrics of the steps done.
    pub metrics: MetricsFile,
    /// What else it writes.
    pub outputs: Outputs,
    /// Keeps other processes away.
    _lock: RunLock,
}

/// Everything about a run but what has to be large in memory.
pub struct Plan {
    /// How it trains.
    pub config: RunConfig,
    /// The model's shape.
    pub shape: ModelConfig,
    /// Kernels and precision.
    pub context: Context,
    /// Where the weights come from.
    pub weights: Weights,
    /// Steps done.
    pub step: u64,
    tokenizer: Option<TokenizerFiles>,
    seconds: f64,
    /// The data that the steps so far were trained on.
    data: Option<(Identity, Option<Identity>)>,
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

/// Checks everything there is to check, and makes the directory ready.
///
/// # Errors
/// When an argument or a file is no good, or the directory cannot be written.
pub fn prepare(args: &Args, given: &Given) -> Result<Run> {
    let dir = &args.checkpoint_dir;
    let plan = match args.resume {
        true => resumed_plan(args, given)?,
        false => new_plan(args, given)?,
    };
    estimate::check_memory(&plan.shape, &plan.config)?;
    let (train, val) = open_data(args, &plan)?;
    let mut outputs = {
        let Plan { shape, config, context, tokenizer, step, .. } = &plan;
        let (tokenizer, val) = (tokenizer.as_ref(), val.as_ref());
        let (context, step, train) = (*context, *step, &train);
        let beginning = Beginning { shape, config, context, tokenizer, train, val, step };
        Outputs::prepare(args, dir, &beginning)?
    };
    output::check_dir(dir).context("--checkpoint-dir")?;
    let lock = RunLock::take(dir).context("--checkpoint-dir")?;
    describe(&plan, &train, val.as_ref());

    // From here on the directory changes.
    let metrics = make_room(dir, &plan)?;
    let Plan { config, shape, context, tokenizer, weights, step, seconds, .. } = plan;
    let (model, source) = match weights {
        Weights::Random => (Transformer::new(shape, config.seed)?, None),
        Weights::Loaded(model) => (*model, None),
        Weights::Checkpoint(model, path) => (*model, Some(path)),
    };
    let parameters = model.parameters().iter();
    let parameters = parameters.map(|(name, tensor)| (name.to_string(), tensor.shape().to_vec()));
    let kinds: BTreeMap<String, ParameterKind> =
        model.parameters().specs().iter().map(|spec| (spec.name.clone(), spec.kind)).collect();
    let decay = |name: &str| config.weight_decay_of(kinds[name]);
    let mut optimizer = AdamW::new(config.adamw(), parameters).with_weight_decay(decay);
    if let Some(path) = source {
        checkpoint::load_optimizer(&path, step, &mut optimizer)?;
    }
    if step < config.steps {
        outputs.begin(args, dir, step, metrics.lines())?;
    }
    let dir = dir.clone();
    Ok(Run {
        dir,
        config,
        context,
        model,
        optimizer,
        tokenizer,
        train,
        val,
        step,
        seconds,
        metrics,
        outputs,
        _lock: lock,
    })
}

/// Clears away what is not part of the run: what was left unfinished, an earlier run, or later checkpoints and lines.
fn make_room(dir: &Path, plan: &Plan) -> Result<MetricsFile> {
    checkpoint::remove_unfinished(dir)?;
    if plan.data.is_some() {
        if let Some(aside) = checkpoint::move_later_checkpoints_aside(dir, plan.step)? {
            let (step, aside) = (plan.step, aside.display());
            log::warn!("checkpoints of steps after {step} are now in {aside}");
        }
        return MetricsFile::cut_back(dir, plan.step);
    }
    if let Some(aside) = checkpoint::move_earlier_run_aside(dir)? {
        let aside = aside.display();
        log::warn!(
            "{} held an earlier run, which is now in {aside} (to go on with that one: --resume --checkpoint-dir {aside})",
            dir.display()
        );
    }
    MetricsFile::create(dir)
}

fn new_plan(args: &Args, given: &Given) -> Result<Plan> {
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

fn resumed_plan(args: &Args, given: &Given) -> Result<Plan> {
    let dir = &args.checkpoint_dir;
    let Some(path) = checkpoint::newest(dir).context("--checkpoint-dir")? else {
        if checkpoint::is_run(dir)? {
            log::warn!(
                "{}: no checkpoint was written yet; the run starts from its beginning",
                dir.display()
            );
            return new_plan(args, given);
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
    let context = Choice::from_name(&config.precision)
        .with_context(|| format!("{}: found the precision {:?}", path.display(), config.precision))?
        .context()?;
    let here = context.kernels.isa().to_string();
    if here != kernels {
        log::warn!(
            "the run used {kernels} kernels so far and now {here}: its end will differ in the last bits"
        );
    }
    let (shape, data) = (model.config().clone(), Some((train_data, val_data)));
    let weights = Weights::Checkpoint(Box::new(model), path);
    Ok(Plan { config, shape, context, tokenizer, weights, step, seconds, data })
}

fn open_data(args: &Args, plan: &Plan) -> Result<(Dataset, Option<Dataset>)> {
    let path = args.train_dataset.as_deref().context("--train-dataset is missing")?;
    let (vocab_size, window) = (plan.shape.vocab_size, plan.shape.context_length + 1);
    let reason = format!("one more than --context-length, {}", window - 1);
    let train = Dataset::open("--train-dataset", path, vocab_size, window, &reason)?;
    let whole_set = plan.config.eval_batches == 0;
    let (least, reason) = if whole_set { (2, "one to predict") } else { (window, reason.as_str()) };
    let open = |path: &PathBuf| Dataset::open("--val-dataset", path, vocab_size, least, reason);
    let val = args.val_dataset.as_ref().map(open).transpose()?;
    if let Some((train_data, val_data)) = &plan.data {
        if train.identity != *train_data {
            bail!(
                "--train-dataset: {}: not the tokens that the run was trained on so far",
                path.display()
            );
        }
        if val.as_ref().map(|val| &val.identity) != val_data.as_ref() {
            bail!(
                "--val-dataset: not what the run was validated on so far; give the same file, or none if it had none"
            );
        }
    }
    Ok((train, val))
}
