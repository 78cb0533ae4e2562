//! The work of `train-model`: from arguments and token files to checkpoints.
//!
//! | module | does |
//! |---|---|
//! | [`args`] | lists the flags |
//! | [`from_run`] | takes defaults from a `run.json` |
//! | [`setup`] | puts a new or resumed run together |
//! | [`trainer`] | takes the steps |
//! | [`estimate`] | estimates memory |
//! | [`forecast`] | measures the time that is left |
//! | [`observers`] | write and show the progress of a run |
//! | [`evaluate`] | measures the loss on a validation set |
//! | [`eval_only`] | measures a model without training it |
//! | [`profile`] | times the parts of a step |

pub mod args;
pub mod estimate;
pub mod eval_only;
pub mod evaluate;
pub mod forecast;
pub mod from_run;
pub mod observers;
pub mod profile;
pub mod setup;
pub mod trainer;

use anyhow::Result;
use clap::CommandFactory;

use crate::commands::flags::ExplicitFlags;
use crate::commands::help;
use crate::commands::program::Program;
use crate::run::spec::{Preset, PresetChoice};
use crate::shell::{interrupt, stdout};
use args::Args;
use setup::Setup;

/// The program `train-model`.
pub const PROGRAM: Program = Program {
    name: "train-model",
    flags: Args::command,
    usage: &[],
    examples: args::EXAMPLES,
    variables: help::MODEL_VARIABLES,
    work: |command, argv| {
        let (args, explicit) = args::parse_command(command, argv)?;
        run(&args, &explicit)
    },
};

/// Runs the program with arguments of which `explicit` were typed.
///
/// # Errors
/// When an argument or a file cannot be used, or the training fails.
pub fn run(args: &Args, explicit: &ExplicitFlags) -> Result<()> {
    if args.preset == Some(PresetChoice::List) {
        return stdout::print(Preset::list());
    }
    args.common.set_up()?;
    interrupt::install()?;
    if args.eval_only {
        return eval_only::run(args, explicit);
    }
    let setup = Setup::check(args, explicit)?;
    if args.dry_run { setup.print() } else { setup.begin()?.train() }
}
