//! Encoding against reference values: GPT-2's vocabulary and texts on which tiktoken and Hugging
//! Face agree.

use std::fs;
use std::path::PathBuf;

use bpe::{Tokenizer, Vocab};
use serde::Deserialize;

/// The file, or `None` with a remark where the reference material is absent.
fn fixture(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/fixtures/tokenizer")
        .join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is not there", path.display());
    None
}

/// GPT-2's tokenizer, from a directory with its two files as they are usually named.
fn gpt2() -> Option<Tokenizer> {
    let dir = tempfile::tempdir().unwrap();
    fs::copy(fixture("gpt2_vocab.json")?, dir.path().join("vocab.json")).unwrap();
    fs::copy(fixture("gpt2_merges.txt")?, dir.path().join("merges.txt")).unwrap();
    Some(Tokenizer::load(dir.path()).unwrap())
}

#[derive(Deserialize)]
struct Case {
    text: String,
    ids: Vec<u32>,
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

fn cases() -> Option<Vec<Case>> {
    let json = fs::read_to_string(fixture("gpt2_encode_cases.json")?).unwrap();
    let cases: Cases = serde_json::from_str(&json).unwrap();
    assert_eq!(cases.cases.len(), 400);
    Some(cases.cases)
}

#[test]
fn gpt2_has_its_vocabulary() {
    let Some(tokenizer) = gpt2() else { return };
    assert_eq!(tokenizer.vocab_size(), 50_257);
    assert_eq!(tokenizer.vocab().merges().len(), 50_000);
    assert_eq!(tokenizer.vocab().specials(), [("<|endoftext|>".to_string(), 50_256)]);
    assert_eq!(tokenizer.token(220).unwrap(), b" ");
}

#[test]
fn ids_are_those_of_tiktoken_and_hugging_face() {
    let (Some(tokenizer), Some(cases)) = (gpt2(), cases()) else { return };
    for Case { text, ids } in &cases {
        assert_eq!(&tokenizer.encode(text.as_bytes()).unwrap(), ids, "{text:?}");
        assert_eq!(tokenizer.decode(ids).unwrap(), text.as_bytes());
    }
}

#[test]
fn saved_and_loaded_it_encodes_alike() {
    let (Some(tokenizer), Some(cases)) = (gpt2(), cases()) else { return };
    let dir = tempfile::tempdir().unwrap();
    tokenizer.save(dir.path()).unwrap();
    let again = Tokenizer::load(dir.path()).unwrap();
    assert_eq!(again.vocab(), tokenizer.vocab());
    for Case { text, ids } in cases.iter().step_by(7) {
        assert_eq!(&again.encode(text.as_bytes()).unwrap(), ids);
    }
    let merges = |dir: PathBuf| fs::read_to_string(dir).unwrap();
    let written = merges(dir.path().join("merges.txt"));
    let given = merges(fixture("gpt2_merges.txt").unwrap());
    assert_eq!(written.strip_prefix("#version: 0.2\n").unwrap(), given);
}

#[test]
fn special_tokens_beside_line_ends() {
    let Some(tokenizer) = gpt2() else { return };
    for name in
        ["special_token_trailing_newlines.txt", "special_token_double_newlines_non_whitespace.txt"]
    {
        let Some(path) = fixture(name) else { return };
        let text = fs::read(path).unwrap();
        let ids = tokenizer.encode(&text).unwrap();
        assert_eq!(ids.iter().filter(|&&id| id == 50_256).count(), 1, "{name}: {ids:?}");
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
    // What follows the special token begins a text of its own.
    let ids = tokenizer.encode(b"<|endoftext|>\n\ntesting!").unwrap();
    assert_eq!(ids, [50_256, 198, 198, 33_407, 0]);
}

#[test]
fn overlapping_special_tokens() {
    let Some(tokenizer) = gpt2() else { return };
    let double = "<|endoftext|><|endoftext|>".to_string();
    let tokenizer = tokenizer.with_extra_specials(std::slice::from_ref(&double)).unwrap();
    let text = format!("Hello, how {double} are you?<|endoftext|>");
    let ids = tokenizer.encode(text.as_bytes()).unwrap();
    assert_eq!(ids.iter().filter(|&&id| id >= 50_256).collect::<Vec<_>>(), [&50_257, &50_256]);
    assert_eq!(tokenizer.decode(&ids).unwrap(), text.as_bytes());
    let ordinary = tokenizer.encode_ordinary(text.as_bytes()).unwrap();
    assert!(ordinary.iter().all(|&id| id < 50_256));
    assert_eq!(tokenizer.decode(&ordinary).unwrap(), text.as_bytes());
}

#[test]
fn whole_texts_come_back() {
    let Some(tokenizer) = gpt2() else { return };
    for name in ["address.txt", "german.txt", "tinystories_sample.txt", "corpus.en"] {
        let Some(path) = fixture(name) else { return };
        let text = fs::read(path).unwrap();
        let ids = tokenizer.encode(&text).unwrap();
        assert!(ids.len() < text.len() / 2);
        assert_eq!(tokenizer.decode(&ids).unwrap(), text, "{name}");
    }
}

/// A pre-token may be as long as the file, and time must stay in proportion.
#[test]
fn long_pre_tokens() {
    let Some(tokenizer) = gpt2() else { return };
    for unit in ["a", " ", "ab", "\u{1F468}\u{200D}", "!?", "0"] {
        let text = unit.repeat((1 << 19) / unit.len());
        let ids = tokenizer.encode(text.as_bytes()).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), text.as_bytes());
    }
}

#[test]
fn a_vocabulary_made_by_hand() {
    let vocab = Vocab::from_merges(vec![(97, 98), (256, 99)], &[]).unwrap();
    let tokenizer = Tokenizer::new(vocab, bpe::Pattern::gpt2());
    assert_eq!(tokenizer.encode(b"abc ab\xFF").unwrap(), [257, 32, 256, 255]);
}
