//! Turns text into token ids, and back; see `encode --help`.

use lm::commands::encode::PROGRAM;

fn main() -> std::process::ExitCode {
    PROGRAM.main()
}
