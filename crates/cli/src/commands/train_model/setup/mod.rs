//! Puts a run together: checks everything before hours of work, then makes the run's directory
//! ready.

pub mod describe;
pub mod plan;
pub mod resume_check;

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use model::{ParameterKind, Transformer};
use optim::AdamW;

use crate::charts::tensorboard::EventFile;
use crate::commands::flags::ExplicitFlags;
use crate::commands::train_model::args::Args;
use crate::commands::train_model::estimate;
use crate::commands::train_model::observers::{Chart, Checkpoints, Ending, Optional, StatusLine};
use crate::commands::train_model::profile::Profiler;
use crate::commands::train_model::trainer::{Clock, NotFinite, Observer, Trainer};
use crate::data::dataset::Dataset;
use crate::run::checkpoint::{self, RunLock};
use crate::run::manifest::{DataFile, RunManifest, Session};
use crate::run::metrics::{Metrics, MetricsFile};
use crate::run::samples::Samples;
use crate::run::spec::{ModelSpec, TrainingSpec};
use crate::shell::exit;
use crate::shell::interrupt;
use describe::describe;
use plan::Plan;

/// A run that is ready to take its next step.
pub struct Run {
    trainer: Trainer,
    profiler: Profiler,
    observers: Vec<Box<dyn Observer>>,
    manifest: RunManifest,
    /// Keeps other processes away.
    _lock: RunLock,
}

impl Run {
    /// Trains to the last step, or until Ctrl-C; either way the last thing written is a checkpoint.
    ///
    /// # Errors
    /// When a loss or gradient is not finite, or a file cannot be written;
    /// [`interrupt::Interrupted`] after Ctrl-C.
    pub fn train(mut self) -> Result<()> {
        let trainer = &mut self.trainer;
        if trainer.is_done() {
            log::info!("all {} steps are done already", trainer.step);
            return Ok(());
        }
        let outcome = trainer.train(&mut self.observers, self.profiler);
        let error = outcome.as_ref().err();
        let text = error.map_or("done".to_string(), exit::message);
        let not_finite = error.and_then(|error| error.downcast_ref::<NotFinite>());
        if let Some(session) = self.manifest.sessions.last_mut() {
            session.end(trainer.step, text, not_finite.map(|error| error.step));
        }
        let written = self.manifest.write(&trainer.dir);
        outcome.and(written)
    }
}

/// Checks all that can be checked, and makes the run's directory ready.
///
/// # Errors
/// When an argument or a file cannot be used, or the directory cannot be written.
pub fn prepare(args: &Args, explicit: &ExplicitFlags) -> Result<Run> {
    let dir = &args.checkpoint_dir;
    // Before anything of the run is read: another process may still be writing it.
    let lock = dir.is_dir().then(|| RunLock::take(dir)).transpose().context("--checkpoint-dir")?;
    let plan = Plan::new(args, explicit)?;
    estimate::check_memory(&plan.shape, &plan.training)?;
    let (train, val) = open_data(args, &plan)?;
    let samples = samples(args, &plan)?;
    let manifest = manifest(args, &plan, &train, val.as_ref())?;
    files::check_dir(dir).context("--checkpoint-dir")?;
    let lock = lock.map_or_else(|| RunLock::take(dir), Ok).context("--checkpoint-dir")?;
    describe(&plan, &train, val.as_ref());
    interrupt::check()?;

    // From here on the directory changes.
    let (metrics, so_far) = make_room(dir, &plan)?;
    let step = plan.step();
    let Plan { training, shape, context, tokenizer, model, resumed, .. } = plan;
    let model = model.map_or_else(|| Transformer::new(shape, training.seed), Ok)?;
    let mut optimizer = optimizer(&model, &training);
    if let Some(point) = &resumed {
        checkpoint::load_optimizer(&point.checkpoint, step, &mut optimizer)?;
    }
    let clock = Clock::new(resumed.map_or(0.0, |point| point.state.seconds));
    let dir = dir.clone();
    let trainer = Trainer { dir, training, context, model, optimizer, train, val, step, clock };
    let profiler =
        Profiler::new(args.profile.map(NonZeroU64::get), trainer.training.steps() - step);
    let mut observers: Vec<Box<dyn Observer>> = Vec::new();
    if !trainer.is_done() {
        // In this order: a checkpoint never is ahead of the metrics.
        observers.push(Box::new(StatusLine::new(&trainer, &so_far)));
        observers.push(Box::new(metrics));
        let ending = Ending::new(&so_far, tokenizer.is_some());
        observers.push(Box::new(Checkpoints { tokenizer }));
        if let Some(samples) = samples {
            samples.begin(step)?;
            observers.push(Box::new(Optional { observer: Some(samples), what: "samples" }));
        }
        if args.tensorboard {
            let events = EventFile::create(&trainer.dir, &so_far)?;
            observers.push(Box::new(Optional { observer: Some(events), what: "event files" }));
        }
        observers.push(Box::new(Chart { lines: so_far }));
        observers.push(Box::new(ending));
        manifest.write(&trainer.dir)?;
    }
    Ok(Run { trainer, profiler, observers, manifest, _lock: lock })
}

