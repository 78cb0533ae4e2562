//! Arguments of `encode`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Parser;

use crate::commands::flags::Common;
use crate::commands::help::Example;
use crate::run::tokenizer;
use crate::shell::exit::usage;

/// The forms of a command line.
pub const USAGE: &[&str] = &[
    "{} [OPTIONS] --file <PATH> --out <PATH>",
    "{} [OPTIONS] --file <PATH> --count",
    "{} [OPTIONS] --text <TEXT>",
];

/// The examples of the help.
pub const EXAMPLES: &[Example] = &[
    ("Turn a text into tokens", "{} --tokenizer tokenizer --file train.txt --out train.npy"),
    ("Turn tokens back into text", "{} --tokenizer tokenizer --decode --file train.npy --out -"),
    ("See the tokens of a sentence", "{} --tokenizer tokenizer --text 'Once upon a time'"),
];

/// Turn text into a file of token ids, or back
///
/// The ids are those of encoding the whole text at once, whatever the number of threads, and
/// decoding them gives back the text byte for byte. Memory does not grow with the file. Beside
/// FILE.npy, FILE.npy.json says what made it.
#[derive(Parser, Debug, Clone)]
#[command(name = "encode", version, next_help_heading = "Tokenizer")]
pub struct Args {
    /// Text to encode, or with --decode tokens (.npy); - is standard input
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    #[arg(required_unless_present = "text")]
    pub file: Option<PathBuf>,
    /// File for the tokens (.npy), or with --decode for the text
    ///
    /// Tokens are uint16 if every id fits, else uint32. With --decode, - is standard output.
    #[arg(short, long, value_name = "PATH", help_heading = "Data")]
    #[arg(required_unless_present_any = ["text", "count"])]
    pub out: Option<PathBuf>,
    /// Turn tokens back into text
    #[arg(long, help_heading = "Data")]
    pub decode: bool,
    /// Show the ids and the pieces of this text; - is standard input
    ///
    /// The ids go to standard output and the pieces to standard error, with --json both to standard
    /// output. Bytes that are no whole character are shown as \xe6.
    #[arg(long, value_name = "TEXT", help_heading = "Data")]
    #[arg(conflicts_with_all = ["file", "out", "decode", "binary"])]
    pub text: Option<String>,
    /// Write no file, print the number of tokens only
    #[arg(long, help_heading = "Data", conflicts_with_all = ["out", "decode"])]
    pub count: bool,
    /// Print a summary as JSON, or with --text ids and pieces
    #[arg(long, help_heading = "Data")]
    pub json: bool,
    /// Encode a file that does not seem to be text
    ///
    /// UTF-16, token files, compressed files and other binaries are refused otherwise.
    #[arg(long, help_heading = "Data", conflicts_with = "decode")]
    pub binary: bool,

    /// Directory with the tokenizer's files [default: data/tokenizer]
    ///
    /// These are tokenizer.json, or vocab.json and merges.txt. With --decode, the default is the
    /// tokenizer that made the tokens, if it is still where it was or beside the file.
    #[arg(long, value_name = "DIR")]
    pub tokenizer: Option<PathBuf>,
    /// Additional special token, never split, for a tokenizer that does not name its own; may be
    /// repeated
    #[arg(long, value_name = "STR")]
    #[arg(hide_short_help = true)]
    pub special_token: Vec<String>,
    /// Decode also with a tokenizer that did not make the tokens
    #[arg(long, requires = "decode")]
    #[arg(hide_short_help = true)]
    pub any_tokenizer: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// The work that the arguments ask for.
pub(super) enum Task<'a> {
    /// Show the tokens of a text.
    Show { text: &'a str },
    /// Count the tokens of a file.
    Count { file: &'a Path },
    /// Turn the text `file` into the tokens `out`.
    Encode { file: &'a Path, out: &'a Path },
    /// Turn the tokens `file` into the text `out`.
    Decode { file: &'a Path, out: &'a Path },
}

impl Args {
    /// Returns the directory of the tokenizer, unless the tokens say which one made them.
    pub(super) fn tokenizer_dir(&self) -> &Path {
        self.tokenizer.as_deref().unwrap_or(Path::new(tokenizer::DEFAULT_DIR))
    }

    /// Returns the work to do.
    ///
    /// # Errors
    /// A usage error for paths that cannot be meant.
    pub(super) fn task(&self) -> Result<Task<'_>> {
        match (self.text.as_deref(), self.file.as_deref(), self.out.as_deref()) {
            (Some(text), ..) => Ok(Task::Show { text }),
            (None, Some(file), None) => Ok(Task::Count { file }),
            (None, Some(file), Some(out)) => {
                check_paths(file, out)?;
                let is_dash = out == Path::new("-");
                match (self.decode, is_dash) {
                    (true, true) if self.json => Err(usage(
                        "--json: standard output is for the text with --out -; give a file",
                    )),
                    (true, _) => Ok(Task::Decode { file, out }),
                    (false, true) => Err(usage(
                        "--out -: tokens go to a file; only --decode writes to standard output",
                    )),
                    (false, false) => Ok(Task::Encode { file, out }),
                }
            }
            (None, None, _) => Err(usage("--file: expected a text, or --text")),
        }
    }
}

/// Refuses an output that would replace the input.
fn check_paths(file: &Path, out: &Path) -> Result<()> {
    let (Ok(file), Ok(target)) = (file.canonicalize(), out.canonicalize()) else { return Ok(()) };
    if file == target && file.is_file() {
        let shown = out.display();
        return Err(usage(format!("--out {shown}: is the --file itself; give another name")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn parsed(argv: &[&str]) -> Result<Args> {
        let argv = [&["encode"], argv].concat();
        crate::commands::flags::parse_from::<Args>(argv).map(|(args, _)| args)
    }

    #[test]
    fn the_command_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_original_command_line() {
        let args = parsed(&["--tokenizer=t", "--file=a.txt", "--out=a.npy", "--processes=16"]);
        let args = args.unwrap();
        assert!(matches!(args.task().unwrap(), Task::Encode { file, out }
            if file == Path::new("a.txt") && out == Path::new("a.npy")));
        assert_eq!(args.common.threads, Some(16));
    }

    #[test]
    fn special_tokens_may_look_like_flags() {
        let args =
            parsed(&["--file=-", "--out=a", "--special_token", "-x-", "--special-token=<y>"]);
        assert_eq!(args.unwrap().special_token, ["-x-", "<y>"]);
    }

    #[test]
    fn what_makes_no_sense_together_is_refused() {
        for argv in [
            &["--file=a"][..],
            &["--out=a"],
            &["--text=a", "--file=a"],
            &["--text=a", "--out=a"],
            &["--text=a", "--decode"],
            &["--text=a", "--binary"],
            &["--file=a", "--count", "--out=b"],
            &["--file=a", "--count", "--decode"],
            &["--file=a", "--out=b", "--decode", "--binary"],
            &["--file=a", "--out=b", "--any-tokenizer"],
        ] {
            assert!(parsed(argv).is_err(), "{argv:?}");
        }
        for argv in [&["--text=a", "--count"][..], &["--file=a", "--count", "--binary", "--json"]] {
            assert!(parsed(argv).unwrap().task().is_ok(), "{argv:?}");
        }
        let args = parsed(&["--file=a", "--out=-", "--decode", "--json"]).unwrap();
        assert!(args.task().is_err());
    }
}
