//! Log lines on standard error: the bare message, warnings marked as such.

use std::io::{self, Write};

use log::{Level, LevelFilter};

/// Starts logging; `quiet` leaves nothing of it. `RUST_LOG` overrides what is shown.
pub fn start(quiet: bool) {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Info);
    if quiet {
        builder.filter_level(LevelFilter::Off);
    } else {
        builder.parse_default_env();
    }
    builder.format(|out, record| match record.level() {
        Level::Warn => writeln!(out, "warning: {}", record.args()),
        _ => writeln!(out, "{}", record.args()),
    });
    builder.target(env_logger::Target::Pipe(Box::new(AroundBars)));
    // It fails only where logging was started before, in tests.
    let _ = builder.try_init();
}

/// Standard error, with the progress bars out of the way while something is written.
struct AroundBars;

impl Write for AroundBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        crate::shell::progress::suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
