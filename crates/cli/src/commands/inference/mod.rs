//! The program `inference`: completes a prompt, scores a prompt, or opens a prompt to type at.
//!
//! | module | holds |
//! |---|---|
//! | [`args`] | the flags |
//! | [`settings`] | the settings of a completion, by flags and by commands of a session |
//! | [`engine`] | model and tokenizer together |
//! | [`completion`] | completions of many texts at a time, shown in their order |
//! | [`prompts`] | a file of prompts |
//! | [`samples`] | the texts that the flags ask for, and how they are printed |
//! | [`stop`] | a filter that ends a text at a stop string, across token boundaries |
//! | [`mod@bench`] | tokens per second |
//! | [`score`] | log-probabilities of a prompt |
//! | [`display`] | a text as it is printed, and remarks after it |
//! | [`session`] | the prompt to type at |

pub mod args;
pub mod bench;
pub mod completion;
pub mod display;
pub mod engine;
pub mod prompts;
pub mod samples;
pub mod score;
pub mod session;
pub mod settings;
pub mod stop;

use std::io::Read;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::CommandFactory;

use crate::commands::flags::parse_command;
use crate::commands::help;
use crate::commands::program::Program;
use crate::shell::interrupt;
use crate::shell::stdin::Stdin;
use args::Args;
use engine::Engine;
use prompts::Prompts;

/// The program `inference`.
pub const PROGRAM: Program = Program {
    name: "inference",
    flags: Args::command,
    usage: &[],
    examples: args::EXAMPLES,
    variables: help::MODEL_VARIABLES,
    work: |command, argv| run(&parse_command(command, argv)?.0),
};

/// Runs the program.
///
/// # Errors
/// When an argument or a file is invalid, or standard output cannot be written.
pub fn run(args: &Args) -> Result<()> {
    args.common.set_up()?;
    args.check()?;
    interrupt::install()?;
    // Before the model, which takes longer.
    let open = |path: &PathBuf| Prompts::open(path, &args.settings);
    let prompts = args.prompts.as_ref().map(open).transpose()?;
    let engine = Engine::load(args)?;
    interrupt::check()?;
    if args.bench.bench {
        return bench::print_speed(&engine, args);
    }
    if let Some(prompts) = prompts {
        return samples::print_prompts(&engine, prompts, args);
    }
    let prompt = match args.prompt.as_deref() {
        None => return session::run(&engine, args.settings.clone(), &args.stop),
        Some("-") => read_standard_input()?,
        Some(prompt) => prompt.as_bytes().to_vec(),
    };
    match args.score {
        true => score::print_score(&engine, &prompt, args.json),
        false => samples::print_samples(&engine, prompt, args),
    }
}

fn read_standard_input() -> Result<Vec<u8>> {
    let mut prompt = Vec::new();
    Stdin::new()?.read_to_end(&mut prompt).context("--prompt -: standard input")?;
    Ok(prompt)
}
