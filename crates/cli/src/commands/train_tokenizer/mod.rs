//! The program `train-tokenizer`: checks everything, counts pre-tokens, learns merges, writes the
//! files, and reports.

pub mod args;
mod config;
mod output;
mod report;

use std::time::Instant;

use anyhow::{Context, Result};
use bpe::{Pattern, PreTokenCounter, PreTokenCounts, train};
use clap::CommandFactory;

use crate::commands::flags::parse_command;
use crate::commands::help;
use crate::commands::program::Program;
use crate::data::text_input::TextSource;
use crate::shell::interrupt;
use crate::shell::progress::{Progress, Unit};
use args::Args;
use config::Config;
use report::{Report, Seconds};

/// The program `train-tokenizer`.
pub const PROGRAM: Program = Program {
    name: "train-tokenizer",
    flags: Args::command,
    usage: &[],
    examples: args::EXAMPLES,
    variables: help::TEXT_VARIABLES,
    work: |command, argv| run(&parse_command(command, argv)?.0),
};

/// Trains a tokenizer.
///
/// # Errors
/// Invalid arguments (wrong usage) and unusable paths, before any work; later what reading,
/// training and writing reports.
pub fn run(args: &Args) -> Result<()> {
    args.common.set_up()?;
    let config = Config::new(args)?;
    interrupt::install()?;
    config.log(&args.out);

    let started = Instant::now();
    let counts = count(config.datasets, &config.pattern, &config.training.special_tokens)?;
    let counted = Instant::now();
    let progress = Progress::new("merging", Unit::Count("merges"), Some(config.num_merges as u64));
    let trained = train(counts, &config.training, &|count| progress.advance(count))?;
    drop(progress);
    let merged = Instant::now();
    if trained.vocab.len() < config.training.vocab_size {
        log::warn!(
            "--vocab-size: {} tokens instead of {}, because no pair is left to merge; \
             more text would give more",
            trained.vocab.len(),
            config.training.vocab_size
        );
    }
    interrupt::check()?;
    output::write(&trained.vocab, config.pattern, args.format, &args.out).context("--out")?;
    let seconds = Seconds {
        count: (counted - started).as_secs_f64(),
        merge: (merged - counted).as_secs_f64(),
        write: merged.elapsed().as_secs_f64(),
    };
    Report::new(&trained, seconds, &args.out)?.print(args.json)
}

/// Counts the pre-tokens of all data sets.
fn count(
    datasets: Vec<TextSource>,
    pattern: &Pattern,
    specials: &[String],
) -> Result<PreTokenCounts> {
    let total = datasets.iter().map(|dataset| dataset.len).sum::<Option<u64>>();
    let progress = Progress::new("counting", Unit::Bytes, total);
    let counter = PreTokenCounter::new(pattern, specials);
    for dataset in datasets {
        let mut text = dataset.open().context("--dataset")?;
        counter
            .count_reader(&mut text, &|bytes| progress.advance(bytes))
            .with_context(|| format!("--dataset: {}", dataset.name))?;
        if text.bytes_read() == 0 {
            return Err(config::is_empty(&dataset)).context("--dataset");
        }
    }
    Ok(counter.finish())
}
