//! The work of `train-model`: from arguments and token files to checkpoints.
//!
//! | module | does |
//! |---|---|
//! | [`args`] | lists the flags |
//! | [`setup`] | puts a new or resumed run together |
//! | [`trainer`] | takes the steps |
//! | [`observers`] | write and show the progress of a run |
//! | [`evaluate`] | measures the loss on a validation set |
//! | [`eval_only`] | measures a model without training it |
//! | [`profile`] | times the parts of a step |

pub mod args;
pub mod eval_only;
pub mod evaluate;
pub mod observers;
pub mod profile;
pub mod setup;
pub mod trainer;

use anyhow::Result;

use crate::commands::flags::Given;
use crate::commands::train_model::args::Args;
use crate::shell::exit::Outcome;
use crate::shell::interrupt;

/// Runs the program with arguments of which `given` were typed.
///
/// # Errors
/// When an argument, a file or the training itself is no good.
pub fn run(args: &Args, given: &Given) -> Result<Outcome> {
    interrupt::install()?;
    if args.eval_only {
        return eval_only::run(args, given);
    }
    setup::prepare(args, given)?.train(args.profile)
}
