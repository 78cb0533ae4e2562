//! `--eval-only`: the loss of a model on a whole validation set, as one JSON line.

use std::io::{self, Write};

use anyhow::{Context, Result};

use super::setup::plan::load_to_start_from;
use crate::commands::flags::Given;
use crate::commands::train_model::args::Args;
use crate::commands::train_model::evaluate::Evaluator;
use crate::data::dataset::Dataset;
use crate::shell::exit::{Outcome, usage};
use crate::shell::progress::{Progress, Unit};

/// Measures and prints.
///
/// # Errors
/// When the model or the token file is no good.
pub fn run(args: &Args, given: &Given) -> Result<Outcome> {
    let source = args.init_from.as_deref().context("--init-from is missing")?;
    let path = args.val_dataset.as_deref().context("--val-dataset is missing")?;
    if args.batch_size == 0 {
        return Err(usage("--batch-size 0: expected at least 1"));
    }
    let context = args.precision.context()?;
    let model = load_to_start_from(source, args, given)?;
    let data =
        Dataset::open("--val-dataset", path, model.config().vocab_size, 2, "one to predict")?;
    args.precision.explain(context);
    let progress =
        Progress::new("evaluating", Unit::Count("tokens"), Some(data.identity.tokens - 1));
    // Larger batches than there is text, or memory, would be of no use.
    let rows =
        args.batch_size.min(data.tokens.len().div_ceil(model.config().context_length)).min(64);
    let (batch_size, seed) = (rows, args.seed);
    let evaluator = Evaluator { context, batch_size, batches: 0, seed, may_break_off: true };
    let Some(evaluation) = evaluator.run(&model, &data.tokens, Some(&progress))? else {
        return Ok(Outcome::Interrupted);
    };
    drop(progress);
    writeln!(io::stdout(), "{}", serde_json::to_string(&evaluation)?).context("standard output")?;
    Ok(Outcome::Done)
}