/// Returns the optimizer before its first step.
fn optimizer(model: &Transformer, training: &TrainingSpec) -> AdamW {
    let parameters = model.parameters();
    let shapes =
        parameters.iter().map(|(name, tensor)| (name.to_string(), tensor.shape().to_vec()));
    let kinds: BTreeMap<&str, ParameterKind> =
        parameters.specs().iter().map(|spec| (spec.name.as_str(), spec.kind)).collect();
    let decay = |name: &str| training.weight_decay_of(kinds[name]);
    AdamW::new(training.adamw(), shapes).with_weight_decay(decay)
}

/// Returns the samples that the arguments ask for.
fn samples(args: &Args, plan: &Plan) -> Result<Option<Samples>> {
    let Some(prompt) = &args.sample_prompt else { return Ok(None) };
    let Some(files) = &plan.tokenizer else {
        bail!("--sample-prompt: needs a tokenizer; give --tokenizer DIR")
    };
    let (tokenizer, vocab_size) = (files.tokenizer()?, plan.shape.vocab_size);
    let dir = &args.checkpoint_dir;
    Samples::new(dir, tokenizer, prompt, vocab_size, plan.training.seed).map(Some)
}

/// Returns the manifest of the run, with a session that begins now.
fn manifest(
    args: &Args,
    plan: &Plan,
    train: &Dataset,
    val: Option<&Dataset>,
) -> Result<RunManifest> {
    let earlier = plan.resumed.is_some().then(|| RunManifest::read(&args.checkpoint_dir)).flatten();
    let mut sessions = earlier.map_or(Vec::new(), |manifest| manifest.sessions);
    sessions.push(Session::begin(plan.context.kernels.isa().to_string(), plan.step()));
    let file = |data: &Dataset| DataFile::read(&data.path, data.identity.clone());
    Ok(RunManifest {
        model: ModelSpec::from(&plan.shape),
        parameters: plan.shape.parameter_count(),
        training: plan.training.clone(),
        tokenizer_sha256: None,
        train_data: file(train)?,
        val_data: val.map(file).transpose()?,
        sessions,
    })
}

/// Clears away what is not part of the run: unfinished files, an earlier run, or later checkpoints
/// and lines of metrics. Returns the metrics so far.
fn make_room(dir: &Path, plan: &Plan) -> Result<(MetricsFile, Vec<Metrics>)> {
    files::remove_unfinished(dir)?;
    if let Some(point) = &plan.resumed {
        let step = point.state.step;
        if let Some(aside) = checkpoint::move_later_checkpoints_aside(dir, step)? {
            log::warn!("checkpoints of steps after {step} are now in {}", aside.display());
        }
        return MetricsFile::cut_back(dir, step);
    }
    if let Some(aside) = checkpoint::move_earlier_run_aside(dir)? {
        let aside = aside.display();
        log::warn!(
            "{} held an earlier run, which is now in {aside} (to go on with that one: --resume \
             --checkpoint-dir {aside})",
            dir.display()
        );
    }
    Ok((MetricsFile::create(dir)?, Vec::new()))
}

/// Opens the training set and the validation set, and checks that a resumed run has its own.
fn open_data(args: &Args, plan: &Plan) -> Result<(Dataset, Option<Dataset>)> {
    let path = args.train_dataset.as_deref().context("--train-dataset is missing")?;
    let (vocab_size, window) = (plan.shape.vocab_size, plan.shape.context_length + 1);
    let reason = format!("one more than --context-length, {}", window - 1);
    let train = Dataset::open("--train-dataset", path, vocab_size, window, &reason)?;
    let whole_set = plan.training.eval_batches == 0;
    let (least, reason) = if whole_set { (2, "one to predict") } else { (window, reason.as_str()) };
    let open = |path: &PathBuf| Dataset::open("--val-dataset", path, vocab_size, least, reason);
    let val = args.val_dataset.as_ref().map(open).transpose()?;
    if let Some(so_far) = plan.resumed.as_ref().map(|point| &point.state) {
        ensure!(
            train.identity == so_far.train_data,
            "--train-dataset: {}: not the tokens that the run was trained on so far",
            path.display()
        );
        ensure!(
            val.as_ref().map(|val| &val.identity) == so_far.val_data.as_ref(),
            "--val-dataset: not what the run was validated on so far; give the same file, or none \
             if it had none"
        );
    }
    Ok((train, val))
}
