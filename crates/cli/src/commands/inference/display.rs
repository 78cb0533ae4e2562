//! A text as it is printed, and remarks after it. Remarks go to standard error, and never inside a
//! text: on a terminal both are the same screen.
//!
//! | module | holds |
//! |---|---|
//! | [`wrap`] | line ends between the words of a text, for a terminal |

pub mod wrap;

use std::io::{self, IsTerminal};
use std::sync::Once;
use std::time::Duration;

use anyhow::Result;
use console::style;
use model::FinishReason;

use super::completion::Completion;
use super::engine::{Engine, Prompt};
use crate::shell::color::{self, Stream};
use crate::shell::stdout::print;
use crate::shell::terminal;
use wrap::Wrap;

/// A function that asks for the number of columns.
type Width = fn() -> Option<usize>;

/// A text that is printed as it comes. On a terminal its lines end between words; pipes and files
/// get its own bytes.
#[derive(Debug)]
pub struct Printer {
    wrap: Option<Wrap<Width>>,
}

impl Printer {
    /// Begins a text at the beginning of a line.
    pub fn to_stdout() -> Printer {
        let width: Width = terminal::stdout_width;
        Printer { wrap: terminal::stdout_can_redraw().then(|| Wrap::new(width)) }
    }

    /// Prints a prompt before its completion, in a colour of its own where there are colours.
    ///
    /// # Errors
    /// When standard output is closed or cannot be written.
    pub fn prompt(&mut self, prompt: &Prompt) -> Result<()> {
        if io::stdout().is_terminal() || color::enabled(Stream::Stdout) {
            self.piece(&style(String::from_utf8_lossy(prompt.shown())).cyan().to_string())
        } else {
            print(prompt.shown())
        }
    }

    /// Prints the next piece of a completion, on a terminal up to its last word, which may go on.
    ///
    /// # Errors
    /// When standard output is closed or cannot be written.
    pub fn piece(&mut self, piece: &str) -> Result<()> {
        match &mut self.wrap {
            Some(wrap) => print(wrap.push(piece)),
            None => print(piece),
        }
    }

    /// Prints what was held back.
    ///
    /// # Errors
    /// When standard output is closed or cannot be written.
    pub fn finish(self) -> Result<()> {
        self.wrap.map_or(Ok(()), |wrap| print(wrap.finish()))
    }
}

/// Shows on a terminal the number of a text's tokens, their rate, and the seed where one is given,
/// unless with `--quiet`.
pub fn show_summary(completion: &Completion, seed: Option<u64>) {
    if !io::stderr().is_terminal() || !log::log_enabled!(log::Level::Info) {
        return;
    }
    // A text that goes through a pipe to the same terminal ends without a line end.
    let gap = if io::stdout().is_terminal() { "" } else { "\n" };
    eprintln!("{gap}{}", style(summary(completion, seed)).for_stderr().dim());
}

/// Shows on a terminal the number of all texts and tokens, and their rate, unless with `--quiet`.
pub fn show_total(texts: usize, tokens: usize, time: Duration) {
    if io::stderr().is_terminal() && log::log_enabled!(log::Level::Info) {
        let rate = tokens as f64 / time.as_secs_f64().max(1e-9);
        let line = format!("{texts} texts, {tokens} tokens, {rate:.0} tokens/s");
        eprintln!("{}", style(line).for_stderr().dim());
    }
}

/// Logs once that a text has left the context.
pub fn mention_context(engine: &Engine, completion: &Completion) {
    static LEFT: Once = Once::new();
    if completion.left_context {
        let context_length = engine.model.config().context_length;
        LEFT.call_once(|| {
            log::info!(
                "the text is longer than the context of {context_length} tokens: the model went on \
                 from the last ones"
            );
        });
    }
}

/// Returns a line such as `63 tokens, 812 tokens/s, seed 1`.
fn summary(completion: &Completion, seed: Option<u64>) -> String {
    let count = completion.tokens.len();
    let mut line = format!("{count} token{}", if count == 1 { "" } else { "s" });
    line += match completion.finish {
        Some(FinishReason::Stop) => "",
        Some(FinishReason::Length) => " (cut off at max-tokens)",
        None => " (stopped by Ctrl-C)",
    };
    if let Some(rate) = completion.tokens_per_second {
        line += &format!(", {rate:.0} tokens/s");
    }
    if let Some(seed) = seed {
        line += &format!(", seed {seed}");
    }
    line
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn a_summary_has_number_reason_and_rate() {
        let mut completion = Completion {
            prompt: Rc::default(),
            seed: 3,
            text: String::new(),
            whole: Vec::new(),
            tokens: vec![1, 2],
            finish: Some(FinishReason::Length),
            left_context: false,
            tokens_per_second: Some(812.4),
        };
        assert_eq!(
            summary(&completion, Some(3)),
            "2 tokens (cut off at max-tokens), 812 tokens/s, seed 3"
        );
        completion.tokens.pop();
        (completion.finish, completion.tokens_per_second) = (Some(FinishReason::Stop), None);
        assert_eq!(summary(&completion, None), "1 token");
    }
}
