//! Commands for the user to type: programs and paths as this process was given them.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The name of the program that has the others as sub-commands.
pub const LM: &str = "lm";

/// The way in which programs of this package are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// By their own names: `encode`.
    ByName,
    /// As sub-commands of `lm`: `lm encode`.
    ThroughLm,
}

impl Called {
    /// Returns the words that call the program `name`.
    pub fn words(self, name: &str) -> String {
        match self {
            Called::ByName => name.into(),
            Called::ThroughLm => format!("{LM} {name}"),
        }
    }
}

/// The way in which this process was called, as soon as that is known.
static CALLED: OnceLock<Called> = OnceLock::new();

/// Notes how this process was called. The first call counts.
pub fn note_called(called: Called) {
    // It fails if it was noted before.
    let _ = CALLED.set(called);
}

/// Returns the program `name` of this package as the user would call it: through `lm` where this
/// process was called so; by its name alone where this one was, else from the same directory.
pub fn program(name: &str) -> String {
    let this = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    called_like(&this, CALLED.get().copied().unwrap_or(Called::ByName), name)
}

fn called_like(this: &Path, called: Called, name: &str) -> String {
    match called {
        Called::ByName => quoted(&beside(this, name)),
        Called::ThroughLm if this.as_os_str().is_empty() => called.words(name),
        Called::ThroughLm => format!("{} {name}", quoted(this)),
    }
}

fn beside(called: &Path, name: &str) -> PathBuf {
    match called.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory.join(name),
        _ => name.into(),
    }
}

/// Returns `path` as a shell reads it back: in quotes where it has characters with a meaning, and
/// not to be taken for a flag.
pub fn quoted(path: &Path) -> String {
    let mut text = path.display().to_string();
    if text.starts_with('-') {
        text.insert_str(0, "./");
    }
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=:,@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_stands_beside_this_one() {
        let beside = |called: &str| beside(Path::new(called), "inference");
        assert_eq!(beside("train-model"), Path::new("inference"));
        assert_eq!(beside("./train-model"), Path::new("./inference"));
        assert_eq!(beside("target/release/train-model"), Path::new("target/release/inference"));
        assert_eq!(beside(""), Path::new("inference"));
    }

    #[test]
    fn a_sub_command_suggests_sub_commands() {
        let called = |this: &str| called_like(Path::new(this), Called::ThroughLm, "inference");
        assert_eq!(called("lm"), "lm inference");
        assert_eq!(called("./lm"), "./lm inference");
        assert_eq!(called("my programs/lm"), "'my programs/lm' inference");
        assert_eq!(called(""), "lm inference");
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        let paths =
            ["runs/a", "my runs/a", "it's", "-x", "$HOME", "a\\b", "~/x", "", "läuft", "a\"b"];
        for path in paths {
            let script = format!("printf %s {}", quoted(Path::new(path)));
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            let expected = if path == "-x" { "./-x" } else { path };
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected, "{script}");
        }
        assert_eq!(quoted(Path::new("runs/a-1_b.c")), "runs/a-1_b.c");
    }
}
