//! Generates text with a trained model; see `inference --help`.

use lm::commands::{flags, inference};
use lm::shell::exit::run_main;

fn main() -> std::process::ExitCode {
    run_main(|| {
        let (args, explicit) = flags::parse_from(std::env::args_os())?;
        inference::run(&args, &explicit)
    })
}
