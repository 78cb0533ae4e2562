//! Trains a transformer language model on token files; see `train-model --help`.

use std::process::ExitCode;

use lm::commands::train_model::{self, args};
use lm::shell::exit;

fn main() -> ExitCode {
    exit::run_main(|| {
        let (args, explicit) = args::parse(std::env::args_os())?;
        args.common.set_up()?;
        train_model::run(&args, &explicit)
    })
}
