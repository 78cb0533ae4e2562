//! The program `inference`: completes a prompt, scores a prompt, or opens a prompt to type at.
//!
//! | module | holds |
//! |---|---|
//! | [`args`] | the flags |
//! | [`settings`] | the settings of a completion, by flags and by commands of a session |
//! | [`engine`] | model and tokenizer together: text in, text out |
//! | [`stop`] | a filter that ends a text at a stop string, across token boundaries |
//! | [`score`] | log-probabilities of a prompt |
//! | [`display`] | a text as it is printed, and remarks after it |
//! | [`session`] | the prompt to type at |

pub mod args;
pub mod display;
pub mod engine;
pub mod score;
pub mod session;
pub mod settings;
pub mod stop;

use std::io::{self, IsTerminal, Read};

use anyhow::{Context, Result};
use clap::CommandFactory;
use serde::Serialize;

use crate::commands::flags::parse_command;
use crate::commands::help;
use crate::commands::program::Program;
use crate::shell::interrupt::{self, Interrupted};
use crate::shell::stdin::Stdin;
use crate::shell::stdout::print;
use args::Args;
use display::Printer;
use engine::{Completion, Engine, Prompt, Request};

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
    let engine = Engine::load(args)?;
    interrupt::check()?;
    let prompt = match args.prompt.as_deref() {
        None => return session::run(&engine, args.settings.clone(), &args.stop),
        Some("-") => read_standard_input()?,
        Some(prompt) => prompt.as_bytes().to_vec(),
    };
    if args.score {
        return score::print_score(&engine, &prompt, args.json);
    }
    let prompt = engine.encode(prompt).context("--prompt")?;
    print_samples(&engine, &prompt, args)
}

fn read_standard_input() -> Result<Vec<u8>> {
    let mut prompt = Vec::new();
    Stdin::new()?.read_to_end(&mut prompt).context("--prompt -: standard input")?;
    Ok(prompt)
}

/// A completion in the form that `--json` prints.
#[derive(Serialize)]
struct Sample<'a> {
    prompt: &'a str,
    /// The text after the prompt.
    text: &'a str,
    /// The ids after the prompt.
    tokens: &'a [u32],
    finish: String,
    seed: u64,
}

fn print_samples(engine: &Engine, prompt: &Prompt, args: &Args) -> Result<()> {
    let settings = &args.settings;
    let first_seed = settings.seed_or_random();
    if settings.seed.is_none() {
        log::info!("seed {first_seed}");
    }
    for index in 0..args.num_samples {
        let seed = first_seed.wrapping_add(index as u64);
        let request = Request { prompt, settings, stop: &args.stop, seed };
        let completion = if args.json {
            engine.complete(request, |_| Ok(()))?
        } else {
            if index > 0 {
                print("\n\n")?;
            }
            let mut printer = Printer::to_stdout();
            printer.prompt(prompt)?;
            let completion = engine.complete(request, |piece| printer.piece(piece));
            printer.finish()?;
            let completion = completion?;
            if io::stdout().is_terminal() {
                print("\n")?;
            }
            display::show_summary(&completion, None);
            completion
        };
        display::mention_context(engine, &completion);
        let Completion { text, tokens, finish: Some(finish), .. } = &completion else {
            return Err(Interrupted.into());
        };
        if args.json {
            let (prompt, finish) = (&*String::from_utf8_lossy(prompt.shown()), finish.to_string());
            let sample = Sample { prompt, text, tokens, finish, seed };
            print(serde_json::to_string(&sample)? + "\n")?;
        }
    }
    Ok(())
}
