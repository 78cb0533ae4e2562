//! Arguments of `inference`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;

use super::settings::Settings;
use crate::commands::flags::Common;
use crate::commands::help::Example;
use crate::shell::choice;
use crate::shell::exit::{check_flag, usage};
use crate::shell::precision::Choice;

/// The examples of the help.
pub const EXAMPLES: &[Example] = &[
    ("Open a prompt to type at", "{} -m runs/demo"),
    ("Three short stories", "{} -m runs/demo -p 'Once upon a time' -n 100 --num-samples 3"),
    ("The probability of each token of a text", "{} -m runs/demo -p 'A cat sat.' --score"),
    ("Tokens per second", "{} -m runs/demo --bench"),
];

/// The most texts that `--bench` writes at a time.
const LARGEST_BATCH: usize = 256;

/// Generate text with a trained model
///
/// Without --prompt it opens a prompt to type at; /help there lists what can be changed in place.
#[derive(Parser, Debug, Clone)]
#[command(name = "inference", version, allow_negative_numbers = true)]
#[command(next_help_heading = "Text")]
pub struct Args {
    /// Checkpoint, run directory (its newest checkpoint), or Hugging Face Llama directory
    #[arg(long, short = 'm', visible_alias = "model")]
    #[arg(value_name = "DIR", help_heading = "Model")]
    pub checkpoint: PathBuf,
    /// Tokenizer to use [default: the checkpoint's, else data/tokenizer]
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    #[arg(hide_short_help = true)]
    pub tokenizer: Option<PathBuf>,
    /// Insist on a tokenizer that did not make the checkpoint
    #[arg(long, help_heading = "Model", hide_short_help = true)]
    pub any_tokenizer: bool,
    /// Type of the operands of matrix products; auto is bf16 where the CPU has instructions for it,
    /// else f32; int8 rounds weights and what they multiply to 8 bits
    #[arg(long, value_name = "P", default_value = "auto", help_heading = "Model")]
    #[arg(value_parser = choice::parser(&Choice::INFERENCE))]
    #[arg(hide_short_help = true)]
    pub precision: Choice,

    /// Text to continue; - reads it from standard input [default: open a prompt]
    #[arg(long, short = 'p', value_name = "TEXT", group = "work")]
    pub prompt: Option<String>,
    /// File of prompts, a JSON string or object per line
    ///
    /// An object has a "prompt", and settings by their flags' names with _ in place of -:
    /// {"prompt": "Once", "max_tokens": 20, "seed": 1}. - is standard input.
    #[arg(long, value_name = "FILE", group = "work", conflicts_with = "score")]
    pub prompts: Option<PathBuf>,
    /// Number of completions per prompt
    #[arg(long, default_value_t = 1, requires = "work", conflicts_with_all = ["score", "bench"])]
    pub num_samples: usize,
    /// Leave out the token that stands before each text where the tokenizer's files say so
    #[arg(long, hide_short_help = true)]
    pub no_bos: bool,
    /// Text that ends a completion, beside the model's end tokens; may be repeated
    #[arg(long, value_name = "STR", default_value = bpe::END_OF_TEXT, hide_short_help = true)]
    pub stop: Vec<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub settings: Settings,

    /// Generate nothing; report the log-probability of each token of the prompt and the perplexity
    #[arg(long, requires = "prompt", help_heading = "Output")]
    pub score: bool,
    /// Print JSON, one object per text
    ///
    /// --score and --bench print one object.
    #[arg(long, requires = "work", help_heading = "Output")]
    pub json: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub bench: BenchArgs,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}

/// Flags of `--bench`.
#[derive(clap::Args, Debug, Clone)]
#[command(next_help_heading = "Speed")]
pub struct BenchArgs {
    /// Measure tokens per second of reading a prompt and of writing texts
    #[arg(long, group = "work", conflicts_with_all = ["score", "max_tokens", "stop", "no_bos"])]
    #[arg(hide_short_help = true)]
    pub bench: bool,
    /// Tokens of the prompt that is read [default: 250]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub prompt_tokens: Option<usize>,
    /// Tokens of each text that is written, after a prompt of one token [default: 200]
    #[arg(long, value_name = "N", hide_short_help = true)]
    pub gen_tokens: Option<usize>,
    /// Numbers of texts that are written at a time [default: 1,4,16]
    #[arg(long, value_delimiter = ',', hide_short_help = true)]
    pub batch: Vec<usize>,
}

