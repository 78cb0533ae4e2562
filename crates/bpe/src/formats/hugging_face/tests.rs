use std::fs;
use std::path::Path;

use super::pre_tokenizer::GPT4;
use super::*;
use crate::formats::speller::Speller;
use crate::pretokenize::pattern::UNCUT;
use crate::pretokenize::regex::RegexSplitter;
use crate::{Pattern, Tokenizer, Vocab};
use serde_json::{Value, json};

fn tokenizer(pattern: &str, specials: &[&str]) -> Tokenizer {
    let specials: Vec<String> = specials.iter().map(|text| (*text).to_string()).collect();
    let base = 256 + specials.len() as u32;
    let merges = vec![(104, 101), (base, 121), (32, base), (0xC3, 0xA9)];
    Tokenizer::new(Vocab::from_merges(merges, &specials).unwrap(), Pattern::parse(pattern).unwrap())
}

fn loaded(json: impl AsRef<[u8]>) -> Result<Tokenizer, String> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(TOKENIZER);
    fs::write(&path, json).unwrap();
    let error = |error: crate::Error| {
        let message = error.to_string();
        assert!(message.contains(TOKENIZER) && !message.contains('\n'), "{message}");
        message
    };
    Tokenizer::load(dir.path()).map_err(error)
}

/// The JSON of a tokenizer with one thing changed.
fn changed(pointer: &str, value: Value) -> String {
    let mut json: Value =
        serde_json::from_str(&tokenizer_json(&tokenizer("gpt2", &["<|a|>"]))).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap()[key] = value;
    json.to_string()
}

/// The content of the file.
fn tokenizer_json(tokenizer: &Tokenizer) -> String {
    let mut json = Vec::new();
    write_tokenizer(&tokenizer.parts(), &Speller::new(tokenizer.vocab()), &mut json).unwrap();
    String::from_utf8(json).unwrap()
}

#[test]
fn what_is_saved_is_loaded() {
    for pattern in ["gpt2", "gpt4", r"\p{L}+|\s", UNCUT] {
        for specials in [&[][..], &["<|a|>", "two words", "日本", "<|endoftext|>"]] {
            let tokenizer = tokenizer(pattern, specials);
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path().join("new");
            tokenizer.save(&dir).unwrap();
            let again = Tokenizer::load(&dir).unwrap();
            assert_eq!(again.vocab(), tokenizer.vocab());
            assert_eq!(again.pattern().name(), pattern);
            let mut names: Vec<_> =
                fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            assert_eq!(
                names,
                ["merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json"]
            );

            // The other two files say the same, but for the pattern.
            fs::remove_file(dir.join(TOKENIZER)).unwrap();
            let again = Tokenizer::load(&dir).unwrap();
            assert_eq!(again.vocab(), tokenizer.vocab());
        }
    }
}

#[test]
fn special_tokens_that_are_tokens_anyway_keep_their_spelling() {
    let tokenizer = tokenizer("gpt2", &[])
        .with_extra_specials(&[" ".into(), " he".into(), "new one".into()])
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    tokenizer.save(dir.path()).unwrap();
    let again = Tokenizer::load(dir.path()).unwrap();
    assert_eq!(again.vocab(), tokenizer.vocab());
    let text = "he he  new one".as_bytes();
    assert_eq!(again.encode(text).unwrap(), tokenizer.encode(text).unwrap());
}

#[test]
fn a_special_token_spelled_like_a_byte_cannot_be_saved() {
    let tokenizer =
        Tokenizer::new(Vocab::from_merges(vec![], &["ü".into()]).unwrap(), Pattern::gpt2());
    let error = tokenizer.save(tempfile::tempdir().unwrap().path()).unwrap_err().to_string();
    assert!(error.contains("252 and 256"), "{error}");
}

#[test]
fn all_files_are_written_or_none() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join(CONFIG)).unwrap();
    assert!(tokenizer("gpt2", &[]).save(dir.path()).is_err());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn whole_pre_tokens_are_kept() {
    let plain = tokenizer("gpt2", &[]);
    let mut tokens: Vec<Vec<u8>> = plain.vocab().tokens().map(<[u8]>::to_vec).collect();
    tokens.push(b"whole".to_vec());
    let vocab = Vocab::new(&tokens, plain.vocab().merges().to_vec(), vec![]).unwrap();
    let tokenizer = Tokenizer::new(vocab, Pattern::gpt2()).ignore_merges();
    let again = loaded(tokenizer_json(&tokenizer)).unwrap();
    assert_eq!(again.encode(b"whole").unwrap(), [260]);
    assert_eq!(again.encode(b" whole").unwrap().len(), 6);
    assert!(again.parts().ignore_merges);
}

