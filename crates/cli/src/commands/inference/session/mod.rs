//! A prompt to type at: each line is continued, lines that begin with `/` are commands.
//!
//! | module | holds |
//! |---|---|
//! | [`mod@line`] | the meaning of a line, and the help |
//! | [`source`] | the source of lines: a terminal with editing and history, or a pipe |

pub mod line;
pub mod source;

use std::env;
use std::path::PathBuf;
use std::rc::Rc;

use anyhow::{Context, Result, anyhow, bail, ensure};

use super::completion::{self, Completion, Once, Request, Show};
use super::display::{self, Printer};
use super::engine::{Engine, Prompt};
use super::settings::Settings;
use crate::shell::color;
use crate::shell::exit;
use crate::shell::interrupt;
use crate::shell::stdout::print;
use line::Line;
use source::Source;

/// The value of a setting, or of `/stop`, that turns it off.
const OFF: &str = "off";

/// Answers lines until there are no more.
///
/// # Errors
/// When standard input or output fails.
pub fn run(engine: &Engine, settings: Settings, stop: &[String]) -> Result<()> {
    // Ctrl-C stops a text and not the session, SIGTERM ends the session.
    interrupt::end_on_sigterm()?;
    let mut source = Source::open()?;
    if source.is_terminal() {
        eprintln!("Type the beginning of a text, or /help. Ctrl-C stops the text, Ctrl-D leaves.");
    }
    let mut session = Session { engine, settings, stop: stop.to_vec(), flag: stop, last: None };
    while let Some(line) = source.read()? {
        let done = match Line::of(&line) {
            Line::Command("quit" | "exit", _) => break,
            Line::Command(name, value) => session.command(name, value),
            Line::Text(text) => session.begin(text, session.settings.seed_or_random()),
        };
        match done {
            Err(error) if error.is::<OutputFailed>() => return Err(error),
            Err(error) => eprintln!("{} {}", color::error_label(), exit::message(&error)),
            Ok(()) => {}
        }
    }
    Ok(())
}

/// The mark of an error that ends the session: texts can no longer be shown.
#[derive(Debug, thiserror::Error)]
#[error("standard output")]
struct OutputFailed;

/// The state of a session.
struct Session<'a> {
    engine: &'a Engine,
    settings: Settings,
    /// Strings that end a text.
    stop: Vec<String>,
    /// Those of them that the flag named.
    flag: &'a [String],
    /// The last text; `None` before the first.
    last: Option<Text>,
}

/// A text of a session.
#[derive(Debug, Clone)]
struct Text {
    prompt: Vec<u8>,
    /// The prompt and its continuation.
    whole: Vec<u8>,
    /// The seed of its beginning.
    seed: u64,
}

