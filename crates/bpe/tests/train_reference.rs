//! Merges of a real text, learned by the reference trainer of a public course.

use std::collections::BTreeSet;
use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;

use bpe::{Pattern, PreTokenCounter, TrainConfig, train};

/// GPT-2's spelling of a byte: itself where it is printable, else the next free character from
/// U+0100 on.
fn spelling(byte: u8) -> char {
    let printable = |b: u8| matches!(b, 33..=126 | 161..=172 | 174..=255);
    if printable(byte) {
        return char::from(byte);
    }
    let rank = (0..byte).filter(|&b| !printable(b)).count() as u32;
    char::from_u32(256 + rank).unwrap()
}

fn spell(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| spelling(byte)).collect()
}

#[test]
fn corpus_en_gives_the_reference_merges() {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures/tokenizer");
    let Ok(corpus) = fs::read(dir.join("corpus.en")) else {
        eprintln!("SKIPPED: {} is not there", dir.join("corpus.en").display());
        return;
    };
    let specials = ["<|endoftext|>".to_string()];
    let silent = |_: u64| ControlFlow::Continue(());
    let counter = PreTokenCounter::new(&Pattern::gpt2(), &specials);
    counter.count_reader(&corpus[..], &silent).unwrap();
    let config = TrainConfig { vocab_size: 500, special_tokens: specials.to_vec() };
    let vocab = train(counter.finish(), &config, &silent).unwrap().vocab;

    let reference = fs::read_to_string(dir.join("train-bpe-reference-merges.txt")).unwrap();
    let reference: Vec<&str> = reference.lines().collect();
    let token = |id| spell(vocab.token(id).unwrap());
    let merges: Vec<String> = vocab
        .merges()
        .iter()
        .map(|&(left, right)| format!("{} {}", token(left), token(right)))
        .collect();
    assert_eq!(merges, reference);

    let reference = fs::read_to_string(dir.join("train-bpe-reference-vocab.json")).unwrap();
    let reference: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(&reference).unwrap();
    let reference: BTreeSet<&str> = reference.keys().map(String::as_str).collect();
    let tokens: Vec<String> = (0..vocab.len() as u32)
        .map(|id| if id == 256 { specials[0].clone() } else { token(id) })
        .collect();
    assert_eq!(tokens.iter().map(String::as_str).collect::<BTreeSet<_>>(), reference);
}
