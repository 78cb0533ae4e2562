//! Children's stories from plot templates and a seed.
//!
//! A *plot* (`plots/*.txt`) is a story with holes: it names its cast and its things, and tells what
//! happens in sentences that have alternatives. *Words* (`words/*.txt`) are the lists from which
//! the holes are filled. A story is one walk through a plot: every alternative and every filling is
//! drawn from a seeded generator, what was introduced once stays (a character keeps name and
//! pronouns, the lost thing is found where it was lost), and [`finish`] sets capitals, articles and
//! paragraphs.
//!
//! ```text
//! == The lost toy                       title of the plot
//! h = child; m = parent; toy = *toys    its cast: a child, a parent, one row of the list `toys`
//! ---
//! {One day|Once}, [h] lost [his] [toy].       alternatives, and slots: `h`, a pronoun, `toy`
//! [He] was [*sad_words].                      a fresh word of a list
//! {%where: It was in the bag.|It was in bed.} a choice with a name ...
//! {%where: "Silly bag!"|"Silly bed!"}         ... is made once per story
//! ```
//!
//! Training and validation have plots, names and phrases of their own (`held-out.txt`), so a model
//! that repeats what it was trained on gains nothing on the validation stories.
//!
//! Nothing here depends on the order of a hash map or on how a library draws from a range, so the
//! same seed gives the same bytes everywhere.

mod cast;
mod finish;
mod library;
mod rng;
mod story;
mod template;

use std::collections::BTreeSet;

use library::Library;
use rng::Rng;

/// The seed of everything in `data/`.
const SEED: u64 = 2026;
/// The smallest number of words per story.
const MIN_WORDS: usize = 80;
/// The largest number of words per story.
const MAX_WORDS: usize = 350;
/// The largest number of attempts to make a new story of suitable length from a plot.
const MAX_TRIES: usize = 100;
/// The line between two stories.
const SEPARATOR: &str = "<|endoftext|>";

/// One of the two shipped files.
#[derive(clap::ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// The stories to train on
    Train,
    /// The stories to validate on: other plots, other names, other phrases
    Valid,
}

impl Split {
    /// Name of the file in `data/`.
    pub fn file_name(self) -> &'static str {
        match self {
            Split::Train => "stories-train.txt",
            Split::Valid => "stories-valid.txt",
        }
    }

    /// Returns the size in bytes at which the file is complete.
    fn target_bytes(self) -> usize {
        match self {
            Split::Train => 3_200_000,
            Split::Valid => 260_000,
        }
    }
}

/// A finished story and the title of the plot that it was made from.
pub struct Story {
    /// Title of the plot.
    pub plot: &'static str,
    /// The story; paragraphs are lines.
    pub text: String,
}

/// All stories of both files.
pub struct Corpus {
    train: Vec<Story>,
    valid: Vec<Story>,
}

impl Corpus {
    /// Generates all stories. The two splits draw from separate libraries by separate random
    /// streams, and no text occurs twice.
    pub fn generate() -> Self {
        Self { train: generate_split(Split::Train), valid: generate_split(Split::Valid) }
    }

    /// Returns the stories of one file, in its order.
    pub fn stories(&self, split: Split) -> &[Story] {
        match split {
            Split::Train => &self.train,
            Split::Valid => &self.valid,
        }
    }

    /// Returns the contents of one file: stories, each followed by a separator line.
    pub fn text(&self, split: Split) -> String {
        let mut text = String::new();
        for story in self.stories(split) {
            text.push_str(&story.text);
            text.push('\n');
            text.push_str(SEPARATOR);
            text.push('\n');
        }
        text
    }
}

fn generate_split(split: Split) -> Vec<Story> {
    let library = Library::load(split);
    let mut told = BTreeSet::new();
    let mut rng = Rng::new(SEED, split as u64);
    let mut stories = Vec::new();
    let mut bytes = 0;
    loop {
        // All plots are used once, in random order, before any is used again.
        let mut deck: Vec<usize> = (0..library.plots.len()).collect();
        rng.shuffle(&mut deck);
        for index in deck {
            if bytes >= split.target_bytes() {
                return stories;
            }
            let plot = &library.plots[index];
            for _ in 0..MAX_TRIES {
                let text = story::tell(&library, plot, &mut rng);
                let words = text.split_whitespace().count();
                if (MIN_WORDS..=MAX_WORDS).contains(&words) && told.insert(text.clone()) {
                    bytes += text.len() + SEPARATOR.len() + 2;
                    stories.push(Story { plot: plot.title, text });
                    break;
                }
            }
        }
    }
}
