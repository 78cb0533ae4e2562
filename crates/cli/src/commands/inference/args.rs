//! Arguments of `inference`.

use std::path::PathBuf;

use clap::Parser;

use crate::commands::flags::Common;
use crate::shell::precision::Choice;

/// Generate text with a trained model
///
/// Without --prompt it opens a prompt to type at; /help there lists what can be changed in place.
#[derive(Parser, Debug, Clone)]
#[command(name = "inference", version, allow_negative_numbers = true)]
pub struct Args {
    /// Checkpoint, run directory (its newest checkpoint), or Hugging Face Llama directory
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    pub checkpoint: PathBuf,
    /// Tokenizer to use [default: the checkpoint's, else data/tokenizer]
    #[arg(long, value_name = "DIR", help_heading = "Model")]
    pub tokenizer: Option<PathBuf>,
    /// Operands of matrix products, and what stays within a block; auto is bf16 where the CPU has
    /// instructions for it; int8 holds weights in 8 bits
    #[arg(long, value_name = "P", default_value = "auto", value_parser = Choice::parser(true), help_heading = "Model")]
    pub precision: Choice,

    /// Text to continue; - reads it from standard input [default: open a prompt]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, help_heading = "Text")]
    pub prompt: Option<String>,
    /// The most tokens to generate
    #[arg(long, value_name = "N", default_value_t = 256, help_heading = "Text")]
    pub max_tokens: usize,
    /// Completions of the prompt
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        requires = "prompt",
        conflicts_with = "score",
        help_heading = "Text"
    )]
    pub num_samples: usize,
    /// Text that ends a completion; may be repeated
    #[arg(long, value_name = "STR", default_value = bpe::END_OF_TEXT, allow_hyphen_values = true, help_heading = "Text")]
    pub stop: Vec<String>,

    /// How freely tokens are chosen; 0 always takes the likeliest
    #[arg(long, value_name = "X", default_value_t = 1.0, help_heading = "Sampling")]
    pub temperature: f64,
    /// Choose among the likeliest tokens that make up this share of the probability; 1 turns it off
    #[arg(long, value_name = "X", default_value_t = 0.9, help_heading = "Sampling")]
    pub top_p: f64,
    /// Choose among this many of the likeliest tokens [default: off]
    #[arg(long, value_name = "N", help_heading = "Sampling")]
    pub top_k: Option<usize>,
    /// Choose among tokens at least this likely, compared with the likeliest [default: off]
    #[arg(long, value_name = "X", help_heading = "Sampling")]
    pub min_p: Option<f64>,
    /// Divide the score of tokens that occurred by this; 1 turns it off
    #[arg(long, value_name = "X", default_value_t = 1.0, help_heading = "Sampling")]
    pub repetition_penalty: f64,
    /// Seed of the choices [default: from the system]
    #[arg(long, value_name = "N", help_heading = "Sampling")]
    pub seed: Option<u64>,

    /// Generate nothing; report the log-probability of each token of the prompt and the perplexity
    #[arg(long, requires = "prompt", help_heading = "Output")]
    pub score: bool,
    /// Print JSON: an object a sample, or one for --score
    #[arg(long, requires = "prompt", help_heading = "Output")]
    pub json: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub common: Common,
}
