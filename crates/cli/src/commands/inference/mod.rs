//! The work of `inference`: completions of a prompt, scores of a prompt, or a prompt to type at.
//!
//! | module | does |
//! |---|---|
//! | [`settings`] | what can be set, by flags and while the program runs |
//! | [`engine`] | model and tokenizer together: text in, text out |
//! | [`stop`] | ends a text where a stop string appears, wherever tokens begin and end |
//! | [`score`] | log-probabilities of a prompt |
//! | [`repl`] | the prompt to type at |

pub mod args;
pub mod engine;
pub mod repl;
pub mod score;
pub mod settings;
pub mod stop;

use std::io::{self, IsTerminal, Read, Write};

use anyhow::{Context, Result};
use serde::Serialize;

use crate::commands::flags::Given;
use crate::commands::inference::args::Args;
use crate::shell::exit::{Outcome, usage};
use crate::shell::interrupt;
use crate::shell::stdin::Stdin;
use engine::{Completion, Engine};
use settings::Settings;

/// Runs the program with arguments of which `given` were typed.
///
/// # Errors
/// When an argument or a file is no good, or standard output cannot be written.
pub fn run(args: &Args, given: &Given) -> Result<Outcome> {
    let settings = Settings::from_args(args)?;
    if args.num_samples == 0 {
        return Err(usage("--num-samples 0: expected at least 1"));
    }
    interrupt::install()?;
    let engine = Engine::load(args, given.has("stop"))?;
    interrupt::check()?;
    let Some(prompt) = &args.prompt else {
        return repl::run(&engine, settings);
    };
    let prompt = if prompt == "-" { read_standard_input()? } else { prompt.clone().into_bytes() };
    if args.score {
        score::print(&engine, &prompt, args.json)?;
        return Ok(Outcome::Done);
    }
    print_samples(&engine, &prompt, &settings, args)
}

fn read_standard_input() -> Result<Vec<u8>> {
    let mut prompt = Vec::new();
    Stdin::new()?.read_to_end(&mut prompt).context("--prompt -: standard input")?;
    Ok(prompt)
}

/// A completion as `--json` prints it.
#[derive(Serialize)]
struct Sample<'a> {
    prompt: &'a str,
    /// What follows the prompt.
    text: &'a str,
    /// The ids of what follows the prompt.
    tokens: &'a [u32],
    finish: String,
    seed: u64,
}

fn print_samples(
    engine: &Engine,
    prompt: &[u8],
    settings: &Settings,
    args: &Args,
) -> Result<Outcome> {
    let first_seed = settings.seed_or_random();
    if settings.seed.is_none() {
        log::info!("seed {first_seed}");
    }
    for index in 0..args.num_samples {
        let seed = first_seed.wrapping_add(index as u64);
        let completion = if args.json {
            let completion = engine.complete(prompt, settings, seed, |_| Ok(()))?;
            print_json(prompt, &completion, seed)?;
            completion
        } else {
            if index > 0 {
                print(b"\n\n")?;
            }
            print(prompt)?;
            let completion =
                engine.complete(prompt, settings, seed, |text| print(text.as_bytes()))?;
            if io::stdout().is_terminal() {
                print(b"\n")?;
            }
            completion
        };
        if completion.finish.is_none() {
            return Ok(Outcome::Interrupted);
        }
    }
    Ok(Outcome::Done)
}

fn print_json(prompt: &[u8], completion: &Completion, seed: u64) -> Result<()> {
    let prompt = String::from_utf8_lossy(prompt);
    // Ctrl-C is neither; what was generated until then is not a sample.
    let Some(finish) = completion.finish else { return Ok(()) };
    let (text, tokens, finish) =
        (completion.text.as_str(), completion.tokens.as_slice(), finish.to_string());
    let sample = Sample { prompt: &prompt, text, tokens, finish, seed };
    print((serde_json::to_string(&sample)? + "\n").as_bytes())
}

/// Writes to standard output, to be seen at once.
fn print(bytes: &[u8]) -> Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("standard output")
}
