//! Trains a byte-level BPE tokenizer on text; see `lm::commands::train_tokenizer`.

use std::process::ExitCode;

use lm::commands::train_tokenizer::args::Args;
use lm::commands::{flags, train_tokenizer};
use lm::shell::exit;

fn main() -> ExitCode {
    exit::run_main(|| {
        let args: Args = flags::parse()?;
        args.common.set_up()?;
        train_tokenizer::run(&args)
    })
}
