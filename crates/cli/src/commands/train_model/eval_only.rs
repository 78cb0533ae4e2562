//! `--eval-only`: the loss of a model on a whole validation set, as one JSON line.

use std::io::{self, Write};

use anyhow::{Context, Result};

use super::setup::plan::load_initial_model;
use super::setup::tokenizer::check_evaluated;
use crate::commands::flags::ExplicitFlags;
use crate::commands::train_model::args::Args;
use crate::commands::train_model::evaluate::Evaluator;
use crate::data::dataset::{Dataset, Requirements};
use crate::run::checkpoint;
use crate::shell::exit::check_flag;
use crate::shell::interrupt::Interrupted;
use crate::shell::precision::Choice;
use crate::shell::progress::{Progress, Unit};

/// Measures the loss of `--init-from` on the whole validation set and prints it.
///
/// # Errors
/// When the model or the token file cannot be used.
pub fn run(args: &Args, explicit: &ExplicitFlags) -> Result<()> {
    let source = args.training.init_from.as_deref().context("--init-from is missing")?;
    let path = args.val_dataset.as_deref().context("--val-dataset is missing")?;
    let batch_size = args.training.batch_size;
    check_flag("batch-size", batch_size, batch_size > 0, "at least 1")?;
    let context = args.training.precision.context()?;
    let model = load_initial_model(source, args, explicit)?;
    check_evaluated(args, &checkpoint::resolve(source)?, path)?;
    let vocab_size = model.config().vocab_size;
    let required = Requirements { vocab_size, least: 2, reason: "one to predict" };
    let data = Dataset::open("--val-dataset", path, required, None)?;
    args.training.precision.explain(context, Choice::TYPED, log::Level::Info);
    let progress =
        Progress::new("evaluating", Unit::Count("tokens"), Some(data.identity.tokens - 1));
    // No larger than the text, nor than the memory of a batch of 64.
    let windows = data.tokens.len().div_ceil(model.config().context_length);
    let (batch_size, seed) = (batch_size.min(windows).min(64), args.training.seed);
    let evaluator = Evaluator { context, batch_size, batches: 0, seed, may_break_off: true };
    let Some(evaluation) = evaluator.run(&model, &data.tokens, Some(&progress))? else {
        return Err(Interrupted.into());
    };
    drop(progress);
    writeln!(io::stdout(), "{}", serde_json::to_string(&evaluation)?).context("standard output")?;
    Ok(())
}
