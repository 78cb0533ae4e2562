//! The end of a program: exit codes, and one line on standard error for an error.
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done; also when the reader of standard output closed it |
//! | 1 | the work failed |
//! | 2 | wrong usage |
//! | 130 | interrupted by Ctrl-C |
//! | 143 | ended by SIGTERM |

use std::fmt::Display;
use std::io::{self, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Error, Result};
use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

use super::color::{self, Stream, When};
use super::interrupt::{self, Interrupted};
use super::stdout;

const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// An invalid value of a flag: exit code 2 instead of 1.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct UsageError(String);

/// Returns a [`UsageError`]. The message names the flag, the value found and the value expected.
pub fn usage(message: impl Into<String>) -> Error {
    UsageError(message.into()).into()
}

/// Checks that the value of a flag is what is expected.
///
/// # Errors
/// A [`UsageError`] unless `is_right`.
pub fn check_flag(flag: &str, value: impl Display, is_right: bool, expected: &str) -> Result<()> {
    if is_right { Ok(()) } else { Err(usage(format!("--{flag} {value}: expected {expected}"))) }
}

/// Runs the body of a `main` and turns its result into messages and an exit code.
pub fn run_main(work: impl FnOnce() -> Result<()>) -> ExitCode {
    color::set(color::typed(std::env::args_os()).unwrap_or(When::Auto));
    panic::set_hook(Box::new(|info| {
        static SHOWN: AtomicBool = AtomicBool::new(false);
        if !SHOWN.swap(true, Ordering::Relaxed) {
            let message = info.payload_as_str().unwrap_or("unknown");
            let place =
                info.location().map(|place| format!(" ({}:{})", place.file(), place.line()));
            let place = place.unwrap_or_default();
            complain(&format!("internal error: {message}{place}; please report it"));
        }
    }));
    let code = match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => 0,
        Ok(Err(error)) => report(&error),
        Err(_) => FAILED,
    };
    ExitCode::from(code)
}

/// Prints the line about `error`, if it needs one, and returns its exit code.
fn report(error: &Error) -> u8 {
    if let Some(error) = error.downcast_ref::<clap::Error>() {
        return report_arguments(error);
    }
    if error.chain().any(is_interruption) {
        return interrupt::exit_code();
    }
    let is_io = |kind| error.chain().filter_map(io_error).any(|error| error.kind() == kind);
    if is_io(io::ErrorKind::BrokenPipe) {
        return 0;
    }
    let hint = if is_io(io::ErrorKind::NotFound) { "; check the path" } else { "" };
    complain(&format!("{}{hint}", message(error)));
    if error.is::<UsageError>() { USAGE } else { FAILED }
}

fn report_arguments(error: &clap::Error) -> u8 {
    if !error.use_stderr() {
        // This is --help or --version.
        return stdout::print(rendered(&error.render()))
            .map_or_else(|error| report(&error), |()| 0);
    }
    let text = error.render().to_string();
    // The usage and tips follow after a blank line.
    let first = text.split("\n\n").next().unwrap_or_default();
    let tip = suggestion(error).map_or(String::new(), |name| format!(" (did you mean {name}?)"));
    complain(&format!("{}{tip}; see --help", first.trim_start_matches("error: ")));
    USAGE
}

/// Returns a help text as it goes to standard output, with colours where that has them.
pub fn rendered(help: &StyledStr) -> String {
    let text = match color::enabled(Stream::Stdout) {
        true => help.ansi().to_string(),
        false => help.to_string(),
    };
    format!("{}\n", text.trim_end())
}

/// Returns the names that are like the wrong one.
pub fn suggestion(error: &clap::Error) -> Option<String> {
    let kinds =
        [ContextKind::SuggestedArg, ContextKind::SuggestedValue, ContextKind::SuggestedSubcommand];
    match kinds.into_iter().find_map(|kind| error.get(kind))? {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) if !names.is_empty() => Some(names.join(" or ")),
        _ => None,
    }
}

/// Returns the whole chain of causes on one line.
pub fn message(error: &Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain().map(|cause| plain(&cause.to_string())) {
        // Some errors repeat their cause's text in their own, others begin with the name that was
        // put before them.
        match parts.last() {
            Some(last) if last.ends_with(&cause) => {}
            Some(last) if cause.starts_with(&format!("{last}: ")) => {
                parts.pop();
                parts.push(cause);
            }
            _ => parts.push(cause),
        }
    }
    parts.join(": ")
}

/// Returns a message on one line, without the numbers that operating systems give to errors.
pub fn plain(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    while let Some(start) = line.find(" (os error ")
        && let Some(len) = line[start..].find(')')
    {
        line.replace_range(start..=start + len, "");
    }
    line
}

fn complain(message: &str) {
    crate::shell::live_line::suspend(|| {
        // Nothing can be reported if standard error is closed.
        let _ = writeln!(io::stderr(), "{} {}", color::error_label(), plain(message));
    });
}

fn is_interruption(cause: &(dyn std::error::Error + 'static)) -> bool {
    let inner = io_error(cause).and_then(io::Error::get_ref);
    cause.is::<Interrupted>()
        || matches!(cause.downcast_ref(), Some(bpe::Error::Interrupted))
        || inner.is_some_and(|inner| inner.is::<Interrupted>())
}

fn io_error<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    match cause.downcast_ref::<bpe::Error>() {
        Some(bpe::Error::Stream(error)) => Some(error),
        _ => cause.downcast_ref::<io::Error>(),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_chain_is_one_line_and_repeats_nothing() {
        let cause = io::Error::other("no such\n  thing");
        let error =
            Err::<(), _>(cause).context("data/a.npy").context("--train-dataset").unwrap_err();
        assert_eq!(message(&error), "--train-dataset: data/a.npy: no such thing");
        let inner = io::Error::other("gone");
        let repeated = Error::from(inner).context("x: gone");
        assert_eq!(message(&repeated), "x: gone");
        let named_twice = anyhow::anyhow!("a.npy: is a directory").context("a.npy").context("--x");
        assert_eq!(message(&named_twice), "--x: a.npy: is a directory");
    }

    #[test]
    fn numbers_of_errors_are_left_out() {
        let missing = Error::from(io::Error::from_raw_os_error(2)).context("a.npy");
        assert_eq!(message(&missing), "a.npy: No such file or directory");
        assert_eq!(plain("a (os error 2); b (os error"), "a; b (os error");
    }

    #[test]
    fn a_broken_pipe_anywhere_in_the_chain_is_success() {
        let pipe = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(report(&Error::from(pipe()).context("standard output")), 0);
        assert_eq!(report(&Error::from(bpe::Error::Stream(pipe())).context("standard output")), 0);
    }

    #[test]
    fn codes() {
        assert_eq!(report(&usage("--top-p 2: expected a number in (0, 1]")), USAGE);
        assert_eq!(report(&usage("x").context("while checking")), USAGE);
        assert_eq!(report(&Interrupted.into()), 130);
        assert_eq!(report(&Error::from(bpe::Error::Interrupted).context("text")), 130);
        assert_eq!(report(&anyhow::anyhow!("data: not there")), FAILED);
    }
}
