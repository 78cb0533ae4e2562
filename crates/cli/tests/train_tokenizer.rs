//! The program `train-tokenizer` from outside.

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;

const TEXT: &str = "low lower newest widest<|endoftext|>\nnewest low low widest, don't low!\n";

fn program() -> Command {
    Command::cargo_bin("train-tokenizer").unwrap()
}

/// A folder with a text in it.
fn folder() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("text.txt"), TEXT.repeat(50)).unwrap();
    dir
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Runs in `dir` with the text as data set.
fn train(dir: &TempDir, out: &str, args: &[&str]) -> assert_cmd::assert::Assert {
    let mut command = program();
    command
        .current_dir(dir)
        .args(["--dataset", "text.txt", "--vocab-size", "270", "--out", out])
        .args(args);
    command.assert()
}

#[test]
fn writes_four_files_and_says_what_was_learned() {
    let dir = folder();
    train(&dir, "tokenizer", &[])
        .success()
        .stdout(contains("pre-tokens       750 (11 distinct)").and(contains("270 (13 merges)")))
        .stderr(contains("pattern         gpt2"));
    let out = dir.path().join("tokenizer");
    assert_eq!(
        names(&out),
        ["merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json"]
    );
    let vocab: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("vocab.json")).unwrap()).unwrap();
    assert_eq!(vocab["<|endoftext|>"], 256);
    assert_eq!(vocab["!"], 33);
    assert_eq!(vocab.as_object().unwrap().len(), 270);
    assert!(fs::read_to_string(out.join("merges.txt")).unwrap().starts_with("#version: 0.2\n"));
}

#[test]
fn a_tiktoken_file_beside_the_others() {
    let dir = folder();
    train(&dir, "out", &["--format", "tiktoken"]).success();
    let out = dir.path().join("out");
    assert_eq!(names(&out).len(), 5);
    let vocab: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&fs::read(out.join("vocab.json")).unwrap()).unwrap();
    let ranks = fs::read_to_string(out.join("tokenizer.tiktoken")).unwrap();
    // All but the special token.
    assert_eq!(ranks.lines().count(), vocab.len() - 1);
    assert!(ranks.starts_with("AA== 0\n"), "{ranks}");
    let last = ranks.lines().last().unwrap();
    assert!(last.ends_with(&format!(" {}", vocab.len() - 1)), "{last}");
}

#[test]
fn json_is_one_object_with_the_checksum_of_the_vocabulary() {
    use sha2::{Digest, Sha256};
    let dir = folder();
    let output =
        train(&dir, "out", &["--json", "--quiet"]).success().stderr("").get_output().stdout.clone();
    let report: serde_json::Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(report["bytes"], (TEXT.len() * 50) as u64);
    assert_eq!((&report["merges"], &report["distinct_pre_tokens"]), (&13.into(), &11.into()));
    assert!(report["bytes_per_token"].as_f64().unwrap() > 1.0);
    assert!(report["seconds"]["count"].is_f64());
    let digest = Sha256::digest(fs::read(dir.path().join("out/vocab.json")).unwrap());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(report["vocab_sha256"], digest);
}

#[test]
fn threads_and_standard_input_change_nothing() {
    let dir = folder();
    train(&dir, "one", &["--threads", "1"]).success();
    train(&dir, "three", &["--processes=3"]).success();
    let mut piped = program();
    piped.current_dir(&dir).args(["--dataset=-", "--vocab_size=270", "--out=piped"]);
    piped.write_stdin(TEXT.repeat(50)).assert().success();
    // The same text in two halves, cut where a pre-token ends.
    fs::write(dir.path().join("half.txt"), TEXT.repeat(25)).unwrap();
    let mut halves = program();
    halves.current_dir(&dir).args([
        "--dataset",
        "half.txt",
        "--dataset",
        "half.txt",
        "--vocab-size",
        "270",
    ]);
    halves.args(["--out", "halves"]).assert().success();
    for file in ["vocab.json", "merges.txt", "tokenizer.json", "tokenizer_config.json"] {
        let read = |out: &str| fs::read(dir.path().join(out).join(file)).unwrap();
        for other in ["three", "piped", "halves"] {
            assert_eq!(read("one"), read(other), "{file} of {other}");
        }
    }
}

#[test]
fn special_tokens_and_patterns() {
    let dir = folder();
    let specials = ["--special-token", "<|endoftext|>", "--special_token=<|pad|>"];
    train(&dir, "two", &specials).success();
    let vocab = fs::read_to_string(dir.path().join("two/vocab.json")).unwrap();
    let vocab: serde_json::Value = serde_json::from_str(&vocab).unwrap();
    assert_eq!((&vocab["<|endoftext|>"], &vocab["<|pad|>"]), (&256.into(), &257.into()));
    train(&dir, "gpt4", &["--pattern", "gpt4"]).success();
    train(&dir, "words", &["--pattern", r"\w+|\W"]).success();
    train(&dir, "bad", &["--pattern", "("]).code(2).stderr(contains("error: --pattern"));
    assert!(!dir.path().join("bad").exists());
}

