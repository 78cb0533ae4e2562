//! A prompt to type at: each line is continued, lines that begin with `/` are commands.

use std::env;
use std::io::{self, BufRead, BufReader, IsTerminal, Split};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use rustyline::error::ReadlineError;
use rustyline::{Config, DefaultEditor};

use super::engine::Engine;
use super::settings::{self, Settings};
use crate::shell::exit;
use crate::shell::interrupt;
use crate::shell::stdin::Stdin;
use crate::shell::stdout::print;

/// The help after the lines about settings.
const HELP: &str = "  /settings               Show all settings
  /help                   Show this help
  /quit                   Leave, as Ctrl-D does
Ctrl-C stops the text.";

/// Splits a command, `/NAME VALUE`; `None` for a text.
fn command(line: &str) -> Option<(&str, &str)> {
    let command = line.trim().strip_prefix('/')?;
    let (name, value) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    Some((name, value.trim()))
}

/// Answers lines until there are no more.
///
/// # Errors
/// When standard input or output fails.
pub fn run(engine: &Engine, mut settings: Settings) -> Result<()> {
    // Ctrl-C stops a text and not the session, SIGTERM ends the session.
    interrupt::end_on_sigterm()?;
    let mut lines = Lines::open()?;
    if let Lines::Edited(..) = lines {
        eprintln!("Type the beginning of a text, or /help. Ctrl-C stops the text, Ctrl-D leaves.");
    }
    while let Some(line) = lines.next()? {
        match command(&line) {
            None if line.trim().is_empty() => {}
            None => answer(engine, &line, &settings)?,
            Some(("quit" | "exit", _)) => break,
            Some(("help", _)) => eprintln!("{}", help()),
            Some(("settings", _)) => eprintln!("{settings}"),
            Some((name, value)) if settings::is_name(name) => {
                if let Err(error) = settings.set(name, value) {
                    eprintln!("error: /{name}: {}", exit::message(&error));
                }
            }
            Some((name, _)) => eprintln!("error: there is no command /{name}; /help lists them"),
        }
    }
    lines.close();
    Ok(())
}

fn help() -> String {
    let settings = settings::help();
    format!("Type the beginning of a text; the model continues it.\n{settings}{HELP}")
}

/// Prints the text that continues `prompt`. Only an error of standard output ends the session.
fn answer(engine: &Engine, prompt: &str, settings: &Settings) -> Result<()> {
    // Ctrl-C from before this text must not stop it.
    interrupt::clear();
    print(prompt)?;
    let seed = settings.seed_or_random();
    let mut printed = Ok(());
    let completion = engine.complete(prompt.as_bytes(), settings, seed, |text| {
        printed = print(text);
        ensure!(printed.is_ok(), "standard output is closed");
        Ok(())
    });
    interrupt::clear();
    printed?;
    print("\n")?;
    if let Err(error) = completion {
        eprintln!("error: {}", exit::message(&error));
    }
    Ok(())
}

/// The source of lines.
enum Lines {
    /// A terminal, with editing and history.
    Edited(Box<DefaultEditor>, Option<PathBuf>),
    /// A pipe or a file.
    Plain(Split<BufReader<Stdin>>),
}

impl Lines {
    fn open() -> Result<Lines> {
        if !io::stdin().is_terminal() {
            return Ok(Lines::Plain(BufReader::new(Stdin::new()?).split(b'\n')));
        }
        let config = Config::builder().auto_add_history(true).build();
        let mut editor = DefaultEditor::with_config(config).context("standard input")?;
        let history = history_file();
        if let Some(path) = &history {
            // The file does not exist in the first session.
            let _ = editor.load_history(path);
        }
        Ok(Lines::Edited(Box::new(editor), history))
    }

    /// Reads the next line; `None` after the last, or after Ctrl-D.
    fn next(&mut self) -> Result<Option<String>> {
        match self {
            Lines::Plain(lines) => {
                let line = lines.next().transpose().context("standard input")?;
                Ok(line.map(|line| String::from_utf8_lossy(&line).trim_end_matches('\r').into()))
            }
            Lines::Edited(editor, _) => match editor.readline("> ") {
                Ok(line) => Ok(Some(line)),
                Err(ReadlineError::Interrupted) => Ok(Some(String::new())),
                Err(ReadlineError::Eof) => Ok(None),
                Err(error) => Err(error).context("standard input"),
            },
        }
    }

    fn close(self) {
        if let Lines::Edited(mut editor, Some(path)) = self
            && let Err(error) = editor.save_history(&path)
        {
            log::warn!("{}: the history cannot be written: {error}", path.display());
        }
    }
}

/// Returns the path of the history: in the directory for the state of the user's programs, if
/// there is one, else in the home directory.
fn history_file() -> Option<PathBuf> {
    let directory = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_dir());
    let home = directory("HOME");
    let state = directory("XDG_STATE_HOME").or_else(|| Some(home.as_ref()?.join(".local/state")));
    match state.filter(|path| path.is_dir()) {
        Some(state) => Some(state.join("lm-inference-history")),
        None => Some(home?.join(".lm-inference-history")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_texts_unless_they_begin_with_a_slash() {
        assert_eq!(command("There was / once "), None);
        assert_eq!(command("  "), None);
        assert_eq!(command("/temperature  0.7 "), Some(("temperature", "0.7")));
        assert_eq!(command("/seed"), Some(("seed", "")));
        assert_eq!(command("/quit"), Some(("quit", "")));
        assert_eq!(command("/colour red"), Some(("colour", "red")));
        assert!(settings::is_name("seed") && !settings::is_name("colour"));
    }

    #[test]
    fn the_help_names_every_setting() {
        for name in [
            "temperature X",
            "top-p X",
            "top-k N|off",
            "min-p X|off",
            "repetition-penalty X",
            "max-tokens N",
            "seed N|random",
        ] {
            assert!(help().contains(&format!("  /{name} ")), "{name}\n{}", help());
        }
        assert!(help().lines().all(|line| line.len() <= 80), "{}", help());
    }
}
