//! Puts a run together: checks everything before hours of work, then makes the run's directory
//! ready.

pub mod data;
pub mod data_paths;
pub mod describe;
pub mod extension;
pub mod plan;
pub mod remark;
pub mod resume_check;
pub mod tokenizer;

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
use crate::commands::train_model::trainer::{Clock, NotFinite, Observer, Outcome, Trainer};
use crate::data::dataset::Dataset;
use crate::run::checkpoint::{self, RunLock, Validation};
use crate::run::manifest::{DataFile, RunManifest, Session};
use crate::run::metrics::{Metrics, MetricsFile};
use crate::run::samples::Samples;
use crate::run::spec::{ModelSpec, TrainingSpec};
use crate::shell::exit;
use crate::shell::{interrupt, stdout, units};
use data::Data;
use data_paths::DataPaths;
use describe::describe;
use plan::{Plan, ResumePoint};
use remark::Remark;

/// A run that was checked, before anything changes on disk.
pub struct Setup {
    dir: PathBuf,
    plan: Plan,
    data: Data,
    samples: Option<Samples>,
    manifest: RunManifest,
    tensorboard: bool,
    profile: Option<u64>,
    lock: Option<RunLock>,
}

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
            match trainer.outcome() {
                Outcome::AllSteps { steps } => log::info!(
                    "all {steps} steps are done already; with a larger --steps, --resume goes \
                     further"
                ),
                ending => {
                    log::info!("{ending}; with a larger --patience, --resume goes on from there")
                }
            }
            return Ok(());
        }
        let trained = trainer.train(&mut self.observers, self.profiler);
        let error = trained.as_ref().err();
        let text = error.map_or_else(|| trainer.outcome().to_string(), exit::message);
        let not_finite = error.and_then(|error| error.downcast_ref::<NotFinite>());
        if let Some(session) = self.manifest.sessions.last_mut() {
            session.end(trainer.step, text, not_finite.map(|error| error.step));
        }
        let written = self.manifest.write(&trainer.dir);
        trained.and(written)
    }
}

impl Setup {
    /// Checks all that can be checked, and changes nothing.
    ///
    /// # Errors
    /// When an argument or a file cannot be used.
    pub fn check(args: &Args, explicit: &ExplicitFlags) -> Result<Setup> {
        let dir = &args.checkpoint_dir;
        // Before anything of the run is read: another process may still be writing it.
        let lock = dir.is_dir().then(|| RunLock::take(dir)).transpose();
        let lock = lock.context("--checkpoint-dir")?;
        if args.resume {
            check_there_is_a_run(dir, explicit)?;
        }
        let paths = DataPaths::new(args, explicit)?;
        let mut plan = Plan::new(args, explicit, &paths)?;
        estimate::check_memory(&plan.shape, &plan.training)?;
        let data = Data::open(&paths, &plan)?;
        if plan.resumed.is_none() || plan.tokenizer.is_silent_on_begin() {
            plan.tokenizer.set_begin_of_text(data.train.ends_of_text)?;
        }
        Ok(Setup {
            dir: dir.clone(),
            samples: samples(args, &plan)?,
            manifest: manifest(args, &plan, &data)?,
            plan,
            data,
            tensorboard: args.tensorboard,
            profile: args.profile.map(NonZeroU64::get),
            lock,
        })
    }

    /// Prints the run that [`Setup::begin`] would begin, and changes nothing. Takes a few steps in
    /// memory, to estimate the time.
    ///
    /// # Errors
    /// When such a step fails, or standard output cannot be written.
    pub fn print(self) -> Result<()> {
        let Setup { dir, plan, data, .. } = self;
        plan.remarks.iter().for_each(Remark::log);
        let mut lines = describe::lines(&plan, &data);
        let (memory, left) = (describe::memory(&plan), plan.training.steps() - plan.step());
        let is_replaced = plan.resumed.is_none() && !checkpoint::names_of_run(&dir)?.is_empty();
        let aside = if is_replaced { "; the run in it would move to earlier-N there" } else { "" };
        lines.push(format!("directory: {}{aside}", dir.display()));
        let time = trainer(dir, plan, data, &[])?.trial()?.unwrap_or_default();
        let time = units::duration(time);
        lines.push(format!("estimate: {memory} of memory; {time} for {left} steps"));
        stdout::print(lines.join("\n") + "\n")
    }

    /// Makes the run's directory ready.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(self) -> Result<Run> {
        let Setup { dir, mut plan, data, samples, manifest, tensorboard, profile, lock } = self;
        files::check_dir(&dir).context("--checkpoint-dir")?;
        let lock = lock.map_or_else(|| RunLock::take(&dir), Ok).context("--checkpoint-dir")?;
        describe(&plan, &data);
        interrupt::check()?;

