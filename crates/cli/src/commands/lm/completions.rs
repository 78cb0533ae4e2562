//! The sub-command `completions`: scripts that make shells complete command lines.

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Command, Parser};
use clap_complete::{Shell, generate};

use super::pipeline::PIPELINE;
use crate::commands::flags::Color;
use crate::commands::help::Example;
use crate::shell::command_line::LM;
use crate::shell::stdout::print;

/// The examples of the help.
pub const EXAMPLES: &[Example] = &[
    ("For this session of bash", "source <(lm completions bash)"),
    (
        "For each session of bash, from the next one on",
        "lm completions bash >~/.local/share/bash-completion/completions/lm",
    ),
    (
        "For each session of fish, and for encode by its own name",
        "lm completions fish --for encode >~/.config/fish/completions/encode.fish",
    ),
];

/// Print a script that makes a shell complete commands, flags and values
#[derive(Parser, Debug)]
#[command(name = "completions", version)]
pub struct Args {
    /// The shell
    pub shell: Shell,
    /// The program whose command lines are completed
    #[arg(long = "for", value_name = "PROGRAM", default_value = LM, value_parser = names())]
    pub program: String,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub color: Color,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new([LM].into_iter().chain(PIPELINE.map(|program| program.name)))
}

/// Prints the script for `command`, the definition of the program that `args` names.
///
/// # Errors
/// When standard output is closed or cannot be written.
pub fn run(args: &Args, mut command: Command) -> Result<()> {
    let mut script = Vec::new();
    generate(args.shell, &mut command, &args.program, &mut script);
    print(script)
}
