//! Turns text into token ids, and back; see `encode --help`.

use lm::commands::{encode, flags};
use lm::shell::exit::run_main;

fn main() -> std::process::ExitCode {
    run_main(|| encode::run(&flags::parse()?))
}
