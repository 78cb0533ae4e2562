//! The source of lines: a terminal with editing, completion and history, or a pipe.

use std::borrow::Cow;
use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, IsTerminal, Split};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use console::style;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Behavior, CompletionType, Config, Editor, Helper};

use super::line::{self, Line};
use crate::shell::stdin::Stdin;

/// Lines that the history keeps.
const HISTORY_SIZE: usize = 1000;

/// A source of lines.
pub enum Source {
    /// A terminal, and the file of its history, if there is a place for it.
    Terminal(Box<Editor<Assistant, DefaultHistory>>, Option<PathBuf>),
    /// A pipe or a file.
    Pipe(Split<BufReader<Stdin>>),
}

impl Source {
    /// Opens standard input.
    ///
    /// # Errors
    /// When it is closed, or a terminal that cannot be used.
    pub fn open() -> Result<Source> {
        if !io::stdin().is_terminal() {
            return Ok(Source::Pipe(BufReader::new(Stdin::new()?).split(b'\n')));
        }
        // Where standard output goes elsewhere, the editor must not write to it.
        let behavior =
            if io::stdout().is_terminal() { Behavior::Stdio } else { Behavior::PreferTerm };
        let config = Config::builder()
            .behavior(behavior)
            .auto_add_history(true)
            .completion_type(CompletionType::List)
            .max_history_size(HISTORY_SIZE)
            .context("standard input")?
            .build();
        let mut editor = Editor::with_config(config).context("standard input")?;
        editor.set_helper(Some(Assistant { files: FilenameCompleter::new() }));
        let history = history_file(env::var_os("XDG_STATE_HOME").map(PathBuf::from));
        if let Some(path) = &history {
            // The file does not exist in the first session.
            let _ = editor.load_history(path);
        }
        Ok(Source::Terminal(Box::new(editor), history))
    }

    /// Returns `true` if somebody types.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Source::Terminal(..))
    }

    /// Reads the next line; `None` after the last, or after Ctrl-D.
    ///
    /// # Errors
    /// When standard input fails.
    pub fn read(&mut self) -> Result<Option<Vec<u8>>> {
        match self {
            Source::Pipe(lines) => {
                let mut line = lines.next().transpose().context("standard input")?;
                if let Some(line) = &mut line
                    && line.ends_with(b"\r")
                {
                    line.pop();
                }
                Ok(line)
            }
            Source::Terminal(editor, history) => loop {
                match editor.readline("> ") {
                    Ok(line) => {
                        // After each line, since a session may end by a signal.
                        keep_history(editor, history);
                        return Ok(Some(line.into_bytes()));
                    }
                    Err(ReadlineError::Interrupted) => {}
                    Err(ReadlineError::Eof) => return Ok(None),
                    Err(error) => return Err(error).context("standard input"),
                }
            },
        }
    }
}

/// Writes new lines into the history's file. The first failure is the last attempt: a session does
/// not need the file.
fn keep_history(editor: &mut Editor<Assistant, DefaultHistory>, history: &mut Option<PathBuf>) {
    let Some(path) = history.as_deref() else { return };
    let directory = path.parent().unwrap_or(Path::new("."));
    let kept = fs::create_dir_all(directory)
        .map_err(ReadlineError::from)
        .and_then(|()| editor.append_history(path));
    if let Err(error) = kept {
        log::debug!("{}: the history cannot be written: {error}", path.display());
        *history = None;
    }
}

/// Returns the path of the history in the directory for the state of the user's programs, which
/// `state_home` names if it is an absolute path (XDG Base Directory Specification).
fn history_file(state_home: Option<PathBuf>) -> Option<PathBuf> {
    let state = state_home.filter(|path| path.is_absolute());
    let state = state.or_else(|| Some(env::home_dir()?.join(".local/state")))?;
    Some(state.join("lm/history"))
}

/// Completion of commands and of the file that `/save` names, and colours.
pub struct Assistant {
    files: FilenameCompleter,
}

impl Helper for Assistant {}
impl Validator for Assistant {}
impl Hinter for Assistant {
    type Hint = String;
}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        at: usize,
        context: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        if line.starts_with("/save ") {
            return self.files.complete(line, at, context);
        }
        Ok((0, commands(&line[..at])))
    }
}

/// Returns the commands that begin with `typed`.
fn commands(typed: &str) -> Vec<Pair> {
    let Some(typed) = typed.strip_prefix('/') else { return Vec::new() };
    let names = line::names().into_iter().filter(|name| name.starts_with(typed));
    names
        .map(|name| Pair { display: format!("/{name}"), replacement: format!("/{name} ") })
        .collect()
}

impl Highlighter for Assistant {
    /// Gives the beginning of a text the colour that it has in the text.
    fn highlight<'l>(&self, line: &'l str, _at: usize) -> Cow<'l, str> {
        match Line::of(line.as_bytes()) {
            Line::Text(_) => style(line).cyan().to_string().into(),
            Line::Command(..) => line.into(),
        }
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(
        &'s self,
        prompt: &'p str,
        _default: bool,
    ) -> Cow<'b, str> {
        style(prompt).bold().to_string().into()
    }

    fn highlight_char(&self, _line: &str, _at: usize, kind: CmdKind) -> bool {
        kind != CmdKind::MoveCursor
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tab_completes_commands_and_no_texts() {
        let completed = |typed| -> Vec<String> {
            commands(typed).into_iter().map(|pair| pair.replacement).collect()
        };
        assert_eq!(completed("/te"), ["/temperature "]);
        assert_eq!(completed("/se"), ["/settings ", "/seed "]);
        assert!(completed("/").len() > 10);
        assert!(completed("te").is_empty() && completed("").is_empty());
        assert!(completed("/x").is_empty());
    }

    #[test]
    fn the_history_is_in_the_directory_for_state() {
        let in_state = history_file(Some("/state".into()));
        assert_eq!(in_state.as_deref(), Some(Path::new("/state/lm/history")));
        let relative = history_file(Some("state".into()));
        assert_eq!(relative, env::home_dir().map(|home| home.join(".local/state/lm/history")));
    }
}
