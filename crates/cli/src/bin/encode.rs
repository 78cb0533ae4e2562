//! Turns text into token ids, and back; see `lm::commands::encode`.

use std::process::ExitCode;

use lm::commands::encode::args::Args;
use lm::commands::{encode, flags};
use lm::shell::exit;

fn main() -> ExitCode {
    exit::run_main(|| {
        let args: Args = flags::parse()?;
        args.common.set_up()?;
        encode::run(&args)
    })
}
