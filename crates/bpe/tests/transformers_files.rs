//! Directories of tokenizers as `transformers` reads them: special tokens in any of the files that
//! may name them, with flags, and classes with their own rules. The ids are those of
//! `AutoTokenizer` (the fixture names its version), for random directories and texts.

use bpe::Tokenizer;
use serde_json::{Map, Value, json};

/// GPT-2's spelling of bytes, as in its `encoder.py`.
fn spelling_of_bytes() -> Vec<String> {
    let printable = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    let mut others = (0x100..).map(|c| char::from_u32(c).unwrap());
    let mut spell = |byte| if printable(&byte) { byte.into() } else { others.next().unwrap() };
    (0..=255).map(|byte| spell(byte).to_string()).collect()
}

/// The bytes, what merges make, and then `more`.
fn vocab(merges: &[&str], more: &Value) -> Value {
    let made = merges.iter().map(|merge| merge.replace(' ', ""));
    let more = more.as_array().unwrap().iter().map(|token| token.as_str().unwrap().to_string());
    let tokens = spelling_of_bytes().into_iter().chain(made).chain(more);
    tokens.zip(0..).map(|(token, id): (_, u32)| (token, json!(id))).collect::<Map<_, _>>().into()
}

#[test]
fn ids_are_those_of_auto_tokenizer() {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/added_tokens_cases.json");
    let fixture: Value = serde_json::from_str(&std::fs::read_to_string(fixture).unwrap()).unwrap();
    let merges: Vec<&str> =
        fixture["merges"].as_array().unwrap().iter().map(|merge| merge.as_str().unwrap()).collect();
    for case in fixture["cases"].as_array().unwrap() {
        let vocab = vocab(&merges, &case["vocab"]);
        let mut files: Vec<(&str, String)> = Vec::new();
        for (name, content) in case["files"].as_object().unwrap() {
            let mut content = content.clone();
            if name == "tokenizer.json" {
                content["model"] = json!({ "type": "BPE", "vocab": vocab, "merges": merges });
            }
            files.push((name, content.to_string()));
        }
        if files.iter().all(|(name, _)| *name != "tokenizer.json") {
            files.push(("vocab.json", vocab.to_string()));
            files.push(("merges.txt", merges.join("\n")));
        }
        let files: Vec<(&str, &[u8])> =
            files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let tokenizer = Tokenizer::from_files(&files).unwrap_or_else(|e| panic!("{e}: {case}"));
        for text in case["texts"].as_array().unwrap() {
            let ids = tokenizer.encode(text[0].as_str().unwrap().as_bytes()).unwrap();
            assert_eq!(json!(ids), text[1], "{}: {case}", text[0]);
        }
    }
}
