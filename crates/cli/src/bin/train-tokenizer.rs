//! Trains a byte-level BPE tokenizer on text; see `train-tokenizer --help`.

use lm::commands::{flags, train_tokenizer};
use lm::shell::exit::run_main;

fn main() -> std::process::ExitCode {
    run_main(|| train_tokenizer::run(&flags::parse()?))
}
