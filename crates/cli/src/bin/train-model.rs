//! Trains a transformer language model on token files; see `train-model --help`.

use lm::commands::train_model::{self, args};
use lm::shell::exit::run_main;

fn main() -> std::process::ExitCode {
    run_main(|| {
        let (args, explicit) = args::parse(std::env::args_os())?;
        train_model::run(&args, &explicit)
    })
}
