//! The configuration of a training: the arguments, checked as far as possible before the work.

use std::fmt::Display;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow};
use bpe::formats::gpt2;
use bpe::{Pattern, TrainConfig, Vocab};

use super::args::Args;
use crate::data::text_input::{Accept, TextSource, is_stdin};
use crate::shell::columns::aligned;
use crate::shell::exit::usage;

/// A configuration that was checked.
pub struct Config {
    /// Texts that were checked, none of them known to be empty.
    pub datasets: Vec<TextSource>,
    /// The size of the vocabulary and the special tokens.
    pub training: TrainConfig,
    /// The number of merges that fill the vocabulary.
    pub num_merges: usize,
    /// The pattern that splits text into pre-tokens.
    pub pattern: Pattern,
}

impl Config {
    /// Checks the arguments and opens the texts.
    ///
    /// # Errors
    /// When a flag is invalid (wrong usage) or a path cannot be used.
    pub fn new(args: &Args) -> Result<Config> {
        if args.special_token.iter().any(String::is_empty) {
            return Err(refused_special("is empty, expected at least one character"));
        }
        let training =
            TrainConfig { vocab_size: args.vocab_size, special_tokens: args.special_token.clone() };
        let num_merges = training.num_merges().map_err(|error| match error {
            bpe::Error::VocabSizeTooSmall { vocab_size, special_tokens } => usage(format!(
                "--vocab-size {vocab_size}: expected at least {}: 256 bytes and the special tokens",
                256 + special_tokens
            )),
            _ => refused_special(error),
        })?;
        check_spelling(&training.special_tokens)?;
        let pattern = parse_pattern(&args.pattern)?;
        let datasets = check_all(args)?;
        warn_of_end_of_text(&datasets, &training.special_tokens)?;
        files::check_dir(&args.out).context("--out")?;
        Ok(Config { datasets, training, num_merges, pattern })
    }

    /// Logs the configuration of a training whose files go to `out`.
    pub fn log(&self, out: &Path) {
        let names: Vec<String> = self.datasets.iter().map(TextSource::describe).collect();
        let specials = &self.training.special_tokens;
        let vocabulary = format!(
            "{} = 256 bytes + {} special + {} merges",
            self.training.vocab_size,
            specials.len(),
            self.num_merges
        );
        let configuration = aligned(&[
            ("dataset", names.join(", ")),
            ("vocabulary", vocabulary),
            ("special tokens", specials.join(" ")),
            ("pattern", self.pattern.name().to_string()),
            ("out", out.display().to_string()),
            ("threads", rayon::current_num_threads().to_string()),
        ]);
        log::info!("{configuration}");
    }
}

/// Parses a name or a regular expression. A mere word is most likely a mistyped name: as a regular
/// expression it would find nothing but itself, and make a tokenizer that nobody wants.
fn parse_pattern(text: &str) -> Result<Pattern> {
    let pattern = Pattern::parse(text).map_err(|error| usage(format!("--{error}")))?;
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    // The regular expression of a custom pattern is its name.
    if is_word && pattern.name() == text && !PATTERNS.contains(&text) {
        return Err(usage(format!(
            "--pattern {text}: no pattern of this name, and as a regular expression it matches \
             only itself; expected {} or a regular expression such as '\\p{{L}}+|\\P{{L}}'",
            PATTERNS.join(", ")
        )));
    }
    Ok(pattern)
}

/// The patterns that have names.
const PATTERNS: [&str; 2] = ["gpt2", "gpt4"];

/// Checks all texts before the work begins, so that a missing one is reported at once.
fn check_all(args: &Args) -> Result<Vec<TextSource>> {
    if args.dataset.iter().filter(|path| is_stdin(path)).count() > 1 {
        return Err(usage("--dataset: - was given twice, but there is one standard input"));
    }
    let accept = if args.binary { Accept::Anything } else { Accept::Text };
    let check = |path: &PathBuf| match TextSource::new(path, accept)? {
        text if text.len == Some(0) => Err(is_empty(&text)),
        text => Ok(text),
    };
    args.dataset.iter().map(|path| check(path).context("--dataset")).collect()
}

/// Warns if texts are cut at `<|endoftext|>` by their look and it is no special token, because
/// given ones take the place of that default. Only the beginning of files is looked at.
fn warn_of_end_of_text(datasets: &[TextSource], special_tokens: &[String]) -> Result<()> {
    const LOOKED_AT: u64 = 1 << 20;
    let end = bpe::END_OF_TEXT;
    if special_tokens.iter().any(|special| special == end) {
        return Ok(());
    }
    // What is no file can be read only once.
    for dataset in datasets.iter().filter(|dataset| dataset.len.is_some()) {
        let mut head = Vec::new();
        let mut text = dataset.open().context("--dataset")?.take(LOOKED_AT);
        text.read_to_end(&mut head).with_context(|| format!("--dataset: {}", dataset.name))?;
        if head.windows(end.len()).any(|bytes| bytes == end.as_bytes()) {
            log::warn!(
                "--special-token: {} holds {end}, which is no special token, since given ones take \
                 the place of the default; to keep it, add --special-token '{end}'",
                dataset.name
            );
            break;
        }
    }
    Ok(())
}

/// Returns the error about a text without any bytes.
pub fn is_empty(text: &TextSource) -> Error {
    anyhow!("{}: is empty, expected text to learn tokens from; give another file", text.name)
}

/// Refuses special tokens that `vocab.json` would spell like a byte (`é`) or a text (`Ġthe`),
/// before hours of work and not after.
fn check_spelling(special_tokens: &[String]) -> Result<()> {
    let vocab = Vocab::from_merges(Vec::new(), special_tokens).and_then(|v| gpt2::check(&v));
    vocab.map_err(refused_special)?;
    for special in special_tokens {
        if let Some(text) = gpt2::spelled_alike(special) {
            return Err(refused_special(format!(
                "{special} is how vocab.json spells the text {text:?}; give another one"
            )));
        }
    }
    Ok(())
}

fn refused_special(reason: impl Display) -> Error {
    usage(format!("--special-token: {reason}"))
}
