//! Putting a run together: everything is checked here, before hours of work; then its directory is
//! made ready.

pub mod describe;
pub mod estimate;
pub mod plan;
pub mod resume_check;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use model::{ParameterKind, Transformer};
use optim::AdamW;
use tensor::Context;

use crate::commands::flags::Given;
use crate::commands::train_model::args::Args;
use crate::commands::train_model::observers::{Beginning, Outputs};
use crate::data::dataset::Dataset;
use crate::run::checkpoint::{self, RunLock, TokenizerFiles};
use crate::run::metrics::MetricsFile;
use crate::run::spec::training::RunConfig;
use crate::shell::interrupt;
use describe::describe;
use plan::{Plan, Weights};

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

/// Checks everything there is to check, and makes the directory ready.
///
/// # Errors
/// When an argument or a file is no good, or the directory cannot be written.
pub fn prepare(args: &Args, given: &Given) -> Result<Run> {
    let dir = &args.checkpoint_dir;
    // Before anything of the run is read: whoever writes it may still be at work.
    let lock = dir.is_dir().then(|| RunLock::take(dir)).transpose().context("--checkpoint-dir")?;
    let plan = Plan::new(args, given)?;
    estimate::check_memory(&plan.shape, &plan.config)?;
    let (train, val) = open_data(args, &plan)?;
    let mut outputs = {
        let Plan { shape, config, context, tokenizer, step, .. } = &plan;
        let (tokenizer, val) = (tokenizer.as_ref(), val.as_ref());
        let (context, step, train) = (*context, *step, &train);
        let beginning = Beginning { shape, config, context, tokenizer, train, val, step };
        Outputs::prepare(args, dir, &beginning)?
    };
    files::check_dir(dir).context("--checkpoint-dir")?;
    let lock = match lock {
        Some(lock) => lock,
        None => RunLock::take(dir).context("--checkpoint-dir")?,
    };
    describe(&plan, &train, val.as_ref());
    interrupt::check()?;

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

/// Clears away what is not part of the run: what was left unfinished, an earlier run, or later
/// checkpoints and lines.
fn make_room(dir: &Path, plan: &Plan) -> Result<MetricsFile> {
    files::remove_unfinished(dir)?;
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
