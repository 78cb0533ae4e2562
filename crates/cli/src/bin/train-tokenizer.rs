//! Trains a byte-level BPE tokenizer on text; see `lm::train_tokenizer`.

use std::process::ExitCode;

use lm::args::train_tokenizer::Args;
use lm::{args, exit, train_tokenizer};

fn main() -> ExitCode {
    exit::run_main(|| {
        let args: Args = args::parse()?;
        args.common.set_up()?;
        train_tokenizer::run(&args)
    })
}
