//! Writes the shipped corpus, byte for byte: `stories-train.txt` and `stories-valid.txt`.
//!
//! ```text
//! cargo run --release --example make-stories -- --out data
//! cargo run --release --example make-stories -- --sample 5     # print five stories and stop
//! ```
//!
//! [`generator`] describes the language of plots.

mod generator;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use generator::{Corpus, Split};
use lm::commands::help::{self, Example};
use lm::shell::exit::{run_main, usage};
use lm::shell::stdout::print;

const EXAMPLES: &[Example] = &[
    ("Write both files anew", "make-stories --out data"),
    ("Read some stories to validate on", "make-stories --sample 5 --split valid"),
    ("Read stories with one plot", "make-stories --sample 3 --plot 'The lost toy outdoors'"),
];

/// Write the stories that ship in data/, or print some of them
///
/// The stories are made from plots and word lists by a seeded generator, the same bytes each time.
/// Those to validate on have plots, names and phrases that those to train on do not have.
#[derive(Parser, Debug)]
#[command(name = "make-stories", version)]
#[command(after_long_help = help::ending(EXAMPLES, &[]))]
struct Args {
    /// Directory that receives stories-train.txt and stories-valid.txt
    #[arg(short, long, value_name = "DIR", default_value = "data")]
    out: PathBuf,
    /// Print this many stories, each under the title of its plot, and write no files
    #[arg(long)]
    sample: Option<usize>,
    /// File whose stories are printed
    #[arg(long, value_name = "FILE", default_value = "train", requires = "sample")]
    split: Split,
    /// Print only stories with the plot of this title
    #[arg(long, value_name = "TITLE", requires = "sample")]
    plot: Option<String>,
}

fn main() -> ExitCode {
    run_main(|| {
        let args: Args = lm::commands::flags::parse()?;
        let corpus = Corpus::generate();
        match args.sample {
            Some(count) => sample(&corpus, args.split, args.plot.as_deref(), count),
            None => write(&corpus, &args.out),
        }
    })
}

/// Prints the first stories of a split, or the first with one plot.
fn sample(corpus: &Corpus, split: Split, plot: Option<&str>, count: usize) -> Result<()> {
    let wanted = |title: &str| plot.is_none_or(|plot| title == plot);
    let mut stories = corpus.stories(split).iter().filter(|story| wanted(story.plot)).peekable();
    if let (None, Some(plot)) = (stories.peek(), plot) {
        return Err(usage(format!(
            "--plot {plot}: {} has no plot of this title; --sample without \
             --plot prints titles",
            split.file_name()
        )));
    }
    for story in stories.take(count) {
        print(format!("[{}]\n{}\n\n", story.plot, story.text))?;
    }
    Ok(())
}

/// Writes both files.
fn write(corpus: &Corpus, out: &Path) -> Result<()> {
    for split in [Split::Train, Split::Valid] {
        let path = out.join(split.file_name());
        let text = corpus.text(split);
        files::write(&path, text.as_bytes())?;
        print(format!("{}: {}\n", path.display(), describe(corpus, split, text.len())))?;
    }
    Ok(())
}

/// Formats the numbers of stories, bytes, words, distinct words, and repeated sentences.
fn describe(corpus: &Corpus, split: Split, bytes: usize) -> String {
    let stories = corpus.stories(split);
    let (mut vocabulary, mut sentences) = (BTreeSet::new(), BTreeMap::<&str, u64>::new());
    let mut words = 0_u64;
    for story in stories {
        for word in story.text.split(|c: char| !c.is_ascii_alphabetic() && c != '\'') {
            if !word.is_empty() {
                words += 1;
                vocabulary.insert(word.trim_matches('\'').to_ascii_lowercase());
            }
        }
        for sentence in story.text.split_inclusive(['.', '!', '?', '\n']) {
            *sentences.entry(sentence.trim()).or_default() += 1;
        }
    }
    let repeated = sentences.values().filter(|&&n| n > 1).count();
    format!(
        "{} stories, {bytes} bytes, {words} words, {} distinct; \
         {} distinct sentences, {repeated} of them more than once",
        stories.len(),
        vocabulary.len(),
        sentences.len(),
    )
}
