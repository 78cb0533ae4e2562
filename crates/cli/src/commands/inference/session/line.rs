//! The meaning of a line that was typed, and the help.

use clap::Command;

use crate::commands::inference::settings::{self, help_entry};
use crate::shell::exit;

/// The commands beside those that change a setting: usage and help.
const COMMANDS: [(&str, &str); 7] = [
    ("continue", "Go on with the last text"),
    ("retry", "Write another text from the last prompt"),
    ("save FILE", "Write the last text into a file"),
    ("stop STR|off", "Add a string that ends a text; off removes those added. \\n is a line end"),
    ("settings", "Show all settings, as a setting's name alone shows its value"),
    ("help", "Show this help"),
    ("quit", "Leave, as Ctrl-D does"),
];

/// The help before the commands.
const BEFORE_COMMANDS: &str = "\
Type the beginning of a text; the model continues it. An empty line leaves the
beginning to the model. A text that begins with / is typed with two: //.
";

/// The help after the commands.
const AFTER_COMMANDS: &str = "\
Tab completes a command, the arrow keys bring back earlier lines, Ctrl-C stops
the text.
";

/// A line of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line<'a> {
    /// The beginning of a text; an empty one leaves it to the model.
    Text(&'a [u8]),
    /// `/NAME VALUE`.
    Command(&'a str, &'a str),
}

impl Line<'_> {
    /// Returns the meaning of a line. A text that begins with a slash is typed with two of them.
    pub fn of(line: &[u8]) -> Line<'_> {
        let trimmed = line.trim_ascii();
        match trimmed {
            [] => Line::Text(&[]),
            [b'/', b'/', ..] => Line::Text(&line[line.len() - line.trim_ascii_start().len() + 1..]),
            [b'/', command @ ..] => match str::from_utf8(command) {
                Ok(command) => {
                    let (name, value) =
                        command.split_once(char::is_whitespace).unwrap_or((command, ""));
                    Line::Command(name, value.trim())
                }
                Err(_) => Line::Text(line),
            },
            _ => Line::Text(line),
        }
    }
}

/// Returns the names of all commands.
pub fn names() -> Vec<String> {
    let name = |(usage, _): &(&str, &str)| usage.split(' ').next().unwrap_or_default().to_string();
    COMMANDS.iter().map(name).chain(settings::names()).collect()
}

/// Describes all commands, in lines of at most 80 columns.
pub fn help() -> String {
    let mut text = BEFORE_COMMANDS.to_string();
    text += &settings::help();
    for (usage, help) in COMMANDS {
        text += &help_entry(usage, help);
    }
    text + AFTER_COMMANDS
}

/// Returns the message about a command that does not exist.
pub fn unknown(name: &str) -> String {
    match similar(name) {
        Some(similar) => format!("there is no command /{name}; did you mean {similar}?"),
        None => format!(
            "there is no command /{name}; /help lists them, and a text that begins with / is typed \
             with two: //"
        ),
    }
}

/// Returns the commands whose names are similar.
fn similar(name: &str) -> Option<String> {
    let commands = names().into_iter().map(|name| Command::new(format!("/{name}")));
    let command = Command::new("session").no_binary_name(true).disable_help_subcommand(true);
    let parsed = command.subcommands(commands).try_get_matches_from([format!("/{name}")]);
    exit::suggestion(&parsed.err()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_texts_unless_they_begin_with_a_slash() {
        for (line, meaning) in [
            ("There was / once ", Line::Text(b"There was / once ")),
            ("  ", Line::Text(b"")),
            ("", Line::Text(b"")),
            ("//usr is a path", Line::Text(b"/usr is a path")),
            (" // two", Line::Text(b"/ two")),
            ("/temperature  0.7 ", Line::Command("temperature", "0.7")),
            ("/seed", Line::Command("seed", "")),
            ("  /quit", Line::Command("quit", "")),
            ("/colour red", Line::Command("colour", "red")),
        ] {
            assert_eq!(Line::of(line.as_bytes()), meaning, "{line:?}");
        }
        assert_eq!(Line::of(b"caf\xC3"), Line::Text(b"caf\xC3"));
    }

    #[test]
    fn the_help_names_every_command_within_80_columns() {
        for usage in [
            "temperature X",
            "top-p X",
            "top-k N|off",
            "min-p X|off",
            "repetition-penalty X",
            "max-tokens N",
            "seed N|random",
            "continue",
            "retry",
            "save FILE",
            "stop STR|off",
        ] {
            assert!(help().contains(&format!("  /{usage} ")), "{usage}\n{}", help());
        }
        assert!(help().lines().all(|line| line.len() <= 80), "{}", help());
    }

    #[test]
    fn an_unknown_command_gets_a_suggestion() {
        for (typed, meant) in [("temprature", "temperature"), ("retyr", "retry"), ("sed", "seed")] {
            assert!(unknown(typed).contains(&format!("did you mean /{meant}?")), "{typed}");
        }
        assert!(unknown("usr/bin").contains("typed with two"), "{}", unknown("usr/bin"));
    }
}
