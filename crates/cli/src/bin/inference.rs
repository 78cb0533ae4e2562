//! Generates text with a trained model; see `inference --help`.

use lm::commands::{flags, inference};
use lm::shell::exit::run_main;

fn main() -> std::process::ExitCode {
    run_main(|| inference::run(&flags::parse()?))
}
