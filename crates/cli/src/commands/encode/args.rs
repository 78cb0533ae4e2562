//! Arguments of `encode`.

use std::path::PathBuf;

use clap::Parser;

use crate::commands::flags::Common;
use crate::commands::help::{self, Example};
use crate::run::tokenizer;

const EXAMPLES: &[Example] = &[
    (
        "Turn a text into tokens",
        "encode --tokenizer data/tokenizer --file data/train.txt --out data/train.npy",
    ),
    ("Turn tokens back into text", "encode --decode --file data/train.npy --out -"),
];

/// Turn text into a file of token ids, or back
///
/// The ids are those of encoding the whole text at once, whatever the number of threads, and
/// decoding them gives back the text byte for byte. Memory does not grow with the file.
#[derive(Parser, Debug, Clone)]
#[command(name = "encode", version, next_help_heading = "Tokenizer")]
#[command(after_long_help = help::ending(EXAMPLES, help::TEXT_VARIABLES))]
pub struct Args {
    /// Text to encode, or with --decode a .npy file of tokens; - is standard input
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    pub file: PathBuf,
    /// File for the tokens (.npy, uint16 if every id fits, else uint32), or with --decode for the
    /// text; with --decode - is standard output
    #[arg(long, value_name = "PATH", help_heading = "Data")]
    pub out: PathBuf,
    /// Turn tokens back into text
    #[arg(long, help_heading = "Data")]
    pub decode: bool,

    /// Directory with tokenizer.json, or with vocab.json and merges.txt
    #[arg(long, value_name = "DIR", default_value = tokenizer::DEFAULT_DIR)]
    pub tokenizer: PathBuf,
    /// Additional special token, never split, for a tokenizer that does not name its own; may be
    /// repeated
    #[arg(long, value_name = "STR")]
    pub special_token: Vec<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_original_command_line() {
        let argv = ["encode", "--tokenizer=t", "--file=a.txt", "--out=a.npy", "--processes=16"];
        let (args, _): (Args, _) = crate::commands::flags::parse_from(argv).unwrap();
        assert_eq!((args.file, args.out), (PathBuf::from("a.txt"), PathBuf::from("a.npy")));
        assert_eq!((args.common.threads, args.decode), (Some(16), false));
    }

    #[test]
    fn special_tokens_may_look_like_flags() {
        let argv =
            ["encode", "--file=-", "--out=a", "--special_token", "-x-", "--special-token=<y>"];
        let (args, _): (Args, _) = crate::commands::flags::parse_from(argv).unwrap();
        assert_eq!(args.special_token, ["-x-", "<y>"]);
        assert!(crate::commands::flags::parse_from::<Args>(["encode", "--file=a"]).is_err());
    }
}