#[test]
fn old_spellings_of_merges_are_read() {
    let lines = json!(["h e", "he y", "Ġ he", "Ã ©"]);
    assert_eq!(
        loaded(changed("/model/merges", lines)).unwrap().encode(b" hey").unwrap(),
        [32, 258]
    );
}

/// As Python's `json` writes them unless told otherwise.
#[test]
fn escapes_are_read() {
    let lines = json!(["h e", "he y", "Ġ he", "Ã ©"]);
    let mut json: Value = serde_json::from_str(&changed("/model/merges", lines)).unwrap();
    json["added_tokens"] =
        json!([{ "id": 256, "content": "<|a|>" }, { "id": 261, "content": "🦀" }]);
    let escaped: String = json
        .to_string()
        .chars()
        .flat_map(|c| match c {
            c if c.is_ascii() => vec![c.to_string()],
            c => c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect(),
        })
        .collect();
    assert!(escaped.contains(r#""\u0120 he""#) && escaped.contains(r"\ud83e\udd80"), "{escaped}");
    let tokenizer = loaded(&escaped).unwrap();
    assert_eq!(tokenizer.encode(" hey hé🦀".as_bytes()).unwrap(), [32, 258, 32, 104, 260, 261]);
    assert_eq!(tokenizer.vocab(), loaded(json.to_string()).unwrap().vocab());
}

#[test]
fn of_a_token_that_comes_twice_the_last_counts() {
    let json = tokenizer_json(&tokenizer("gpt2", &["<|a|>"]));
    let twice = json.replacen("\"vocab\": {", "\"vocab\": {\"Ġhe\": 7,", 1);
    assert_ne!(twice, json);
    assert_eq!(loaded(twice).unwrap().vocab(), tokenizer("gpt2", &["<|a|>"]).vocab());
}

#[test]
fn added_tokens_may_follow_the_vocabulary() {
    let added = json!([{ "id": 261, "content": "<|b|>" }, { "id": 256, "content": "<|a|>" }]);
    let tokenizer = loaded(changed("/added_tokens", added)).unwrap();
    assert_eq!(tokenizer.encode(b"<|b|><|a|>").unwrap(), [261, 256]);
}

#[test]
fn what_is_no_byte_level_bpe_is_refused() {
    let byte_level = |add_prefix_space: bool, use_regex: bool| {
        json!({
            "type": "ByteLevel", "add_prefix_space": add_prefix_space, "use_regex": use_regex,
        })
    };
    let split = |pattern: Value, behavior: &str| {
        let split =
            json!({"type": "Split", "pattern": pattern, "behavior": behavior, "invert": false});
        json!({"type": "Sequence", "pretokenizers": [split, byte_level(false, false)]})
    };
    for (pointer, value, found) in [
        ("/normalizer", json!({"type": "NFKC"}), "NFKC"),
        ("/pre_tokenizer", Value::Null, "no pre_tokenizer"),
        ("/pre_tokenizer", json!({"type": "Whitespace"}), "another kind"),
        ("/pre_tokenizer", byte_level(true, true), "add_prefix_space"),
        ("/pre_tokenizer", split(json!({"String": " "}), "Isolated"), "splits at"),
        ("/pre_tokenizer", split(json!({"Regex": "a"}), "Removed"), "behavior Removed"),
        ("/pre_tokenizer", split(json!({"Regex": "a"}), "Contiguous"), "behavior Contiguous"),
        ("/pre_tokenizer", split(json!({"Regex": r"a\Kb"}), "Isolated"), r"\K at byte 1"),
        ("/pre_tokenizer", split(json!({"Regex": "(a"}), "Isolated"), "pattern"),
        ("/model/type", json!("WordPiece"), "WordPiece"),
        ("/model", json!({"type": "WordPiece", "vocab": {"a": 0}}), "WordPiece"),
        ("/model", json!({"type": "Unigram", "vocab": [["a", 0.5]]}), "Unigram"),
        ("/model/dropout", json!(0.1), "dropout"),
        ("/model/byte_fallback", json!(true), "byte_fallback"),
        ("/model/byte_fallback", Value::Null, "null"),
        ("/model/ignore_merges", Value::Null, "null"),
        ("/model/end_of_word_suffix", json!("</w>"), "end_of_word_suffix"),
        ("/model/continuing_subword_prefix", json!("##"), "continuing_subword_prefix"),
        ("/model/merges", json!([["h", "zzz"]]), "zzz"),
        ("/model/merges", json!(["h e y"]), "merge"),
        ("/model/merges", json!([["h"]]), "merge"),
        ("/model/merges", json!([["h", "i"]]), "\"hi\""),
        ("/model/vocab", json!({"a": 0}), "token"),
        ("/model/vocab/new", json!(999), "id 999"),
        ("/model/vocab/new", json!(7), "id 7 twice"),
        ("/model/vocab/new", json!(-1), "-1"),
        ("/model/vocab/a b", json!(261), "a b"),
        ("/model", Value::Null, "no model"),
        ("/added_tokens", Value::Null, "null"),
        ("/added_tokens", json!([{"id": 3, "content": "<|a|>"}]), "with id 256"),
        ("/added_tokens", json!([{"id": 3, "content": "<|b|>"}]), "byte 0x03"),
        ("/added_tokens", json!([{"id": 999, "content": "<|b|>"}]), "id 999"),
        ("/added_tokens", json!([{"id": 261, "content": ""}]), "without bytes"),
        ("/added_tokens", json!([{"id": 256, "content": "<|a|>", "lstrip": true}]), "lstrip"),
        ("/added_tokens", json!([{"id": 256, "content": "<|a|>", "lstrip": null}]), "null"),
    ] {
        let message =
            loaded(changed(pointer, value.clone())).expect_err(&format!("{pointer} {value}"));
        assert!(message.contains(found), "{pointer} {value}: {message}");
    }
}

#[test]
fn files_that_are_cut_off_are_refused() {
    let json = tokenizer_json(&tokenizer("gpt4", &["<|a|>"]));
    let end = json.trim_end().len();
    for len in (0..end).step_by(61).chain([end - 1]) {
        loaded(&json.as_bytes()[..len]).expect_err("half a file");
    }
}

#[test]
fn gpt4_is_written_for_other_engines_and_means_the_same() {
    let ours = RegexSplitter::new(crate::pretokenize::scan::GPT4).unwrap();
    let theirs = RegexSplitter::new(GPT4).unwrap();
    for text in [
        "a  \n\n b\n  ",
        "It'S 12345!\r\n\r\n",
        "x \n\t",
        " \u{3000}a",
        "  !?\n\n\nb",
        "\n \n",
        "'ſa",
        "\t1\r",
    ] {
        assert_eq!(theirs.pieces(text.as_bytes()), ours.pieces(text.as_bytes()), "{text:?}");
    }
}

/// A file whose pre-tokenizer is a Split as others write it.
fn with_split(regex: &str, behavior: &str, invert: bool) -> String {
    let split = json!({
        "type": "Split", "pattern": {"Regex": regex}, "behavior": behavior, "invert": invert,
    });
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false,
    });
    changed("/pre_tokenizer", json!({"type": "Sequence", "pretokenizers": [split, byte_level]}))
}

