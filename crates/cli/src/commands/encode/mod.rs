//! The program `encode`: text to a token file, and back.

pub mod args;
mod decode;
mod show;
mod summary;
mod to_tokens;
mod tokenizer;

use anyhow::Result;

use args::{Args, Task};

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
