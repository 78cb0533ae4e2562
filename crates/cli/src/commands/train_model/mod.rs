//! The work of `train-model`: from arguments and token files to checkpoints.
//!
//! | module | does |
//! |---|---|
//! | [`config`] | gives the arguments their meaning and checks them |
//! | [`resume_check`] | compares what was typed with a checkpoint or a model to start from |
//! | [`data`] | opens the token files and checks them as a whole |
//! | [`describe`] | says beforehand what the run is |
//! | [`estimate`] | says beforehand what memory and time the run takes |
//! | [`plan`] | puts arguments, checkpoint and model to start from together |
//! | [`profile`] | times the parts of a step |
//! | [`observers`] | write what tells of the run: `run.json`, `samples.txt` |
//! | [`status_line`] | says on a terminal how it goes |
//! | [`start`] | puts a new or resumed run together |
//! | [`steps`] | takes the steps |
//! | [`eval_only`] | measures a model without training it |

pub mod args;
pub mod config;
pub mod data;
pub mod describe;
pub mod estimate;
pub mod eval_only;
pub mod evaluate;
pub mod observers;
pub mod plan;
pub mod preset;
pub mod profile;
pub mod resume_check;
pub mod start;
pub mod status_line;
pub mod steps;

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
    start::prepare(args, given)?.train(args.profile)
}
