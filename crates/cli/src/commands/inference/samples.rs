//! The texts that `--prompt`, `--prompts` and `--num-samples` ask for, and how they are printed.

use std::io::{self, IsTerminal};
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use super::args::Args;
use super::completion::{self, Completion, Next, Request, Show, Source, Wait};
use super::display::{self, Printer};
use super::engine::{Engine, Prompt};
use super::prompts::{NextLine, Prompts};
use super::settings::Settings;
use crate::shell::interrupt::Interrupted;
use crate::shell::stdout::print;

/// Generates and prints the samples of one prompt.
///
/// # Errors
/// When the prompt cannot be encoded, or standard output fails.
pub fn print_samples(engine: &Engine, prompt: Vec<u8>, args: &Args) -> Result<()> {
    let prompt = Rc::new(engine.encode(prompt).context("--prompt")?);
    let text = Text { prompt, settings: args.settings.clone(), seed: None };
    print_texts(engine, args, Requests::new(engine, args, None, Some(text)))
}

/// Generates and prints the samples of each prompt of a file.
///
/// # Errors
/// When a prompt is invalid or cannot be encoded, or standard output fails.
pub fn print_prompts(engine: &Engine, prompts: Prompts, args: &Args) -> Result<()> {
    print_texts(engine, args, Requests::new(engine, args, Some(prompts), None))
}

fn print_texts(engine: &Engine, args: &Args, mut requests: Requests) -> Result<()> {
    let mut shown = Shown { engine, form: Form::of(args), texts: 0, tokens: 0, printer: None };
    let begin = Instant::now();
    completion::complete(engine, &mut requests, &args.stop, &mut shown)?;
    if shown.texts > 1 {
        display::show_total(shown.texts, shown.tokens, begin.elapsed());
    }
    Ok(())
}

/// A prompt with its settings.
struct Text {
    prompt: Rc<Prompt>,
    settings: Settings,
    /// The seed of its first sample, if it has one of its own.
    seed: Option<u64>,
}

/// The requests for the samples of each prompt. The seeds count up from the first text to the last,
/// and from a line's own seed for the samples of that line.
struct Requests<'a> {
    engine: &'a Engine,
    prompts: Option<Prompts>,
    /// The prompt whose samples are being requested, and the number of those that were.
    text: Option<Text>,
    sample: usize,
    num_samples: usize,
    /// The seed of the next text without one of its own.
    seed: u64,
}

impl<'a> Requests<'a> {
    fn new(
        engine: &'a Engine,
        args: &Args,
        prompts: Option<Prompts>,
        text: Option<Text>,
    ) -> Requests<'a> {
        let seed = args.settings.seed_or_random();
        if args.settings.seed.is_none() {
            log::info!("seed {seed}");
        }
        Requests { engine, prompts, text, sample: 0, num_samples: args.num_samples, seed }
    }
}

impl Source for Requests<'_> {
    fn next(&mut self, wait: Wait) -> Result<Next> {
        if self.sample == self.num_samples {
            (self.text, self.sample) = (None, 0);
        }
        if self.text.is_none()
            && let Some(prompts) = &self.prompts
        {
            let line = match wait {
                Wait::Yes => prompts.wait()?,
                Wait::No => prompts.poll()?,
            };
            match line {
                NextLine::Pending => return Ok(Next::Pending),
                NextLine::End => {}
                NextLine::Line(line) => {
                    let prompt = self.engine.encode(line.prompt.into()).context(line.place)?;
                    let (settings, seed) = (line.settings, line.seed);
                    self.text = Some(Text { prompt: Rc::new(prompt), settings, seed });
                }
            }
        }
        let Some(text) = &self.text else { return Ok(Next::End) };
        let (own, sample) = (text.seed, self.sample as u64);
        let seed = own.map_or(self.seed, |own| own.wrapping_add(sample));
        self.seed = self.seed.wrapping_add(1);
        self.sample += 1;
        let (prompt, settings) = (Rc::clone(&text.prompt), text.settings.clone());
        Ok(Next::Request(Request { prompt, settings, seed }))
    }
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Prompts and texts.
    Text,
    /// One object per text.
    Json,
}

impl Form {
    fn of(args: &Args) -> Form {
        if args.json { Form::Json } else { Form::Text }
    }
}

/// The texts on standard output.
struct Shown<'a> {
    engine: &'a Engine,
    form: Form,
    /// The number of texts that have ended, and of their tokens.
    texts: usize,
    tokens: usize,
    printer: Option<Printer>,
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

impl Show for Shown<'_> {
    fn begin(&mut self, prompt: &Prompt) -> Result<()> {
        if self.form == Form::Json {
            return Ok(());
        }
        if self.texts > 0 {
            print("\n\n")?;
        }
        self.printer.insert(Printer::to_stdout()).prompt(prompt)
    }

    fn piece(&mut self, piece: &str) -> Result<()> {
        self.printer.as_mut().map_or(Ok(()), |printer| printer.piece(piece))
    }

    fn end(&mut self, completion: Completion) -> Result<()> {
        (self.texts, self.tokens) = (self.texts + 1, self.tokens + completion.tokens.len());
        if let Some(printer) = self.printer.take() {
            printer.finish()?;
            if io::stdout().is_terminal() {
                print("\n")?;
            }
            display::show_summary(&completion, None);
        }
        display::mention_context(self.engine, &completion);
        let Completion { prompt, text, tokens, finish: Some(finish), seed, .. } = &completion
        else {
            return Err(Interrupted.into());
        };
        if self.form == Form::Json {
            let (prompt, finish) = (&*String::from_utf8_lossy(prompt.shown()), finish.to_string());
            let sample = Sample { prompt, text, tokens, finish, seed: *seed };
            print(serde_json::to_string(&sample)? + "\n")?;
        }
        Ok(())
    }
}
