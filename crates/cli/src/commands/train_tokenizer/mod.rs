//! The work of `train-tokenizer`: check everything, count pre-tokens, learn merges, write the
//! files, report.

pub mod args;
mod dataset;
mod report;

use std::fs;
use std::io::ErrorKind;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use bpe::formats::{gpt2, tiktoken};
use bpe::{Pattern, PreTokenCounter, PreTokenCounts, Tokenizer, TrainConfig, Vocab, train};

use crate::commands::train_tokenizer::args::{Args, Format};
use crate::data::text_input::TextInput;
use crate::shell::exit::{Interrupted, Outcome, usage};
use crate::shell::interrupt;
use crate::shell::progress::{Progress, Unit};
use report::{Report, Seconds};

/// What the arguments mean, checked as far as that is possible before the work.
struct Config {
    datasets: Vec<TextInput>,
    out: PathBuf,
    training: TrainConfig,
    num_merges: usize,
    pattern: Pattern,
}

impl Config {
    fn new(args: &Args) -> Result<Config> {
        let training = TrainConfig {
            vocab_size: args.vocab_size,
            special_tokens: args.special_tokens.clone(),
        };
        let num_merges = training.num_merges().map_err(|error| {
            let flag = match error {
                bpe::Error::VocabSizeTooSmall { .. } => "--vocab-size",
                _ => "--special-token",
            };
            usage(format!("{flag}: {error}"))
        })?;
        check_spelling(&training.special_tokens)?;
        let pattern =
            Pattern::parse(&args.pattern).map_err(|error| usage(format!("--pattern: {error}")))?;
        let datasets = dataset::open_all(&args.dataset)?;
        files::check_dir(&args.out).context("--out")?;
        Ok(Config { datasets, out: args.out.clone(), training, num_merges, pattern })
    }

    fn log(&self) {
        let names: Vec<String> = self.datasets.iter().map(TextInput::describe).collect();
        log::info!("dataset         {}", names.join(", "));
        log::info!(
            "vocabulary      {} = 256 bytes + {} special + {} merges",
            self.training.vocab_size,
            self.training.special_tokens.len(),
            self.num_merges
        );
        log::info!("special tokens  {}", self.training.special_tokens.join(" "));
        log::info!("pattern         {}", self.pattern.name());
        log::info!("out             {}", self.out.display());
        log::info!("threads         {}", rayon::current_num_threads());
    }
}

/// Refuses special tokens that `vocab.json` would spell like a byte (`é`) or a text (`Ġthe`),
/// before hours of work and not after.
fn check_spelling(special_tokens: &[String]) -> Result<()> {
    let refused = |error: &dyn std::fmt::Display| usage(format!("--special-token: {error}"));
    let vocab = Vocab::from_merges(Vec::new(), special_tokens).and_then(|v| gpt2::check(&v));
    vocab.map_err(|error| refused(&error))?;
    for special in special_tokens {
        if let Some(text) = gpt2::spelled_alike(special) {
            let spelled = format!("{special} is how vocab.json spells the text {text:?}");
            return Err(refused(&format!("{spelled}; give another one")));
        }
    }
    Ok(())
}

/// Trains as `args` say.
///
/// # Errors
/// Bad arguments (wrong usage) and unusable paths, before any work; later what reading, training
/// and writing say.
pub fn run(args: &Args) -> Result<Outcome> {
    let config = Config::new(args)?;
    interrupt::install()?;
    config.log();

    let started = Instant::now();
    let counts = count(config.datasets, &config.pattern, &config.training.special_tokens)?;
    let counted = Instant::now();
    let progress = Progress::new("merging", Unit::Count("merges"), Some(config.num_merges as u64));
    let trained = train(counts, &config.training, &advance(&progress)).map_err(interruptible)?;
    drop(progress);
    let merged = Instant::now();
    if trained.vocab.len() < config.training.vocab_size {
        log::warn!(
            "--vocab-size: {} tokens instead of {}, because no pair is left to merge; more text would give more",
            trained.vocab.len(),
            config.training.vocab_size
        );
    }
    interrupt::check()?;
    Tokenizer::new(trained.vocab.clone(), config.pattern).save(&config.out).context("--out")?;
    match args.format {
        Format::Tiktoken => drop(tiktoken::save(&trained.vocab, &config.out).context("--out")?),
        Format::HuggingFace => remove_stale(&config.out.join(tiktoken::FILE))?,
    }
    let seconds = Seconds {
        count: (counted - started).as_secs_f64(),
        merge: (merged - counted).as_secs_f64(),
        write: merged.elapsed().as_secs_f64(),
    };
    Report::new(&trained, seconds, &config.out)?.print(args.json)?;
    Ok(Outcome::Done)
}

/// Removes a file that an earlier training left and that does not belong to the new vocabulary.
fn remove_stale(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("--out: {}: cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

/// The pre-tokens of all data sets.
fn count(
    datasets: Vec<TextInput>,
    pattern: &Pattern,
    specials: &[String],
) -> Result<PreTokenCounts> {
    let total = datasets.iter().map(TextInput::len).sum::<Option<u64>>();
    let progress = Progress::new("counting", Unit::Bytes, total);
    let counter = PreTokenCounter::new(pattern, specials);
    for mut dataset in datasets {
        counter
            .count_reader(&mut dataset, &advance(&progress))
            .map_err(interruptible)
            .with_context(|| dataset.name().to_string())?;
        if dataset.bytes_read() == 0 {
            return Err(dataset::is_empty(&dataset));
        }
    }
    Ok(counter.finish())
}

/// Moves the bar, and stops the work after Ctrl-C.
fn advance(progress: &Progress) -> impl Fn(u64) -> ControlFlow<()> + Sync {
    |count| {
        progress.inc(count);
        if interrupt::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

fn interruptible(error: bpe::Error) -> anyhow::Error {
    match error {
        bpe::Error::Interrupted => Interrupted.into(),
        other => other.into(),
    }
}
