//! Trains a byte-level BPE tokenizer on text; see `train-tokenizer --help`.

use lm::commands::train_tokenizer::PROGRAM;

fn main() -> std::process::ExitCode {
    PROGRAM.main()
}
