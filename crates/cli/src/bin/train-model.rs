//! Trains a transformer language model on token files; see `train-model --help`.

use std::process::ExitCode;

use lm::args::{self, train_model::Args};
use lm::exit::run_main;
use lm::train;

fn main() -> ExitCode {
    run_main(|| {
        let (args, given) = args::parse_from::<Args>(std::env::args_os())?;
        args.common.set_up()?;
        train::run(&args, &given)
    })
}
