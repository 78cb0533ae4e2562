//! Generates text with a trained model; see `inference --help`.

use std::process::ExitCode;

use lm::commands::inference::args::Args;
use lm::commands::{flags, inference};
use lm::shell::exit;

fn main() -> ExitCode {
    exit::run_main(|| {
        let (args, explicit) = flags::parse_from::<Args>(std::env::args_os())?;
        args.common.set_up()?;
        inference::run(&args, &explicit)
    })
}
