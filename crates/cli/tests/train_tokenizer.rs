//! The program `train-tokenizer`, run as a user runs it.

mod common;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use common::{Folder, fails};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

const TEXT: &str = "low lower newest widest<|endoftext|>\nnewest low low widest, don't low!\n";

/// A folder with a text in it.
fn folder() -> Folder {
    let folder = Folder::empty();
    folder.write("text.txt", TEXT.repeat(50));
    folder
}

fn program(folder: &Folder, args: &[&str]) -> Command {
    let mut command = folder.program("train-tokenizer");
    command.args(args);
    command
}

/// Trains on the text.
fn train(folder: &Folder, out: &str, args: &[&str]) -> Assert {
    let fixed = ["--dataset", "text.txt", "--vocab-size", "270", "--out", out];
    program(folder, &[&fixed[..], args].concat()).assert()
}

fn vocabulary(folder: &Folder, out: &str) -> Value {
    serde_json::from_slice(&folder.read(&format!("{out}/vocab.json"))).unwrap()
}

#[test]
fn writes_four_files_and_says_what_was_learned() {
    let folder = folder();
    train(&folder, "tokenizer", &[])
        .success()
        .stdout(contains("pre-tokens       750 (11 distinct)").and(contains("270 (13 merges)")))
        .stderr(contains("pattern         gpt2"));
    assert_eq!(
        folder.entries("tokenizer"),
        ["merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json"]
    );
    let vocab = vocabulary(&folder, "tokenizer");
    assert_eq!(vocab["<|endoftext|>"], 256);
    assert_eq!(vocab["!"], 33);
    assert_eq!(vocab.as_object().unwrap().len(), 270);
    assert!(folder.read_text("tokenizer/merges.txt").starts_with("#version: 0.2\n"));
}

#[test]
fn a_tiktoken_file_beside_the_others() {
    let folder = folder();
    train(&folder, "out", &["--format", "tiktoken"]).success();
    assert_eq!(folder.entries("out").len(), 5);
    let size = vocabulary(&folder, "out").as_object().unwrap().len();
    let ranks = folder.read_text("out/tokenizer.tiktoken");
    // All but the special token.
    assert_eq!(ranks.lines().count(), size - 1);
    assert!(ranks.starts_with("AA== 0\n"), "{ranks}");
    let last = ranks.lines().last().unwrap();
    assert!(last.ends_with(&format!(" {}", size - 1)), "{last}");
}

#[test]
fn json_is_one_object_with_the_checksum_of_the_vocabulary() {
    use sha2::{Digest, Sha256};
    let folder = folder();
    let trained = train(&folder, "out", &["--json", "--quiet"]).success().stderr("");
    let report: Value = serde_json::from_slice(&trained.get_output().stdout).unwrap();
    assert_eq!(report["bytes"], (TEXT.len() * 50) as u64);
    assert_eq!((&report["merges"], &report["distinct_pre_tokens"]), (&13.into(), &11.into()));
    assert!(report["bytes_per_token"].as_f64().unwrap() > 1.0);
    assert!(report["seconds"]["count"].is_f64());
    let digest = Sha256::digest(folder.read("out/vocab.json"));
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(report["vocab_sha256"], digest);
}

#[test]
fn threads_and_standard_input_change_nothing() {
    let folder = folder();
    train(&folder, "one", &["--threads", "1"]).success();
    train(&folder, "three", &["--processes=3"]).success();
    program(&folder, &["--dataset=-", "--vocab_size=270", "--out=piped"])
        .write_stdin(TEXT.repeat(50))
        .assert()
        .success();
    // The same text in two halves, cut where a pre-token ends.
    folder.write("half.txt", TEXT.repeat(25));
    let halves = ["--dataset=half.txt", "--dataset=half.txt", "--vocab-size=270", "--out=halves"];
    program(&folder, &halves).assert().success();
    for file in ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"] {
        let read = |out: &str| folder.read(&format!("{out}/{file}"));
        for other in ["three", "piped", "halves"] {
            assert_eq!(read("one"), read(other), "{file} of {other}");
        }
    }
}

