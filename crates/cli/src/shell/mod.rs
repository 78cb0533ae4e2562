//! The edge to the terminal and the operating system: exit codes, signals, logs, threads.

pub mod choice;
pub mod color;
pub mod columns;
pub mod command_line;
pub mod exit;
pub mod interrupt;
pub mod live_line;
pub mod logging;
pub mod number;
pub mod pace;
pub mod precision;
pub mod progress;
#[cfg(unix)]
pub mod ready;
pub mod stdin;
pub mod stdout;
pub mod terminal;
pub mod threads;
pub mod units;