fn pieces(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut push = |at: std::ops::Range<usize>| pieces.push(text[at].to_string());
    tokenizer.pattern().for_each_pre_token(text.as_bytes(), &mut push).unwrap();
    pieces
}

/// In GPT-4's pattern to the letter, `{1,3}+` is possessive for tiktoken, and any run of numbers
/// for `tokenizers`.
#[test]
fn gpt4_to_the_letter_is_read_as_tokenizers_reads_it() {
    let gpt4 = crate::pretokenize::scan::GPT4;
    let theirs = loaded(with_split(gpt4, "Isolated", false)).unwrap();
    assert_eq!(pieces(&theirs, "a 12345\n\n"), ["a", " ", "12345", "\n\n"]);
    // It stays so in files of ours.
    let again = loaded(tokenizer_json(&theirs)).unwrap();
    assert_eq!(again.pattern().name(), theirs.pattern().name());
    assert_eq!(pieces(&again, "12345"), ["12345"]);
    // The built-in pattern is tiktoken's, by name or as an expression.
    for name in ["gpt4", gpt4] {
        let ours = Pattern::parse(name).unwrap();
        assert_eq!(ours.name(), "gpt4");
        let ours = loaded(tokenizer_json(&tokenizer(name, &[]))).unwrap();
        assert_eq!(pieces(&ours, "12345"), ["123", "45"]);
    }
}

