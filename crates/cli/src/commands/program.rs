//! The definition of a program, which is also a sub-command of `lm`.

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::Command;

use super::flags;
use super::help::{self, Example, Variable};
use crate::shell::command_line::{self, Called};
use crate::shell::exit::run_main;

/// The place in a line of usage or of an example for the words that call the program.
const CALL: &str = "{}";

/// A program: its flags, the rest of its help, and its work.
pub struct Program {
    /// The name by which it is called, and under which `lm` has it.
    pub name: &'static str,
    /// Its flags, with their help.
    pub flags: fn() -> Command,
    /// The lines of its usage, each with `{}` for its name, if clap's own would not do.
    pub usage: &'static [&'static str],
    /// Examples, with `{}` for its name.
    pub examples: &'static [Example],
    /// The environment variables that count.
    pub variables: &'static [Variable],
    /// Its work with the arguments, which its command parses.
    pub work: fn(Command, Vec<OsString>) -> Result<()>,
}

impl Program {
    /// Returns the command with the conventions of flags, help, usage and examples.
    pub fn command(&self, called: Called) -> Command {
        let mut command = flags::conventional((self.flags)());
        if called == Called::ThroughLm {
            command = command.bin_name(called.words(self.name));
            command = command.display_name(called.words(self.name).replace(' ', "-"));
        }
        if !self.usage.is_empty() {
            let lines = self.usage.iter().map(|line| self.line(line, called));
            command = command.override_usage(lines.collect::<Vec<_>>().join("\n       "));
        }
        let examples = self.examples(called);
        if examples.is_empty() {
            return command;
        }
        command.after_long_help(help::ending(&examples, self.variables))
    }

    /// Returns the examples, purpose and command line of each.
    pub fn examples(&self, called: Called) -> Vec<(&'static str, String)> {
        let with_line = |&(purpose, line)| (purpose, self.line(line, called));
        self.examples.iter().map(with_line).collect()
    }

    /// Does the work of a process with the arguments `argv`, which begin with the program's name.
    ///
    /// # Errors
    /// When the arguments are wrong, or the work fails.
    pub fn run(&self, called: Called, argv: Vec<OsString>) -> Result<()> {
        command_line::note_called(called);
        (self.work)(self.command(called), argv)
    }

    /// Runs as the `main` of a program of its own.
    pub fn main(&self) -> ExitCode {
        run_main(|| self.run(Called::ByName, std::env::args_os().collect()))
    }

    /// Puts the words that call the program into a line.
    fn line(&self, line: &str, called: Called) -> String {
        line.replace(CALL, &called.words(self.name))
    }
}
