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
fn an_end_of_text_that_is_no_special_token_is_a_warning() {
    let folder = folder();
    folder.write("stories.txt", "One story.<|endoftext|>Two stories.<|endoftext|>".repeat(20));
    let warning = "warning: --special-token: stories.txt holds <|endoftext|>";
    for (text, specials, warns) in [
        ("stories.txt", &["<|pad|>"][..], true),
        ("stories.txt", &["<|pad|>", "<|endoftext|>"], false),
        ("stories.txt", &[], false),
        ("text.txt", &["<|pad|>"], false),
    ] {
        let mut args = vec!["--dataset", text, "--vocab-size=260", "--out=out"];
        specials.iter().for_each(|special| args.extend(["--special-token", special]));
        let output = program(&folder, &args).output().unwrap();
        assert!(output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said.contains(warning), warns, "{args:?}: {said}");
    }
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
    folder.write("utf16.txt", b"\xff\xfet\0e\0");
    folder.write("packed.gz", b"\x1f\x8b\x08");
    let before = folder.entries("");
    let text = "--dataset=text.txt";
    for (code, args, part) in [
        (1, &["--dataset", "missing.txt"][..], "missing.txt: No such file"),
        (1, &[text, "--dataset", "empty.txt"], "empty.txt: is empty"),
        (1, &["--dataset", "."], ".: is a directory"),
        (1, &[text, "--dataset", "utf16.txt"], "utf16.txt: seems to be UTF-16"),
        (1, &["--dataset", "utf16.txt"], "iconv -f UTF-16 -t UTF-8 FILE"),
        (1, &["--dataset", "packed.gz"], "seems to be gzip"),
        (2, &[text, "--out", "a", "--out", "b"], "--out: takes one value, but a and b were given"),
        (1, &[text, "--out", "text.txt"], "--out: text.txt"),
        (1, &[text, "--out", "text.txt/below"], "--out: text.txt/below"),
        (2, &[text, "--vocab-size", "256"], "--vocab-size 256: expected at least 257"),
        (2, &[text, "--vocab-size", "-1"], "'--vocab-size <N>': expected a whole number"),
        (2, &[text, "--pattern", "gtp2"], "--pattern gtp2: no pattern of this name"),
        (2, &[text, "--pattern", ""], "--pattern"),
        (2, &[text, "--special-token", ""], "--special-token: is empty"),
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

/// As many files as a process may open, and more.
#[cfg(unix)]
#[test]
fn more_texts_than_open_files() {
    let folder = folder();
    std::fs::create_dir(folder.path("texts")).unwrap();
    let mut whole = String::new();
    for number in 0..100 {
        let text = format!("story {number} about a cat\n");
        folder.write(&format!("texts/{number:03}.txt"), &text);
        whole += &text;
    }
    folder.write("whole.txt", whole);
    let trained = program(&folder, &["--dataset=whole.txt", "--vocab-size=270", "--out=one"]);
    { trained }.assert().success();
    let encode = assert_cmd::cargo::cargo_bin("train-tokenizer");
    let script =
        r#"ulimit -n 40; for t in texts/*; do set -- "$@" --dataset "$t"; done; exec "$@""#;
    let output = std::process::Command::new("bash")
        .args(["-c", script, "bash"])
        .arg(encode)
        .args(["--vocab-size", "270", "--threads", "2", "--out", "many"])
        .current_dir(folder.path("."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", common::stderr(&output));
    assert_eq!(folder.read("one/merges.txt"), folder.read("many/merges.txt"));
}

#[test]
fn what_is_no_text_is_learned_from_if_one_insists() {
    let folder = folder();
    folder.write("utf16.txt", b"\xff\xfet\0e\0t\0e\0");
    let args = ["--dataset=utf16.txt", "--vocab-size=258", "--out=out", "--binary"];
    program(&folder, &args).assert().success();
    let piped = ["--dataset=-", "--out=piped", "--quiet"];
    let parts = ["--dataset: standard input: seems to be gzip", "--binary"];
    fails(program(&folder, &piped).write_stdin(&b"\x1f\x8b\x08"[..]), 1, &parts);
}

#[test]
fn another_tokenizer_moves_aside_and_the_same_one_stays() {
    let folder = folder();
    let files = ["merges.txt", "tokenizer.json", "tokenizer_config.json", "vocab.json"];
    train(&folder, "out", &[]).success();
    folder.write("out/notes.txt", "of the user");
    let first: Vec<Vec<u8>> = files.iter().map(|f| folder.read(&format!("out/{f}"))).collect();
    let modified = |name| std::fs::metadata(folder.path(name)).unwrap().modified().unwrap();
    let time = modified("out/vocab.json");
    train(&folder, "out", &[]).success().stderr(contains("the same tokenizer is there already"));
    assert_eq!(modified("out/vocab.json"), time);
    assert!(!folder.path("out/earlier-1").exists());

    train(&folder, "out", &["--pattern", "gpt4", "--format", "tiktoken"])
        .success()
        .stderr(contains("warning: out: another tokenizer was there; it is in out/earlier-1 now"));
    assert_eq!(folder.entries("out/earlier-1"), files);
    for (file, content) in files.iter().zip(&first) {
        assert_eq!(&folder.read(&format!("out/earlier-1/{file}")), content);
    }
    assert_eq!(folder.read_text("out/notes.txt"), "of the user");
    train(&folder, "out", &["--pattern", "gpt4"]).success();
    assert!(folder.path("out/tokenizer.tiktoken").exists(), "the same tokenizer's");
    // What another program put beside a tokenizer belongs to that one.
    folder.write("out/added_tokens.json", "{}");
    train(&folder, "out", &["--special-token=<s>"]).success();
    assert_eq!(folder.entries("out/earlier-2").len(), 6);
    assert_eq!(folder.entries("out").len(), 4 + 3);
}

#[test]
fn empty_standard_input_leaves_no_files() {
    let folder = folder();
    let mut command = program(&folder, &["--dataset", "-", "--out", "out"]);
    command
        .write_stdin("")
        .assert()
        .code(1)
        .stderr(contains("error: --dataset: standard input: is empty"));
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
