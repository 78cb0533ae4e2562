//! Generates text with a trained model; see `inference --help`.

use std::process::ExitCode;

use lm::args::{self, inference::Args};
use lm::exit::run_main;
use lm::inference;

fn main() -> ExitCode {
    run_main(|| {
        let (args, given) = args::parse_from::<Args>(std::env::args_os())?;
        args.common.set_up()?;
        inference::run(&args, &given)
    })
}
