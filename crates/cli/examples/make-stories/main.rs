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
use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use generator::{Corpus, Split};

/// Generates the stories that ship in `data/`.
#[derive(Parser)]
struct Args {
    /// Directory that receives the two files.
    #[arg(long, default_value = "data")]
    out: PathBuf,
    /// Print this many stories instead of writing files.
    #[arg(long)]
    sample: Option<usize>,
    /// Print only stories made from the plot with this title.
    #[arg(long)]
    plot: Option<String>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let corpus = Corpus::generate();
    if let Some(count) = args.sample {
        let wanted = |title: &str| args.plot.as_ref().is_none_or(|plot| title == plot);
        let stories = corpus.stories(Split::Train).iter().filter(|s| wanted(s.plot));
        for story in stories.take(count) {
            println!("[{}]\n{}\n", story.plot, story.text);
        }
        return Ok(());
    }
    for split in [Split::Train, Split::Valid] {
        let path = args.out.join(split.file_name());
        let text = corpus.text(split);
        std::fs::write(&path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}: {}", path.display(), describe(&corpus, split, text.len()));
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
