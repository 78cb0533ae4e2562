//! Trains a transformer language model on token files; see `train-model --help`.

use lm::commands::train_model::PROGRAM;

fn main() -> std::process::ExitCode {
    PROGRAM.main()
}