        // From here on the directory changes.
        let (metrics, so_far) = make_room(&dir, &mut plan)?;
        let step = plan.step();
        let tokenizer = plan.tokenizer.files.take();
        let trainer = trainer(dir, plan, data, &so_far)?;
        let profiler = Profiler::new(profile, trainer.training.steps() - step);
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
            if tensorboard {
                let events = EventFile::create(&trainer.dir, &so_far)?;
                observers.push(Box::new(Optional { observer: Some(events), what: "event files" }));
            }
            observers.push(Box::new(Chart { lines: so_far }));
            observers.push(Box::new(ending));
            RunManifest::set_aside_if_damaged(&trainer.dir)?;
            manifest.write(&trainer.dir)?;
        }
        Ok(Run { trainer, profiler, observers, manifest, _lock: lock })
    }
}

/// Checks that there is something to resume.
fn check_there_is_a_run(dir: &Path, explicit: &ExplicitFlags) -> Result<()> {
    let is_default = !explicit.has("checkpoint_dir");
    let default = if is_default { " (the default of --checkpoint-dir)" } else { "" };
    ensure!(
        !checkpoint::names_of_run(dir)?.is_empty(),
        "--resume: {}{default}: no checkpoint there to go on from; leave --resume out to start",
        dir.display()
    );
    Ok(())
}

/// Returns the trainer of a run with the metrics `so_far`, before its next step.
fn trainer(dir: PathBuf, plan: Plan, data: Data, so_far: &[Metrics]) -> Result<Trainer> {
    let step = plan.step();
    let Plan { training, shape, context, tokenizer, model, resumed, .. } = plan;
    let model = model.map_or_else(|| Transformer::new(shape, training.seed), Ok)?;
    let mut optimizer = optimizer(&model, &training);
    let mut validation = Validation::of(so_far);
    let mut seconds = 0.0;
    if let Some(ResumePoint { checkpoint, state, extension, .. }) = &resumed {
        checkpoint::load_optimizer(checkpoint, step, &mut optimizer)?;
        seconds = state.seconds;
        validation = state.validation.unwrap_or(validation);
        if extension.is_some() {
            // The evaluations so far belong to what was planned then.
            validation.without_better = 0;
        }
    }
    Ok(Trainer {
        dir,
        training,
        context,
        model,
        optimizer,
        train: data.train,
        val: data.val,
        step,
        validation,
        tokenizer_sha256: tokenizer.sha256,
        clock: Clock::new(seconds),
    })
}

/// Returns the optimizer before its first step.
fn optimizer(model: &Transformer, training: &TrainingSpec) -> AdamW {
    let parameters = model.parameters();
    let kinds: BTreeMap<&str, ParameterKind> =
        parameters.specs().iter().map(|spec| (spec.name.as_str(), spec.kind)).collect();
    let decay = |name: &str| training.weight_decay_of(kinds[name]);
    AdamW::new(training.adamw(), parameters).with_weight_decay(decay)
}

/// Returns the samples that the arguments ask for.
fn samples(args: &Args, plan: &Plan) -> Result<Option<Samples>> {
    let Some(prompt) = &args.sample_prompt else { return Ok(None) };
    let Some(files) = &plan.tokenizer.files else {
        bail!("--sample-prompt: needs a tokenizer; give --tokenizer DIR")
    };
    let (tokenizer, vocab_size) = (files.tokenizer()?, plan.shape.vocab_size);
    let dir = &args.checkpoint_dir;
    Samples::new(dir, tokenizer, prompt, vocab_size, plan.training.seed).map(Some)
}

/// Returns the manifest of the run, with a session that begins now.
fn manifest(args: &Args, plan: &Plan, data: &Data) -> Result<RunManifest> {
    let point = plan.resumed.as_ref();
    let earlier = point.and_then(|point| point.manifest.clone());
    let typed = plan.tokenizer.path.as_ref().map(|path| path.display().to_string());
    let (tokenizer, mut extensions, mut sessions) = match earlier {
        Some(earlier) => (earlier.tokenizer_path(), earlier.extensions, earlier.sessions),
        None => (typed, Vec::new(), Vec::new()),
    };
    let extension = point.and_then(|point| point.extension);
    extensions.extend(extension.filter(|extension| extensions.last() != Some(extension)));
    sessions.push(Session::begin(plan.context.kernels.isa().to_string(), plan.step()));
    let file = |data: &Dataset| DataFile::read(&data.path, data.identity.clone());
    Ok(RunManifest {
        model: ModelSpec::from(&plan.shape),
        parameters: plan.shape.parameter_count(),
        training: plan.training.clone(),
        tokenizer,
        tokenizer_sha256: plan.tokenizer.sha256.clone(),
        train_data: file(&data.train)?,
        val_data: data.val.as_ref().map(file).transpose()?,
        sample_prompt: args.sample_prompt.clone(),
        tensorboard: args.tensorboard,
        extensions,
        sessions,
    })
}

/// Clears away what is not part of the run: unfinished files, an earlier run, or later checkpoints
/// and lines of metrics; and makes the links right. Returns the metrics so far.
fn make_room(dir: &Path, plan: &mut Plan) -> Result<(MetricsFile, Vec<Metrics>)> {
    files::remove_unfinished(dir)?;
    if let Some(point) = &mut plan.resumed {
        let step = point.state.step;
        point.checkpoint = checkpoint::settle(dir, step)?;
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
