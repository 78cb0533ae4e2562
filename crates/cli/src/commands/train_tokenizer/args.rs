//! Arguments of `train-tokenizer`.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

use crate::commands::flags::Common;
use crate::commands::help::Example;
use crate::run::tokenizer;

/// The examples of the help.
pub const EXAMPLES: &[Example] = &[
    (
        "Learn 10,000 tokens from one text",
        "{} --dataset data/train.txt --vocab-size 10k --out tokenizer",
    ),
    (
        "From several texts, with a special token beside the default, which is given again",
        "{} --dataset a.txt --dataset b.txt \\\n      \
         --special-token '<|endoftext|>' --special-token '<|pad|>'",
    ),
    ("From another program's output", "zcat corpus.gz | {} --dataset -"),
];

/// Train a byte-level BPE tokenizer on text
///
/// Writes vocab.json, merges.txt, tokenizer.json and tokenizer_config.json. The text is read once,
/// in memory that grows with the number of distinct pre-tokens and not with the text.
#[derive(Parser, Debug, Clone)]
#[command(name = "train-tokenizer", version, next_help_heading = "Tokenizer")]
pub struct Args {
    /// UTF-8 text to train on; - is standard input; may be repeated
    #[arg(long, value_name = "PATH", required = true, help_heading = "Data")]
    pub dataset: Vec<PathBuf>,
    /// Directory for the tokenizer's files
    ///
    /// Another tokenizer there moves to earlier-N in it.
    #[arg(short, long, value_name = "DIR", default_value = tokenizer::DEFAULT_DIR)]
    #[arg(help_heading = "Data")]
    pub out: PathBuf,
    /// Learn also from a file that does not seem to be text
    ///
    /// UTF-16, token files, compressed files and other binaries are refused otherwise.
    #[arg(long, help_heading = "Data")]
    #[arg(hide_short_help = true)]
    pub binary: bool,

    /// Number of tokens: bytes + special tokens + merges
    #[arg(long, default_value_t = 10_000)]
    pub vocab_size: usize,
    /// A string that is one token; may be repeated; takes the place of the default
    ///
    /// It is never merged and never split, and text is cut there. Tokens that are given are all
    /// there are: to keep <|endoftext|>, which ends a document, give it again beside them.
    #[arg(long, value_name = "STR", default_value = bpe::END_OF_TEXT)]
    pub special_token: Vec<String>,
    /// Pattern that splits text into pre-tokens: gpt2, gpt4 (cl100k) or a regular expression as
    /// Hugging Face's tokenizers reads it
    #[arg(long, value_name = "P", default_value = "gpt2")]
    pub pattern: String,

    /// Files to write: those of Hugging Face and GPT-2, or a tokenizer.tiktoken beside them
    #[arg(long, value_name = "NAME", default_value = "huggingface", help_heading = "General")]
    #[arg(hide_short_help = true)]
    pub format: Format,
    /// Print what was learned as one JSON object
    #[arg(long, help_heading = "General")]
    pub json: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// Files of a tokenizer.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// vocab.json, merges.txt, tokenizer.json, tokenizer_config.json
    #[value(name = "huggingface", alias = "hugging-face")]
    HuggingFace,
    /// tokenizer.tiktoken, beside the files of huggingface
    Tiktoken,
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
        let argv = ["t", "--dataset=data/train.txt", "--vocab_size=500", "--out=data/tokenizer"];
        let (args, _): (Args, _) = crate::commands::flags::parse_from(argv).unwrap();
        assert_eq!(args.vocab_size, 500);
        assert_eq!(args.special_token, ["<|endoftext|>"]);
    }

    #[test]
    fn given_special_tokens_replace_the_default() {
        let argv = [
            "t",
            "--dataset",
            "a",
            "--dataset",
            "-",
            "--special-token=<a>",
            "--special_token",
            "-b-",
        ];
        let (args, _): (Args, _) = crate::commands::flags::parse_from(argv).unwrap();
        assert_eq!(args.special_token, ["<a>", "-b-"]);
        assert_eq!(args.dataset, [PathBuf::from("a"), PathBuf::from("-")]);
        assert!(crate::commands::flags::parse_from::<Args>(["t"]).is_err());
    }
}