/// A vocabulary is learned by what the pattern meant then. Files of others mean what `tokenizers`
/// makes of them.
#[test]
fn files_of_earlier_versions_keep_the_meaning_of_their_pattern() {
    let pattern = r"\w+|[^\w\s]+|\s+";
    let split = json!({
        "type": "Split", "pattern": {"Regex": pattern}, "behavior": "Isolated", "invert": false,
    });
    let byte_level = json!({
        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false,
    });
    let earlier = changed(
        "/pre_tokenizer",
        json!({"type": "Sequence", "pretokenizers": [split, byte_level]}),
    );
    let earlier = loaded(earlier).unwrap();
    assert_eq!(pieces(&earlier, "x² y"), ["x", "²", " ", "y"]);
    let again = loaded(tokenizer_json(&earlier)).unwrap();
    assert_eq!(pieces(&again, "x² y"), ["x", "²", " ", "y"]);

    let theirs = loaded(with_split(pattern, "Isolated", false)).unwrap();
    assert_eq!(pieces(&theirs, "x² y"), ["x²", " ", "y"]);
    // A file of this version means the same to the earlier ones, and to `tokenizers`.
    let ours = tokenizer_json(&tokenizer(pattern, &[]));
    assert!(!ours.contains(r"\\w"), "{ours}");
    assert_eq!(pieces(&loaded(ours).unwrap(), "x² y"), ["x²", " ", "y"]);
}

#[test]
fn splits_of_converters_are_read() {
    let llama3 = crate::pretokenize::scan::LLAMA3;
    for (behavior, invert) in [("Isolated", false), ("Isolated", true), ("Removed", true)] {
        let tokenizer = loaded(with_split(llama3, behavior, invert)).unwrap();
        assert_eq!(pieces(&tokenizer, "I'll 1234"), ["I", "'ll", " ", "123", "4"]);
    }
    for (behavior, invert) in [("Removed", false), ("Contiguous", false)] {
        let message = loaded(with_split(llama3, behavior, invert)).unwrap_err();
        assert!(message.contains(behavior), "{message}");
    }
    let message = loaded(with_split(r"\p{L}+", "Removed", true)).unwrap_err();
    assert!(message.contains("Removed, inverted"), "{message}");
}

#[test]
fn directories_without_a_tokenizer_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let message = |dir: &Path| Tokenizer::load(dir).unwrap_err().to_string();
    assert!(message(dir.path()).contains("no tokenizer"));
    fs::write(dir.path().join("vocab.json"), "{}").unwrap();
    assert!(message(dir.path()).contains("without merges.txt"));
    assert!(message(&dir.path().join("vocab.json")).contains("a file"));
    assert!(message(&dir.path().join("missing")).contains("missing"));
    fs::write(dir.path().join("merges.txt"), "#version: 0.2\na\n").unwrap();
    assert!(message(dir.path()).contains("line 2"));
    fs::write(dir.path().join("merges.txt"), "").unwrap();
    assert!(message(dir.path()).contains("0x00"));
    fs::write(dir.path().join("vocab.json"), [0xFF]).unwrap();
    assert!(message(dir.path()).contains("not UTF-8"));
    fs::remove_file(dir.path().join("vocab.json")).unwrap();
    fs::create_dir(dir.path().join("vocab.json")).unwrap();
    assert!(message(dir.path()).contains("vocab.json"));
}

/// Merges that are wrong are told of as such, and tokens as such.
#[test]
fn of_two_files_the_wrong_one_is_named() {
    let dir = tempfile::tempdir().unwrap();
    tokenizer("gpt2", &[]).save(dir.path()).unwrap();
    fs::remove_file(dir.path().join(TOKENIZER)).unwrap();
    let [vocab, merges] = ["vocab.json", "merges.txt"].map(|name| dir.path().join(name));
    let message = || Tokenizer::load(dir.path()).unwrap_err().to_string();

    let right = fs::read_to_string(&merges).unwrap();
    fs::write(&merges, format!("{right}h e\n")).unwrap();
    let twice = message();
    assert!(twice.contains("merges.txt: found the pair that makes \"he\" twice"), "{twice}");
    fs::write(&merges, format!("{right}e h\n")).unwrap();
    let unknown = message();
    assert!(unknown.contains("merges.txt: found merge 4 that makes \"eh\""), "{unknown}");

    fs::write(&merges, right).unwrap();
    let right = fs::read_to_string(&vocab).unwrap();
    fs::write(&vocab, right.replacen("\"a\": 97, ", "", 1).replacen(": 259}", ": 97}", 1)).unwrap();
    let missing = message();
    assert!(missing.contains("vocab.json: found "), "{missing}");
}