#[test]
fn special_tokens_and_patterns() {
    let folder = folder();
    let specials = ["--special-token", "<|endoftext|>", "--special_token=<|pad|>"];
    train(&folder, "two", &specials).success();
    let vocab = vocabulary(&folder, "two");
    assert_eq!((&vocab["<|endoftext|>"], &vocab["<|pad|>"]), (&256.into(), &257.into()));
    train(&folder, "gpt4", &["--pattern", "gpt4"]).success();
    train(&folder, "words", &["--pattern", r"\w+|\W"]).success();
    train(&folder, "bad", &["--pattern", "("]).code(2).stderr(contains("error: --pattern"));
    assert!(!folder.path("bad").exists());
}

#[test]
fn a_vocabulary_that_cannot_be_filled_is_a_warning() {
    program(&folder(), &["--dataset", "text.txt", "--out", "out"])
        .assert()
        .success()
        .stderr(contains("warning: --vocab-size").and(contains("instead of 10000")));
}

#[test]
fn bad_input_is_one_line_before_any_work() {
    let folder = folder();
    folder.write("empty.txt", "");
    let before = folder.entries("");
    let text = "--dataset=text.txt";
    for (code, args, part) in [
        (1, &["--dataset", "missing.txt"][..], "missing.txt: No such file"),
        (1, &[text, "--dataset", "empty.txt"], "empty.txt: is empty"),
        (1, &["--dataset", "."], ".: is a directory"),
        (1, &[text, "--out", "text.txt"], "--out: text.txt"),
        (1, &[text, "--out", "text.txt/below"], "--out: text.txt/below"),
        (2, &[text, "--vocab-size", "256"], "--vocab-size: vocabulary size 256"),
        (2, &[text, "--special-token", ""], "--special-token"),
        (2, &[text, "--special-token", "a"], "--special-token"),
        // In vocab.json the byte 0xE9 is spelled like this.
        (2, &[text, "--special-token", "é"], "--special-token: found the"),
        (2, &[text, "--special-token", "Ġthe"], "spells the text \" the\""),
    ] {
        fails(&mut program(&folder, args), code, &[part]);
        assert_eq!(folder.entries(""), before, "{args:?}");
    }
    assert_eq!(folder.read_text("text.txt"), TEXT.repeat(50));
}

#[test]
fn empty_standard_input_leaves_no_files() {
    let folder = folder();
    let mut command = program(&folder, &["--dataset", "-", "--out", "out"]);
    command.write_stdin("").assert().code(1).stderr(contains("error: standard input: is empty"));
    assert!(folder.entries("out").is_empty());
}

#[test]
fn only_special_tokens_make_a_vocabulary_without_merges() {
    let folder = folder();
    folder.write("special.txt", "<|endoftext|><|endoftext|>");
    program(&folder, &["--dataset=special.txt", "--vocab-size=257", "--out=out"])
        .assert()
        .success()
        .stdout(contains("257 (0 merges)").and(contains("bytes per token  13.000")));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let folder = folder();
    for args in [
        &["--vocab-size", "many", "--dataset", "text.txt"][..],
        &[],
        &["--dataset", "text.txt", "--threads", "0"],
        &["--dataset", "-", "--dataset", "-"],
        &["--dataset", "text.txt", "--no-such-flag"],
    ] {
        fails(&mut program(&folder, args), 2, &[]);
    }
    let help = program(&folder, &["--help"]).assert().success();
    help.stdout(contains("[default: 10000]"));
    program(&folder, &["--version"]).assert().success();
}

/// The text never ends, so that Ctrl-C comes in the middle of the work.
#[cfg(unix)]
#[test]
fn ctrl_c_is_exit_code_130_and_leaves_no_files() {
    use std::io::Write;
    use std::process::Stdio;
    let folder = folder();
    let mut child = folder
        .process("train-tokenizer")
        .args(["--dataset", "-", "--out", "out"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = TEXT.repeat(1000);
    let mut interrupted = false;
    // The program stops reading once it is interrupted; then the pipe breaks.
    for round in 0..1_000_000 {
        if stdin.write_all(text.as_bytes()).is_err() {
            break;
        }
        if round == 50 {
            common::kill("-INT", child.id());
            interrupted = true;
        }
    }
    drop(stdin);
    assert!(interrupted);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(folder.entries("out").is_empty());
}
