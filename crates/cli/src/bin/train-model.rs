//! Trains a transformer language model on token files; see `train-model --help`.

use std::process::ExitCode;

use lm::args::preset;
use lm::exit::run_main;
use lm::train;

fn main() -> ExitCode {
    run_main(|| {
        let (args, given) = preset::parse(std::env::args_os())?;
        args.common.set_up()?;
        train::run(&args, &given)
    })
}
