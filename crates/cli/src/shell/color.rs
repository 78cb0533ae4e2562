//! The one decision on whether what is shown has colours.
//!
//! In this order: `--color`, `NO_COLOR` (<https://no-color.org>), `CLICOLOR_FORCE` and `CLICOLOR`
//! (<https://bixense.com/clicolors>), and whether it goes to a terminal that has colours.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, IsTerminal};

use console::Style;

/// A value of `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As the environment says, else on terminals only.
    Auto,
    /// Also in files and pipes.
    Always,
    /// Nowhere.
    Never,
}

impl When {
    /// All values.
    pub const ALL: [When; 3] = [When::Auto, When::Always, When::Never];
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            When::Auto => "auto",
            When::Always => "always",
            When::Never => "never",
        })
    }
}

/// A place where something is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Decides for both streams, from now on. The styles of [`console`] obey it.
pub fn set(when: When) {
    let is_on = |is_terminal| decide(when, |name| std::env::var_os(name), is_terminal);
    console::set_colors_enabled(is_on(io::stdout().is_terminal()));
    console::set_colors_enabled_stderr(is_on(io::stderr().is_terminal()));
}

/// Returns `true` if what goes to `stream` has colours.
pub fn enabled(stream: Stream) -> bool {
    match stream {
        Stream::Stdout => console::colors_enabled(),
        Stream::Stderr => console::colors_enabled_stderr(),
    }
}

/// Returns the word that begins an error message on standard error.
pub fn error_label() -> String {
    label("error:", Style::new().red())
}

/// Returns the word that begins a warning on standard error.
pub fn warning_label() -> String {
    label("warning:", Style::new().yellow())
}

fn label(text: &str, style: Style) -> String {
    style.bold().for_stderr().apply_to(text).to_string()
}

/// Returns the value of `--color` among arguments, the program's name before them. Whatever else is
/// wrong with them, the message about it follows that value.
pub fn typed(argv: impl IntoIterator<Item = OsString>) -> Option<When> {
    let mut args = argv.into_iter().skip(1).take_while(|arg| arg != "--");
    let value = args.by_ref().find_map(|arg| match arg.to_str()? {
        "--color" => Some(None),
        arg => Some(Some(arg.strip_prefix("--color=")?.to_string())),
    })?;
    let value = value.or_else(|| args.next()?.into_string().ok())?;
    When::ALL.into_iter().find(|when| when.to_string() == value)
}

fn decide(when: When, variable: impl Fn(&str) -> Option<OsString>, is_terminal: bool) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let is_zero = |name| variable(name).is_some_and(|value| value == "0");
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto if is_set("NO_COLOR") => false,
        When::Auto if is_set("CLICOLOR_FORCE") && !is_zero("CLICOLOR_FORCE") => true,
        When::Auto if is_zero("CLICOLOR") => false,
        When::Auto => is_terminal && has_colors(variable("TERM").as_deref()),
    }
}

/// Returns `true` if a terminal of this name has colours. Outside Windows each has a name.
fn has_colors(name: Option<&OsStr>) -> bool {
    name.map_or(cfg!(windows), |name| name != "dumb")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(when: When, variables: &[(&str, &str)], is_terminal: bool) -> bool {
        let find = |name: &str| variables.iter().find(|(other, _)| *other == name);
        decide(when, |name| Some(find(name)?.1.into()), is_terminal)
    }

    #[test]
    fn the_flag_counts_most_then_the_environment_then_the_terminal() {
        const TERM: (&str, &str) = ("TERM", "xterm");
        for (variables, at_terminal, elsewhere) in [
            (&[TERM][..], true, false),
            (&[("TERM", "dumb")], false, false),
            (&[TERM, ("NO_COLOR", "1")], false, false),
            (&[TERM, ("NO_COLOR", "")], true, false),
            (&[TERM, ("CLICOLOR_FORCE", "1")], true, true),
            (&[TERM, ("CLICOLOR_FORCE", "0")], true, false),
            (&[TERM, ("CLICOLOR_FORCE", "")], true, false),
            (&[TERM, ("CLICOLOR", "0")], false, false),
            (&[TERM, ("CLICOLOR", "1")], true, false),
            (&[TERM, ("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], false, false),
            (&[TERM, ("CLICOLOR", "0"), ("CLICOLOR_FORCE", "1")], true, true),
        ] {
            assert_eq!(decided(When::Auto, variables, true), at_terminal, "{variables:?}");
            assert_eq!(decided(When::Auto, variables, false), elsewhere, "{variables:?}");
            for is_terminal in [true, false] {
                assert!(decided(When::Always, variables, is_terminal), "{variables:?}");
                assert!(!decided(When::Never, variables, is_terminal), "{variables:?}");
            }
        }
    }

    #[test]
    fn the_flag_is_found_among_others() {
        let typed = |argv: &[&str]| typed(argv.iter().map(OsString::from));
        assert_eq!(typed(&["lm", "--color", "never", "encode"]), Some(When::Never));
        assert_eq!(typed(&["lm", "encode", "--bad", "--color=always"]), Some(When::Always));
        for argv in [&["encode"][..], &["--color=never"], &["p", "--color"], &["p", "--color=red"]]
        {
            assert_eq!(typed(argv), None, "{argv:?}");
        }
        assert_eq!(typed(&["compare-runs", "--", "--color=never"]), None);
    }
}
