//! Has all programs as sub-commands; see `lm --help`.

fn main() -> std::process::ExitCode {
    lm::commands::lm::main()
}