impl Session<'_> {
    fn command(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "continue" | "retry" | "settings" | "help" if !value.is_empty() => {
                bail!("/{name} takes no value; found {value:?}")
            }
            "continue" => self.go_on(),
            "retry" => self.retry(),
            "settings" => {
                eprintln!("{}\n{}", self.settings, self.stop_line());
                Ok(())
            }
            "help" => {
                eprint!("{}", line::help());
                Ok(())
            }
            "save" => self.save(value),
            "stop" => {
                self.add_stop(value);
                Ok(())
            }
            name => match self.settings.value(name) {
                Some(before) => self.set(name, &before, value),
                None => bail!("{}", line::unknown(name)),
            },
        }
    }

    /// Shows a setting, or changes it and confirms the change.
    fn set(&mut self, name: &str, before: &str, value: &str) -> Result<()> {
        if value.is_empty() {
            eprintln!("/{name} {before}");
            return Ok(());
        }
        self.settings.set(name, value).map_err(|error| anyhow!("/{error}"))?;
        let now = self.settings.value(name).unwrap_or_default();
        log::info!("/{name} {now} (was {before})");
        Ok(())
    }

    /// Shows the strings that end a text, adds one, or removes those that were added.
    fn add_stop(&mut self, value: &str) {
        match value {
            "" => eprintln!("{}", self.stop_line()),
            OFF => {
                self.stop = self.flag.to_vec();
                log::info!("{}", self.stop_line());
            }
            value => {
                let value = value.replace("\\n", "\n").replace("\\t", "\t");
                if !self.stop.contains(&value) {
                    self.stop.push(value);
                }
                log::info!("{}", self.stop_line());
            }
        }
    }

    fn stop_line(&self) -> String {
        let quoted: Vec<String> = self.stop.iter().map(|stop| format!("{stop:?}")).collect();
        format!("/stop {}, and the model's end tokens", quoted.join(", "))
    }

    /// Writes the last text into a file.
    fn save(&self, value: &str) -> Result<()> {
        let last = self.last.as_ref().context(NO_TEXT)?;
        ensure!(!value.is_empty(), "/save takes the name of a file");
        let path = with_home(value);
        let shown = path.display();
        let existed = path.exists();
        let text = format!("{}\n", String::from_utf8_lossy(&last.whole));
        files::write(&path, text.as_bytes()).context("/save")?;
        let instead = if existed { ", in place of what was there" } else { "" };
        log::info!("{shown}: {} bytes written{instead}", text.len());
        Ok(())
    }

    /// Writes a text that begins with `prompt`.
    fn begin(&mut self, prompt: &[u8], seed: u64) -> Result<()> {
        let encoded = self.engine.encode(prompt.to_vec())?;
        let mut printer = Printer::to_stdout();
        printer.prompt(&encoded).context(OutputFailed)?;
        let completion = self.answer(encoded, seed, printer)?;
        self.last = Some(Text { prompt: prompt.to_vec(), whole: completion.whole, seed });
        Ok(())
    }

    /// Writes another text that begins as the last one does. With a fixed seed it is that of the
    /// next sample.
    fn retry(&mut self) -> Result<()> {
        let Text { prompt, seed, .. } = self.last.clone().context(NO_TEXT)?;
        let seed = match self.settings.seed {
            Some(_) => seed.wrapping_add(1),
            None => self.settings.seed_or_random(),
        };
        self.begin(&prompt, seed)
    }

    /// Goes on with the last text.
    fn go_on(&mut self) -> Result<()> {
        let last = self.last.clone().context(NO_TEXT)?;
        let encoded = self.engine.encode(last.whole)?;
        let completion =
            self.answer(encoded, self.settings.seed_or_random(), Printer::to_stdout())?;
        if completion.tokens.is_empty() {
            log::info!("the model ends the text here; /retry writes another");
        }
        self.last = Some(Text { whole: completion.whole, ..last });
        Ok(())
    }

    /// Prints the text that continues `prompt`.
    fn answer(&self, prompt: Prompt, seed: u64, printer: Printer) -> Result<Completion> {
        // Ctrl-C from before this text must not stop it.
        interrupt::clear();
        let request = Request { prompt: Rc::new(prompt), settings: self.settings.clone(), seed };
        let mut answer = Answer { printer, completion: None };
        let source = &mut Once(Some(request));
        let done = completion::complete(self.engine, source, &self.stop, &mut answer);
        interrupt::clear();
        let Answer { printer, completion } = answer;
        printer.finish().and_then(|()| print("\n")).context(OutputFailed)?;
        done?;
        let completion = completion.context("no text was generated")?;
        display::show_summary(&completion, Some(seed));
        display::mention_context(self.engine, &completion);
        Ok(completion)
    }
}

/// The text of an answer, on standard output.
struct Answer {
    printer: Printer,
    completion: Option<Completion>,
}

impl Show for Answer {
    fn begin(&mut self, _: &Prompt) -> Result<()> {
        Ok(())
    }

    fn piece(&mut self, piece: &str) -> Result<()> {
        self.printer.piece(piece).context(OutputFailed)
    }

    fn end(&mut self, completion: Completion) -> Result<()> {
        self.completion = Some(completion);
        Ok(())
    }
}

/// The error of commands that need a text.
const NO_TEXT: &str = "there is no text yet; type the beginning of one";

/// Returns the path that a user typed, in which `~` is the home directory.
fn with_home(typed: &str) -> PathBuf {
    match (typed.strip_prefix("~/"), env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(typed),
    }
}
