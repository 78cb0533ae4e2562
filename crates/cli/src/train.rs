//! The work of `train-model`: from arguments and token files to checkpoints.
//!
//! | module | does |
//! |---|---|
//! | [`config`] | gives the arguments their meaning and checks them |
//! | [`contradiction`] | compares what was typed with a checkpoint or a model to start from |
//! | [`data`] | opens the token files and checks them as a whole |
//! | [`describe`] | says beforehand what the run is |
//! | [`estimate`] | says beforehand what memory and time the run takes |
//! | [`plan`] | puts arguments, checkpoint and model to start from together |
//! | [`profile`] | times the parts of a step |
//! | [`outputs`], [`record`], [`samples`] | write what tells of the run: `run.json`, `samples.txt` |
//! | [`live`] | says on a terminal how it goes |
//! | [`start`] | puts a new or resumed run together |
//! | [`steps`] | takes the steps |
//! | [`eval_only`] | measures a model without training it |

pub mod config;
pub mod contradiction;
pub mod data;
pub mod describe;
pub mod estimate;
pub mod eval_only;
pub mod live;
pub mod outputs;
pub mod plan;
pub mod profile;
pub mod record;
pub mod samples;
pub mod start;
pub mod steps;

use anyhow::Result;

use crate::args::Given;
use crate::args::train_model::Args;
use crate::exit::Outcome;
use crate::interrupt;

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
