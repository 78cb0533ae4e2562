//! The program `encode`: text to a token file, and back.

pub mod args;
mod decode;
mod show;
mod summary;
mod to_tokens;
mod tokenizer;

use anyhow::Result;
use clap::CommandFactory;

use crate::commands::flags::parse_command;
use crate::commands::help;
use crate::commands::program::Program;
use args::{Args, Task};

/// The program `encode`.
pub const PROGRAM: Program = Program {
    name: "encode",
    flags: Args::command,
    usage: args::USAGE,
    examples: args::EXAMPLES,
    variables: help::TEXT_VARIABLES,
    work: |command, argv| run(&parse_command(command, argv)?.0),
};

/// Encodes, decodes, counts or shows tokens.
///
/// # Errors
/// Invalid arguments and unusable files, before any work; later what reading and writing reports.
pub fn run(args: &Args) -> Result<()> {
    args.common.set_up()?;
    let task = args.task()?;
    let load = || tokenizer::load(args.tokenizer_dir(), args);
    match task {
        Task::Show { text } => show::run(&load()?, text, args),
        Task::Count { file } => to_tokens::count(&load()?, file, args),
        Task::Encode { file, out } => to_tokens::encode(&load()?, file, out, args),
        Task::Decode { file, out } => decode::run(file, out, args),
    }
}
