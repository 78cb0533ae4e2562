//! The plan of a run, new or resumed: arguments, checkpoint and model to start from, checked
//! against one another.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use log::Level;
use model::{ModelConfig, Transformer};
use tensor::Context;

use super::data_paths::DataPaths;
use super::extension::{self, extension};
use super::remark::Remark;
use super::resume_check::{check_resumed, check_shape};
use super::tokenizer::RunTokenizer;
use crate::commands::flags::ExplicitFlags;
use crate::commands::train_model::args::Args;
use crate::run::checkpoint::{self, Purpose, Resumed, TrainerState};
use crate::run::manifest::{Extension, RunManifest};
use crate::run::spec::TrainingSpec;
use crate::shell::exit::usage;
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
    /// The reason for that choice, if it was not automatic.
    pub precision_reason: &'static str,
    /// The tokenizer, for the checkpoints.
    pub tokenizer: RunTokenizer,
    /// The model with its weights; `None` for random weights.
    pub model: Option<Transformer>,
    /// The checkpoint that the run goes on from; `None` for a new run.
    pub resumed: Option<ResumePoint>,
    /// Lines for the log.
    pub remarks: Vec<Remark>,
}

/// The point from which a run goes on.
pub struct ResumePoint {
    /// The checkpoint's directory, which holds the optimizer's moments.
    pub checkpoint: PathBuf,
    /// The state of the run there.
    pub state: TrainerState,
    /// The run's manifest, if it is there.
    pub manifest: Option<RunManifest>,
    /// The new plan, if the run goes further than planned.
    pub extension: Option<Extension>,
}

impl Plan {
    /// Makes the plan that `args` ask for, of which `explicit` were typed, for the token files in
    /// `paths`.
    ///
    /// # Errors
    /// When they contradict themselves, the checkpoint to go on from or the model to start from, or
    /// one of these cannot be read.
    pub fn new(args: &Args, explicit: &ExplicitFlags, paths: &DataPaths) -> Result<Plan> {
        if args.resume { resumed(args, explicit, paths) } else { new(args, explicit, paths) }
    }

    /// Returns the number of steps done.
    pub fn step(&self) -> u64 {
        self.resumed.as_ref().map_or(0, |point| point.state.step)
    }
}

/// The reason for the precision of a run that goes on.
const AS_BEGUN: &str = "as the run began";

fn new(args: &Args, explicit: &ExplicitFlags, paths: &DataPaths) -> Result<Plan> {
    let tokenizer = RunTokenizer::of_new_run(args, paths)?;
    let (end_of_text, begin_of_text) = (tokenizer.end_of_text, tokenizer.begin_of_text);
    let (shape, model) = match &args.training.init_from {
        None => {
            let eos_token_ids = end_of_text.into_iter().collect();
            let mut options = args.model.clone();
            // The tokenizer counts more than a preset.
            if tokenizer.vocab_size.is_some() && !explicit.has("vocab_size") {
                options.vocab_size = None;
            }
            let shape = options.config(tokenizer.vocab_size)?;
            (ModelConfig { bos_token_id: begin_of_text, eos_token_ids, ..shape }, None)
        }
        Some(path) => {
            let mut model = load_initial_model(path, args, explicit)?;
            // A tokenizer that is the model's own leaves its tokens as they are.
            let named = end_of_text.filter(|_| tokenizer.path.is_some());
            // A model may end texts with several tokens.
            let named = named.filter(|id| !model.config().eos_token_ids.contains(id));
            if let Some(id) = named.filter(|&id| (id as usize) < model.config().vocab_size) {
                model.set_special_tokens(begin_of_text, vec![id])?;
            }
            (model.config().clone(), Some(model))
        }
    };
    let tokenizer_size = tokenizer.vocab_size.filter(|_| tokenizer.path.is_some());
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
    let precision_reason = match (explicit.has("precision"), args.resume) {
        (true, _) => Choice::TYPED,
        (false, true) => AS_BEGUN,
        (false, false) => "as --config says",
    };
    let context = precision.context()?;
    let training = args.training.resolve(shape.context_length, context.precision)?;
    ensure_patience_has_a_set(&training, paths)?;
    let remarks =
        [extended_before(args)?, tokenizer.remark.clone()].into_iter().flatten().collect();
    Ok(Plan {
        training,
        shape,
        context,
        precision,
        precision_reason,
        tokenizer,
        model,
        resumed: None,
        remarks,
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

/// Returns a warning if the run of `--config` was planned more than once.
fn extended_before(args: &Args) -> Result<Option<Remark>> {
    let Some(path) = &args.config else { return Ok(None) };
    let manifest = RunManifest::read_file(path).context("--config")?;
    Ok(manifest.extensions.first().map(|first| {
        let text = format!(
            "--config: {}: that run was planned for {} steps at first, and further later; this one \
             is planned for all of its steps from the beginning",
            path.display(),
            first.from_steps
        );
        Remark::new(Level::Warn, text)
    }))
}

/// Checks that `--patience` has a validation loss to go by.
fn ensure_patience_has_a_set(training: &TrainingSpec, paths: &DataPaths) -> Result<()> {
    match training.patience {
        Some(patience) if paths.val.is_none() => {
            Err(usage(format!("--patience {patience}: needs a validation set; give --val-dataset")))
        }
        _ => Ok(()),
    }
}

fn resumed(args: &Args, explicit: &ExplicitFlags, paths: &DataPaths) -> Result<Plan> {
    let dir = args.checkpoint_dir.display();
    let newest = checkpoint::newest(&args.checkpoint_dir, Purpose::Resume);
    let Some(path) = newest.context("--checkpoint-dir")? else {
        log::warn!("{dir}: no checkpoint was written yet; the run starts from its beginning");
        return new(args, explicit, paths);
    };
    let Resumed { model, state } = checkpoint::load(&path).context("--resume")?;
    let mut training = state.config.clone();
    check_resumed(args, explicit, model.config(), &training, &path.display().to_string())?;
    training.keep_checkpoints = args.training.keep_checkpoints.or(training.keep_checkpoints);
    training.patience = args.training.patience.or(training.patience);
    let context_length = model.config().context_length;
    // A damaged one is set aside when the run begins.
    let manifest = RunManifest::read(&args.checkpoint_dir).ok().flatten();
    let extension = extension(args, explicit, &state, manifest.as_ref(), context_length);
    let mut remark = None;
    if let Some(extension) = extension {
        training.steps = Some(extension.to_steps);
        let text = extension::describe(extension, &state.config, &training);
        remark = Some(Remark::new(Level::Info, text));
    }
    training.validate()?;
    ensure_patience_has_a_set(&training, paths)?;
    let mut tokenizer = RunTokenizer::in_checkpoint(args, &path)?.unwrap_or_default();
    if let Some(dir) = &args.tokenizer {
        tokenizer = tokenizer.completed(dir, &path)?;
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
    let resumed = Some(ResumePoint { checkpoint: path, state, manifest, extension });
    let remarks = remark.into_iter().collect();
    Ok(Plan {
        training,
        shape,
        context,
        precision,
        precision_reason: AS_BEGUN,
        tokenizer,
        model,
        resumed,
        remarks,
    })
}
