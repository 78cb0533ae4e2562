//! Log lines on standard error: the message alone, with a prefix for warnings.

use std::io::{self, Write};

use log::{Level, LevelFilter};

/// Starts logging at the level that `RUST_LOG` names, else at that of informational lines.
pub fn start() {
    let mut builder = env_logger::Builder::new();
    builder.filter_level(LevelFilter::Info).parse_default_env();
    builder.format(|out, record| match record.level() {
        Level::Warn => writeln!(out, "warning: {}", record.args()),
        _ => writeln!(out, "{}", record.args()),
    });
    builder.target(env_logger::Target::Pipe(Box::new(AroundBars)));
    // This fails only if logging was started before, as in tests.
    let _ = builder.try_init();
}

/// Standard error, on which progress bars are suspended during each write.
struct AroundBars;

impl Write for AroundBars {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        crate::shell::progress::suspend(|| io::stderr().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
