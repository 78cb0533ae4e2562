//! `--prompts FILE`: one prompt per line, as JSON, read line by line.
//!
//! A line is a string, or an object of a prompt and settings of its own:
//! `{"prompt": "Once", "temperature": 0.5, "max_tokens": 20}`. A thread of its own reads the lines,
//! so that a program on the other end of a pipe may wait for an answer before it sends another.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, TryRecvError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use super::settings::{self, Settings};
use crate::shell::interrupt;
use crate::shell::stdin::Stdin;

/// The most bytes of a line.
const LONGEST_LINE: u64 = 16 << 20;

/// Lines that are read before they are needed.
const AHEAD: usize = 32;

/// The longest time that Ctrl-C goes unnoticed.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// A prompt of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The place of the line, for messages.
    pub place: String,
    /// The text to continue.
    pub prompt: String,
    /// The settings of the flags, but for those that the line has.
    pub settings: Settings,
    /// The seed that the line has.
    pub seed: Option<u64>,
}

/// An answer to the question for the next line.
#[derive(Debug)]
pub enum NextLine {
    /// The next line.
    Line(Box<Line>),
    /// None has come yet.
    Pending,
    /// There are no more.
    End,
}

/// The lines of a file, or of standard input.
#[derive(Debug)]
pub struct Prompts {
    lines: Receiver<Result<Line>>,
}

impl Prompts {
    /// Opens a file of prompts with the settings of the flags. A file that is not a pipe is checked
    /// to its end first, so that no mistake in it shows after a long time.
    ///
    /// # Errors
    /// When it cannot be read, has no prompts, or one of them is invalid.
    pub fn open(path: &Path, settings: &Settings) -> Result<Prompts> {
        let name = format!("--prompts {}", path.display());
        let from = |reader| Lines { reader: BufReader::new(reader), name: name.clone(), number: 0 };
        let mut lines: Lines<Box<dyn Read + Send>> = if path == Path::new("-") {
            from(Box::new(Stdin::new()?) as _)
        } else {
            let open = || File::open(path).with_context(|| name.clone());
            let file = open()?;
            let metadata = file.metadata().with_context(|| name.clone())?;
            ensure!(!metadata.is_dir(), "{name}: a directory; expected a file of prompts");
            if metadata.is_file() {
                let mut lines = from(Box::new(open()?) as _);
                while lines.next(settings)?.is_some() {
                    interrupt::check()?;
                }
            }
            from(Box::new(file) as _)
        };
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        let settings = settings.clone();
        thread::Builder::new().name("prompts".to_string()).spawn(move || {
            while let Some(line) = lines.next(&settings).transpose() {
                let is_last = line.is_err();
                if sender.send(line).is_err() || is_last {
                    return;
                }
            }
        })?;
        Ok(Prompts { lines: receiver })
    }

    /// Returns the next line if it has come.
    ///
    /// # Errors
    /// When it is invalid or cannot be read.
    pub fn poll(&self) -> Result<NextLine> {
        match self.lines.try_recv() {
            Ok(line) => Ok(NextLine::Line(Box::new(line?))),
            Err(TryRecvError::Empty) => Ok(NextLine::Pending),
            Err(TryRecvError::Disconnected) => Ok(NextLine::End),
        }
    }

    /// Waits for the next line.
    ///
    /// # Errors
    /// When it is invalid or cannot be read, and after Ctrl-C.
    pub fn wait(&self) -> Result<NextLine> {
        loop {
            interrupt::check()?;
            match self.lines.recv_timeout(POLL_INTERVAL) {
                Ok(line) => return Ok(NextLine::Line(Box::new(line?))),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(NextLine::End),
            }
        }
    }
}

/// A reader of lines.
struct Lines<R> {
    reader: BufReader<R>,
    name: String,
    /// The number of lines read.
    number: u64,
}

impl<R: Read> Lines<R> {
    /// Returns the next line that is not blank; `None` after the last. There has to be one.
    fn next(&mut self, settings: &Settings) -> Result<Option<Line>> {
        let was_empty = self.number == 0;
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let mut limited = (&mut self.reader).take(LONGEST_LINE + 1);
            let count = limited.read_until(b'\n', &mut bytes).context(self.name.clone())?;
            if count == 0 {
                let expected = "expected a JSON string or an object with a \"prompt\" per line";
                ensure!(!was_empty, "{}: no prompts in it; {expected}", self.name);
                return Ok(None);
            }
            self.number += 1;
            let place = format!("{}: line {}", self.name, self.number);
            ensure!(count as u64 <= LONGEST_LINE, "{place}: longer than {LONGEST_LINE} bytes");
            // Some editors begin a file with the mark of UTF-8.
            let text = match self.number {
                1 => bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes),
                _ => &bytes,
            };
            // Without the end of the line, so that the column of an error is in it.
            let text = text.trim_ascii_end();
            if !text.is_empty() {
                let line = parse(text, &place, settings).context(place)?;
                return Ok(Some(line));
            }
        }
    }
}

