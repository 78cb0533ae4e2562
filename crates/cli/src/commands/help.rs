//! The end of `--help`: examples, and the environment variables that count.

use std::fmt::{Display, Write};

use clap::builder::{StyledStr, Styles};

/// An example: its purpose, and the command line.
pub type Example = (&'static str, &'static str);

/// An environment variable, and its effect.
pub type Variable = (&'static str, &'static str);

/// The space before a command line. Further lines of an example have it themselves.
pub const EXAMPLE_INDENT: &str = "    ";

/// The environment variables of programs that compute with text.
pub const TEXT_VARIABLES: &[Variable] = &[THREADS, LOG, NO_COLOR, FORCE_COLOR];

/// The environment variables of programs that compute with models.
pub const MODEL_VARIABLES: &[Variable] = &[THREADS, KERNELS, LOG, NO_COLOR, FORCE_COLOR];

const THREADS: Variable = ("RAYON_NUM_THREADS", "Number of threads where --threads is not given");
const KERNELS: Variable = ("LM_ISA", "Kernels: portable, avx2, avx512 or amx [default: the best]");
const LOG: Variable = ("RUST_LOG", "Log lines to show: error, warn, info, debug; or lm=debug");
const NO_COLOR: Variable = ("NO_COLOR", "No colours, unless it is empty; --color overrides it");
const FORCE_COLOR: Variable =
    ("CLICOLOR_FORCE", "Colours in files and pipes too, unless it is 0 or empty");

/// Formats the end of a program's `--help`; without variables, the examples are all of it.
pub fn ending<T: Display>(examples: &[(&str, T)], variables: &[Variable]) -> StyledStr {
    let styles = Styles::styled();
    let (header, literal) = (styles.get_header(), styles.get_literal());
    let mut text = format!("{header}Examples:{header:#}\n");
    // Nothing fails that writes to a string.
    for (purpose, command) in examples {
        let _ = writeln!(text, "  {purpose}:\n{EXAMPLE_INDENT}{literal}{command}{literal:#}");
    }
    if !variables.is_empty() {
        let _ = writeln!(text, "\n{header}Environment variables:{header:#}");
    }
    let width = variables.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, effect) in variables {
        let _ = writeln!(text, "  {literal}{name:width$}{literal:#}  {effect}");
    }
    text.trim_end().to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_variables_stand_in_two_lists() {
        let ending = ending(&[("Count", "encode --count")], TEXT_VARIABLES).to_string();
        let expected = "Examples:\n  Count:\n    encode --count\n\nEnvironment variables:\n  \
                        RAYON_NUM_THREADS  Number of threads";
        assert!(ending.starts_with(expected), "{ending}");
        assert!(ending.lines().all(|line| line.len() <= 80), "{ending}");
    }

    #[test]
    fn without_variables_there_is_one_list() {
        let text = ending(&[("Count", "encode --count")], &[]).to_string();
        assert_eq!(text, "Examples:\n  Count:\n    encode --count");
    }
}
