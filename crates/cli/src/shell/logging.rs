//! Log lines on standard error: the message alone, with a prefix for warnings.

use std::io::{self, Write};

use log::{Level, LevelFilter};

use super::color;
use super::exit::plain;

/// The amount of logging that flags ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing but the error that ends the program.
    Quiet,
    /// Informational lines and warnings.
    Normal,
    /// Also details such as the kernels, as `log::debug!` reports them.
    Verbose,
}

/// The crates whose details are for users. The plans of matrix products, which `tensor` reports in
/// the middle of the work and of a text, come with `RUST_LOG=tensor=debug`.
const CRATES: [&str; 5] = ["lm", "bpe", "files", "model", "optim"];

/// Starts logging at the level that `RUST_LOG` names, else at that of `verbosity`. With
/// [`Verbosity::Quiet`] nothing is logged.
pub fn start(verbosity: Verbosity) {
    if verbosity == Verbosity::Quiet {
        return;
    }
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Info);
    if verbosity == Verbosity::Verbose {
        for name in CRATES {
            builder.filter_module(name, LevelFilter::Debug);
        }
    }
    builder.parse_default_env();
    // Colours are put in by AroundBars.
    builder.write_style(env_logger::WriteStyle::Never);
    builder.format(|out, record| match record.level() {
        Level::Warn => writeln!(out, "{WARNING} {}", plain(&record.args().to_string())),
        _ => writeln!(out, "{}", record.args()),
    });
    builder.target(env_logger::Target::Pipe(Box::new(AroundBars)));
    // This fails only if logging was started before, as in tests.
    let _ = builder.try_init();
}

/// The beginning of a warning.
const WARNING: &str = "warning:";

/// Standard error, on which progress bars are suspended during each write. A line comes here as a
/// whole, and without escape sequences, which names of files could have; only now the beginning of
/// a warning gets its colour.
struct AroundBars;

impl Write for AroundBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = match bytes.strip_prefix(WARNING.as_bytes()) {
            Some(message) => [color::warning_label().as_bytes(), message].concat(),
            None => bytes.to_vec(),
        };
        crate::shell::live_line::suspend(|| io::stderr().write_all(&line))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