#[test]
fn a_vocabulary_that_cannot_be_filled_is_a_warning() {
    let dir = folder();
    let mut command = program();
    command.current_dir(&dir).args(["--dataset", "text.txt", "--out", "out"]);
    command
        .assert()
        .success()
        .stderr(contains("warning: --vocab-size").and(contains("instead of 10000")));
}

/// The exit code and one line that names what is wrong; nothing is left behind.
fn fails(dir: &TempDir, code: i32, args: &[&str], message: &str) {
    let before = names(dir.path());
    let assert = program().current_dir(dir).args(args).assert().code(code);
    let stderr = String::from_utf8(assert.get_output().stderr.clone()).unwrap();
    assert!(stderr.starts_with("error: ") && stderr.lines().count() == 1, "{stderr}");
    assert!(stderr.contains(message), "{stderr} does not contain {message}");
    assert_eq!(names(dir.path()), before);
}

#[test]
fn bad_input_is_one_line_before_any_work() {
    let dir = folder();
    fs::write(dir.path().join("empty.txt"), "").unwrap();
    let text = "--dataset=text.txt";
    fails(&dir, 1, &["--dataset", "missing.txt"], "missing.txt: No such file");
    fails(&dir, 1, &[text, "--dataset", "empty.txt"], "empty.txt: is empty");
    fails(&dir, 1, &["--dataset", "."], ".: is a directory");
    fails(&dir, 1, &[text, "--out", "text.txt"], "--out: text.txt");
    fails(&dir, 1, &[text, "--out", "text.txt/below"], "--out: text.txt/below");
    fails(&dir, 2, &[text, "--vocab-size", "256"], "--vocab-size: vocabulary size 256");
    fails(&dir, 2, &[text, "--special-token", ""], "--special-token");
    fails(&dir, 2, &[text, "--special-token", "a"], "--special-token");
    // In vocab.json the byte 0xE9 is spelled like this.
    fails(&dir, 2, &[text, "--special-token", "é"], "--special-token: found the");
    fails(&dir, 2, &[text, "--special-token", "Ġthe"], "spells the text \" the\"");
    assert_eq!(fs::read_to_string(dir.path().join("text.txt")).unwrap(), TEXT.repeat(50));
}

#[test]
fn empty_standard_input_leaves_no_files() {
    let dir = folder();
    let mut command = program();
    command.current_dir(&dir).args(["--dataset", "-", "--out", "out"]).write_stdin("");
    command.assert().code(1).stderr(contains("error: standard input: is empty"));
    assert!(names(&dir.path().join("out")).is_empty());
}

#[test]
fn only_special_tokens_make_a_vocabulary_without_merges() {
    let dir = folder();
    fs::write(dir.path().join("special.txt"), "<|endoftext|><|endoftext|>").unwrap();
    let mut command = program();
    command.current_dir(&dir).args([
        "--dataset",
        "special.txt",
        "--vocab-size",
        "257",
        "--out",
        "out",
    ]);
    command
        .assert()
        .success()
        .stdout(contains("257 (0 merges)").and(contains("bytes per token  13.000")));
}

#[test]
fn wrong_usage_is_exit_code_2() {
    let dir = folder();
    for args in [
        &["--vocab-size", "many", "--dataset", "text.txt"][..],
        &[],
        &["--dataset", "text.txt", "--threads", "0"],
        &["--dataset", "-", "--dataset", "-"],
        &["--dataset", "text.txt", "--no-such-flag"],
    ] {
        let assert = program().current_dir(&dir).args(args).assert().code(2);
        assert.stderr(predicates::str::starts_with("error: "));
    }
    program().arg("--help").assert().success().stdout(contains("[default: 10000]"));
    program().arg("--version").assert().success();
}

/// The text never ends, so that Ctrl-C comes in the middle of the work.
#[cfg(unix)]
#[test]
fn ctrl_c_is_exit_code_130_and_leaves_no_files() {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let dir = folder();
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("train-tokenizer"))
        .current_dir(&dir)
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
            let pid = child.id().to_string();
            interrupted = Command::new("kill").args(["-INT", &pid]).status().unwrap().success();
        }
    }
    drop(stdin);
    assert!(interrupted);
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(names(&dir.path().join("out")).is_empty());
}
