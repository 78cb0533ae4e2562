//! Generates text with a trained model; see `inference --help`.

use lm::commands::inference::PROGRAM;

fn main() -> std::process::ExitCode {
    PROGRAM.main()
}