impl BenchArgs {
    /// Checks the values of the flags.
    fn check(&self) -> Result<()> {
        let BenchArgs { bench, prompt_tokens, gen_tokens, batch } = self;
        for (flag, value) in [("prompt-tokens", prompt_tokens), ("gen-tokens", gen_tokens)] {
            if let &Some(value) = value {
                check_flag(flag, value, *bench, "it beside --bench only")?;
                check_flag(flag, value, value > 0, "at least 1")?;
            }
        }
        for &texts in batch {
            check_flag("batch", texts, *bench, "it beside --bench only")?;
            let is_right = (1..=LARGEST_BATCH).contains(&texts);
            check_flag("batch", texts, is_right, &format!("1 to {LARGEST_BATCH} texts"))?;
        }
        Ok(())
    }
}

impl Args {
    /// Returns the most tokens that this call generates.
    pub fn most_tokens(&self) -> usize {
        match self.prompt {
            Some(_) if self.score => 0,
            Some(_) => self.settings.max_tokens.saturating_mul(self.num_samples),
            // What is typed at the prompt, or stands in a file, may change the number.
            None => usize::MAX,
        }
    }

    /// Checks the values of the flags.
    ///
    /// # Errors
    /// A usage error that names the flag with an invalid value.
    pub fn check(&self) -> Result<()> {
        let has_empty = self.stop.iter().any(String::is_empty);
        check_flag("stop", "\"\"", !has_empty, "some text")?;
        check_flag("num-samples", self.num_samples, self.num_samples > 0, "at least 1")?;
        let has_work = self.prompt.is_some() || self.prompts.is_some() || self.bench.bench;
        let is_session_without_tokens = !has_work && self.settings.max_tokens == 0;
        check_flag("max-tokens", 0, !is_session_without_tokens, "at least 1 without --prompt")?;
        self.bench.check()?;
        self.settings.validate().map_err(|message| usage(format!("--{message}")))
    }
}

#[cfg(test)]
mod tests {
    use model::Sampling;

    use super::*;
    use crate::commands::flags::parse_from;
    use crate::shell::exit::UsageError;

    fn args(flags: &[&str]) -> Result<Args> {
        let (args, _): (Args, _) =
            parse_from([&["inference", "--checkpoint", "c"], flags].concat())?;
        args.check().map(|()| args)
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let Args { settings, stop, .. } = args(&[]).unwrap();
        assert_eq!(settings.sampling(), Sampling::default());
        assert_eq!((settings.max_tokens, settings.seed), (256, None));
        assert_eq!(stop, ["<|endoftext|>"]);
    }

    #[test]
    fn nonsense_is_refused_by_the_flags_name() {
        for (flag, value) in [
            ("--temperature", "-0.1"),
            ("--temperature", "nan"),
            ("--top-p", "0"),
            ("--top-p", "1.1"),
            ("--top-p", "nan"),
            ("--top-k", "0"),
            ("--min-p", "-1"),
            ("--min-p", "2"),
            ("--repetition-penalty", "0"),
            ("--num-samples", "0"),
            ("--speculate", "4"),
            ("--speculate", "99"),
            ("--stop", ""),
            ("--batch", "4,0"),
            ("--gen-tokens", "0"),
        ] {
            let args = args(&["--prompt", "", flag, value]);
            let error = args.expect_err(flag);
            assert!(error.is::<UsageError>() && error.to_string().contains(flag), "{error}");
        }
    }

    #[test]
    fn commands_change_what_flags_set() {
        let mut changed = args(&[]).unwrap().settings;
        let mut flags = Vec::new();
        for (name, value) in [
            ("temperature", "0.7"),
            ("top-p", "0.5"),
            ("top-k", "40"),
            ("min-p", "0.1"),
            ("repetition-penalty", "1.2"),
            ("max-tokens", "9"),
            ("seed", "1"),
        ] {
            changed.set(name, value).unwrap();
            flags.push(format!("--{name}={value}"));
        }
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        assert_eq!(changed, args(&flags).unwrap().settings);
        changed.set("top-k", "off").unwrap();
        changed.set("seed", "random").unwrap();
        assert_eq!((changed.top_k, changed.seed), (None, None));
    }

    #[test]
    fn a_wrong_command_changes_nothing() {
        let mut changed = args(&[]).unwrap().settings;
        for (name, value) in
            [("temperature", "-1"), ("top-k", "1.5"), ("seed", ""), ("colour", "red")]
        {
            assert!(changed.set(name, value).is_err(), "{name}");
        }
        assert_eq!(changed, args(&[]).unwrap().settings);
    }
}
