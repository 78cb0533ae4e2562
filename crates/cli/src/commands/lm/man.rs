//! The sub-command `man`: manual pages, from the definitions that make the help.

use std::io;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Arg, Command, Parser};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::commands::flags::Color;
use crate::commands::help::{self, Example, Variable};
use crate::commands::program::Program;
use crate::shell::command_line::Called;
use crate::shell::logging::{self, Verbosity};

/// The examples of the help.
pub const EXAMPLES: &[Example] = &[
    ("Write the pages where man looks", "lm man --out ~/.local/share/man/man1"),
    ("Read one without that", "lm man --out man && man -l man/lm-encode.1"),
];

/// Write manual pages
///
/// There is one for each sub-command (lm-encode.1), and one for each program by its own name
/// (encode.1).
#[derive(Parser, Debug)]
#[command(name = "man", version)]
pub struct Args {
    /// Directory for the pages
    #[arg(short, long, value_name = "DIR")]
    pub out: PathBuf,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub color: Color,
}

/// A manual page to write.
pub struct Page {
    command: Command,
    examples: Vec<(&'static str, String)>,
    variables: &'static [Variable],
    see_also: Vec<String>,
}

impl Page {
    /// Returns the page of `program` when it is `called` so. It refers to the pages `see_also`.
    pub fn new(program: &Program, called: Called, see_also: Vec<String>) -> Page {
        let mut command = program
            .command(called)
            .disable_help_subcommand(true)
            .subcommand_help_heading("COMMANDS")
            .mut_args(in_full);
        // By default the synopsis would list all flags.
        if command.get_overridden_usage().is_none() {
            let usage = command.render_usage().to_string();
            command = command.override_usage(usage.trim_start_matches("Usage: ").to_string());
        }
        let (examples, variables) = (program.examples(called), program.variables);
        Page { command, examples, variables, see_also }
    }

    /// Formats the page.
    fn render(&self) -> io::Result<Vec<u8>> {
        let version = concat!("lm ", env!("CARGO_PKG_VERSION"));
        let man = Man::new(self.command.clone()).source(version);
        let mut page = Vec::new();
        man.render_title(&mut page)?;
        man.render_name_section(&mut page)?;
        man.render_synopsis_section(&mut page)?;
        man.render_description_section(&mut page)?;
        if self.command.has_subcommands() {
            man.render_subcommands_section(&mut page)?;
        }
        man.render_options_section(&mut page)?;
        self.rest().to_writer(&mut page)?;
        Ok(page)
    }

    /// Returns the sections that clap does not know apart: examples, environment, other pages.
    fn rest(&self) -> Roff {
        let mut roff = Roff::new();
        roff.control("SH", ["EXAMPLES"]);
        for (purpose, line) in &self.examples {
            roff.control("PP", []).text([roman(format!("{purpose}:"))]);
            roff.control("RS", ["4"]).control("nf", []);
            for line in line.lines() {
                // Further lines are indented as the help shows them.
                roff.text([bold(line.strip_prefix(help::EXAMPLE_INDENT).unwrap_or(line))]);
            }
            roff.control("fi", []).control("RE", []);
        }
        if !self.variables.is_empty() {
            roff.control("SH", ["ENVIRONMENT"]);
        }
        for (name, effect) in self.variables {
            roff.control("TP", []).text([bold(*name)]).text([roman(*effect)]);
        }
        let others = self.see_also.iter().map(|name| format!("{name}(1)"));
        roff.control("SH", ["SEE ALSO"]);
        roff.text([roman(others.collect::<Vec<_>>().join(", "))]);
        roff
    }

    /// Returns the name of the page's file.
    fn file_name(&self) -> String {
        Man::new(self.command.clone()).get_filename()
    }
}

/// Puts into an argument's help what clap_mangen leaves out of a page: arguments that only the long
/// help shows, and aliases.
fn in_full(arg: Arg) -> Arg {
    let aliases = arg.get_visible_aliases().into_iter().flatten();
    let aliases: Vec<String> = aliases.map(|alias| format!("--{alias}")).collect();
    let arg = arg.hide_short_help(false);
    let Some(help) = arg.get_long_help().or(arg.get_help()) else { return arg };
    if aliases.is_empty() {
        return arg;
    }
    let help = format!("{help}\n\nAlso spelled {}.", aliases.join(", "));
    arg.long_help(help)
}

/// Writes `pages` into the directory that `args` names.
///
/// # Errors
/// When a file cannot be written there.
pub fn run(args: &Args, pages: &[Page]) -> Result<()> {
    logging::start(Verbosity::Normal);
    for page in pages {
        let path = args.out.join(page.file_name());
        files::write(&path, &page.render()?).context("--out")?;
    }
    log::info!("{} manual pages written to {}", pages.len(), args.out.display());
    Ok(())
}
