//! The stories in `data/` are what the generator makes, byte for byte, and the two files share no
//! story.

#[path = "../examples/make-stories/generator/mod.rs"]
mod generator;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;

use generator::{Corpus, Split};

/// Made once for all tests.
static CORPUS: LazyLock<Corpus> = LazyLock::new(Corpus::generate);

fn shipped(split: Split) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data").join(split.file_name());
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn generator_makes_the_shipped_files_again() {
    for split in [Split::Train, Split::Valid] {
        let (made, shipped) = (CORPUS.text(split), shipped(split));
        let same = made.bytes().zip(shipped.bytes()).take_while(|(a, b)| a == b).count();
        assert!(
            made == shipped,
            "{} differs from byte {same} on ({} and {} bytes); \
             run `cargo run --release --example make-stories`",
            split.file_name(),
            made.len(),
            shipped.len(),
        );
    }
}

#[test]
fn files_are_large_and_share_no_story() {
    let (train, valid) = (shipped(Split::Train), shipped(Split::Valid));
    assert!(train.len() >= 3_000_000 && valid.len() >= 200_000);
    let train: Vec<&str> = train.split_terminator("<|endoftext|>\n").collect();
    let valid: Vec<&str> = valid.split_terminator("<|endoftext|>\n").collect();
    let told: BTreeSet<&str> = train.iter().chain(&valid).copied().collect();
    assert_eq!(told.len(), train.len() + valid.len(), "a story occurs twice");
}

#[test]
fn every_plot_is_told_about_equally_often() {
    let mut times = BTreeMap::<&str, u64>::new();
    for story in CORPUS.stories(Split::Train) {
        *times.entry(story.plot).or_default() += 1;
    }
    let (least, most) = (times.values().min(), times.values().max());
    assert!(times.len() >= 70, "only {} plots were told", times.len());
    assert!(most.zip(least).is_some_and(|(most, least)| most - least <= 2), "{times:?}");
}

#[test]
fn stories_are_clean_prose() {
    for split in [Split::Train, Split::Valid] {
        for story in CORPUS.stories(split) {
            let text = &story.text;
            assert!(
                text.is_ascii() && !text.contains(['[', ']', '{', '}', '|', '*', '_']),
                "{text}"
            );
            for wrong in ["  ", " .", " ,", "..", " a a", " a e", " a i", "\n\n", ".,", ",."] {
                assert!(!text.contains(wrong), "{}: {wrong:?} in {text}", story.plot);
            }
            let quotes = text.matches('"').count();
            assert_eq!(quotes % 2, 0, "{}: a quotation is not closed in {text}", story.plot);
            let words = text.split_whitespace().count();
            assert!((80..=350).contains(&words), "{}: {words} words", story.plot);
        }
    }
}