/// Returns the prompt of a line.
fn parse(bytes: &[u8], place: &str, settings: &Settings) -> Result<Line> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        let (message, column) = (error.to_string(), error.column());
        let message = message.split(" at line ").next().unwrap_or_default();
        anyhow!("column {column}: not JSON: {message}; a text stands in quotes: \"Once\"")
    })?;
    let fields = match value {
        Value::String(prompt) => {
            let (place, settings) = (place.to_string(), settings.clone());
            return Ok(Line { place, prompt, settings, seed: None });
        }
        Value::Object(fields) => fields,
        other => bail!("{other}: expected a string or an object with a \"prompt\""),
    };
    let (mut prompt, mut values, names) = (None, Vec::new(), settings::names());
    for (field, value) in &fields {
        let name = field.replace('_', "-");
        if field == "prompt" {
            let text =
                value.as_str().with_context(|| format!("prompt {value}: expected a text"))?;
            prompt = Some(text.to_string());
        } else if names.contains(&name) && !field.contains('-') {
            let off = if name == "seed" { "random" } else { "off" };
            let value = match value {
                Value::Number(number) => number.to_string(),
                Value::Null => off.to_string(),
                other => bail!("{field} {other}: expected a number"),
            };
            values.push((name, value));
        } else {
            let known = names.join(", ").replace('-', "_");
            bail!("{field:?}: an unknown field; expected prompt, {known}");
        }
    }
    let prompt = prompt.context("no \"prompt\" in the object")?;
    // The flag's seed is that of the first text, a line's own one is that of the line.
    let settings = Settings { seed: None, ..settings.clone() };
    let values = values.iter().map(|(name, value)| (&**name, &**value));
    let settings = settings.with(values)?;
    Ok(Line { place: place.to_string(), prompt, seed: settings.seed, settings })
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Flags {
        #[command(flatten)]
        settings: Settings,
    }

    fn settings() -> Settings {
        Flags::parse_from(["program", "--temperature=0.5"]).settings
    }

    fn lines(text: &str) -> Result<Vec<Line>> {
        let reader = BufReader::new(text.as_bytes());
        let mut lines = Lines { reader, name: "f".to_string(), number: 0 };
        std::iter::from_fn(|| lines.next(&settings()).transpose()).collect()
    }

    #[test]
    fn a_line_is_a_string_or_an_object_with_settings() {
        let found = lines(
            "\u{feff}\"Once \\n\"\n\n\
             {\"prompt\": \"\", \"seed\": 7, \"max_tokens\": 20, \"top_p\": null}\n\
             {\"temperature\": 0, \"speculate\": 4, \"prompt\": \"é\"}",
        )
        .unwrap();
        let texts: Vec<(&str, &str)> = found.iter().map(|l| (&*l.place, &*l.prompt)).collect();
        assert_eq!(texts, [("f: line 1", "Once \n"), ("f: line 3", ""), ("f: line 4", "é")]);
        assert_eq!(found[0].settings, settings());
        let expected = Settings { seed: Some(7), max_tokens: 20, top_p: None, ..settings() };
        assert_eq!((&found[1].settings, found[1].seed), (&expected, Some(7)));
        assert_eq!((found[2].settings.speculate, found[2].settings.temperature), (4, 0.0));
    }

    #[test]
    fn a_wrong_line_is_named_with_what_is_wrong() {
        for (text, expected) in [
            ("", "f: no prompts in it; expected a JSON string"),
            ("\n \n", "f: no prompts in it"),
            ("\"a\"\nOnce\n", "f: line 2: column 1: not JSON: expected value"),
            ("\"a\n", "f: line 1: column 2: not JSON: EOF while parsing a string"),
            ("[1]", "f: line 1: [1]: expected a string or an object"),
            ("{}", "f: line 1: no \"prompt\""),
            ("{\"prompt\": 1}", "prompt 1: expected a text"),
            ("{\"prompt\": \"\", \"colour\": 1}", "\"colour\": an unknown field; expected prompt,"),
            ("{\"prompt\": \"\", \"top-k\": 1}", "\"top-k\": an unknown field"),
            ("{\"prompt\": \"\", \"top_k\": \"4\\n/seed 1\"}", "expected a number"),
            ("{\"prompt\": \"\", \"top_k\": 0}", "f: line 1: top-k 0: expected at least 1"),
            ("{\"prompt\": \"\", \"max_tokens\": -1}", "max-tokens -1: "),
            ("{\"prompt\": \"\", \"temperature\": null}", "temperature off: "),
            ("{\"prompt\": \"\", \"speculate\": 4}", "speculate 4: expected temperature 0"),
        ] {
            let error = lines(text).expect_err(text);
            let message = crate::shell::exit::message(&error);
            assert!(message.contains(expected), "{message}, not {expected}");
        }
    }

    #[test]
    fn a_line_without_an_end_is_not_read_into_memory() {
        let endless = std::io::repeat(b'"');
        let mut lines = Lines { reader: BufReader::new(endless), name: "f".to_string(), number: 0 };
        let error = lines.next(&settings()).unwrap_err();
        assert!(error.to_string().contains("f: line 1: longer than"), "{error}");
    }
}
