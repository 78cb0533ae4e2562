//! Turns text into token ids, and back; see `lm::encode`.

use std::process::ExitCode;

use lm::args::encode::Args;
use lm::{args, encode, exit};

fn main() -> ExitCode {
    exit::run_main(|| {
        let args: Args = args::parse()?;
        args.common.set_up()?;
        encode::run(&args)
    })
}
