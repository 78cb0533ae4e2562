//! Files that earlier versions wrote still load, encode, train and resume.
//! `fixtures/version-0.1/README.md` tells how they were made.
#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use common::{stderr, stdout};
use serde_json::Value;
use tempfile::TempDir;

/// The largest difference between losses, or between log-probabilities, that counts as rounding.
const TOLERANCE: f64 = 1e-4;

/// A copy of the files of version 0.1, where programs may write.
struct EarlierFiles {
    dir: TempDir,
}

impl EarlierFiles {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version-0.1");
        copy(&fixture, dir.path());
        symlink("step-000221", dir.path().join("run/latest")).unwrap();
        Self { dir }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    /// Runs a program with the kernels that the files were made with.
    fn run(&self, name: &str, args: &[&str]) -> Output {
        let mut command = Command::cargo_bin(name).unwrap();
        command.current_dir(self.dir.path()).env("LM_ISA", "portable").args(args);
        for variable in ["RAYON_NUM_THREADS", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command.output().unwrap()
    }

    /// Runs a program that is to succeed.
    #[track_caller]
    fn succeed(&self, name: &str, args: &[&str]) -> String {
        let output = self.run(name, args);
        assert!(output.status.success(), "{name} {args:?}\n{}", stderr(&output));
        stdout(&output)
    }

    /// Continues the run with `flags` and checks that it ends as version 0.1 would have ended it.
    #[track_caller]
    fn resume(&self, flags: &[&str]) {
        let data = ["--train-dataset", "train.npy", "--val-dataset", "val.npy"];
        let run = ["--tokenizer", "tokenizer", "--checkpoint-dir", "run", "--resume", "--quiet"];
        self.succeed("train-model", &[&data[..], &run, flags].concat());
        assert_eq!(fs::read_link(self.path("run/latest")).unwrap(), Path::new("step-000600"));
        let ended = self.bytes("run/latest/model.safetensors");
        let expected = self.bytes("expected/model.safetensors");
        if cfg!(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64")) {
            assert!(ended == expected, "the weights have other bits");
        } else {
            assert_close(&weights(&ended), &weights(&expected), 0.01);
        }
        let (ended, expected) =
            (self.text("run/metrics.jsonl"), self.text("expected/metrics.jsonl"));
        assert_eq!(ended.lines().count(), expected.lines().count());
        for (ended, expected) in ended.lines().zip(expected.lines()) {
            let [ended, expected]: [Value; 2] =
                [ended, expected].map(|line| serde_json::from_str(line).unwrap());
            for field in ["step", "tokens", "lr", "train_loss", "grad_norm", "val_loss"] {
                match [&ended[field], &expected[field]].map(Value::as_f64) {
                    [None, None] => {}
                    [Some(ended), Some(expected)] => assert_close(&[ended], &[expected], TOLERANCE),
                    other => panic!("{field}: {other:?}"),
                }
            }
        }
    }
}

/// Copies what is in `from` into the directory `to`, without symbolic links.
fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The numbers after the header of a `.safetensors` file of `f32`.
fn weights(file: &[u8]) -> Vec<f64> {
    let header = u64::from_le_bytes(file[..8].try_into().unwrap());
    let (numbers, _) = file[8 + header as usize..].as_chunks();
    numbers.iter().map(|&bytes| f32::from_le_bytes(bytes).into()).collect()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found}, expected {expected}");
    }
}

#[test]
fn a_tokenizer_and_its_token_file_are_read_and_made_again() {
    let files = EarlierFiles::new();
    let tokenizer = ["--tokenizer", "tokenizer", "--quiet"];
    let decode = ["--decode", "--file", "train.npy", "--out", "decoded.txt"];
    files.succeed("encode", &[&tokenizer[..], &decode].concat());
    assert_eq!(files.text("decoded.txt"), files.text("text.txt"));
    for (text, tokens) in [("text.txt", "train.npy"), ("held-out.txt", "val.npy")] {
        let encode = ["--file", text, "--out", "again.npy"];
        files.succeed("encode", &[&tokenizer[..], &encode].concat());
        assert!(files.bytes("again.npy") == files.bytes(tokens), "{text} has other tokens");
    }
    let train = ["--dataset", "text.txt", "--vocab-size", "300", "--out", "again", "--quiet"];
    files.succeed("train-tokenizer", &train);
    for name in ["vocab.json", "merges.txt"] {
        assert_eq!(files.text(&format!("again/{name}")), files.text(&format!("tokenizer/{name}")));
    }
}

#[test]
fn checkpoints_generate_the_same_texts() {
    let files = EarlierFiles::new();
    // Version 0.1 put nothing before a prompt.
    let prompt =
        ["--prompt", "Once upon a time", "--no-bos", "--precision", "f32", "--quiet", "--json"];
    for (checkpoint, expected) in
        [("run", "run"), ("run/step-000200", "step-000200"), ("variant", "variant")]
    {
        let mut args = vec!["--checkpoint", checkpoint, "--temperature", "0", "--seed", "1"];
        args.extend(["--max-tokens", "40"]);
        if checkpoint == "variant" {
            args.extend(["--tokenizer", "tokenizer"]);
        }
        let found = files.succeed("inference", &[&args[..], &prompt].concat());
        assert_eq!(found, files.text(&format!("expected/greedy-{expected}.json")));
    }

    let score =
        files.succeed("inference", &[&["--checkpoint", "run", "--score"], &prompt[..]].concat());
    let logprobs = |text: &str| -> Vec<f64> {
        let object: Value = serde_json::from_str(text).unwrap();
        object["logprobs"].as_array().unwrap().iter().filter_map(Value::as_f64).collect()
    };
    assert_close(&logprobs(&score), &logprobs(&files.text("expected/score-run.json")), TOLERANCE);
}

#[test]
fn a_text_begins_where_those_of_the_training_tokens_begin() {
    let files = EarlierFiles::new();
    let tokens = |flags: &[&str]| {
        let args = ["--checkpoint", "run", "--temperature", "0", "--max-tokens", "9", "--json"];
        let output = files.run("inference", &[&args[..], flags].concat());
        let object: Value = serde_json::from_str(&stdout(&output)).unwrap();
        (object["tokens"].clone(), stderr(&output))
    };
    let (with, said) = tokens(&["--prompt", "Once upon"]);
    assert!(said.contains("does not say") && said.contains("train.npy"), "{said}");
    assert_eq!(with, tokens(&["--prompt", "<|endoftext|>Once upon", "--no-bos"]).0);

    let (without, said) = tokens(&["--prompt", "Once upon", "--no-bos"]);
    assert!(!said.contains("does not say"), "{said}");
    assert_ne!(with, without);

    // Another file of the same name tells nothing.
    fs::rename(files.path("train.npy"), files.path("moved.npy")).unwrap();
    fs::copy(files.path("val.npy"), files.path("train.npy")).unwrap();
    let (other, said) = tokens(&["--prompt", "Once upon"]);
    assert!(said.contains("not there to tell"), "{said}");
    assert_eq!(other, without);
}

#[test]
fn weights_of_a_checkpoint_begin_another_run() {
    let files = EarlierFiles::new();
    let eval = ["--eval-only", "--init-from", "run/latest", "--val-dataset", "val.npy"];
    let found = files.succeed("train-model", &[&eval[..], &["--quiet"]].concat());
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(found["tokens"], 833);
    assert_close(&[found["val_loss"].as_f64().unwrap()], &[3.428_475_412], TOLERANCE);
}

#[test]
fn an_interrupted_run_resumes_and_ends_with_the_same_bits() {
    let files = EarlierFiles::new();
    let manifest = files.text("run/run.json");
    let sessions = |text: &str| text.matches("\"command_line\"").count();
    assert_eq!(sessions(&manifest), 1);
    files.resume(&[]);
    let manifest = files.text("run/run.json");
    assert_eq!(sessions(&manifest), 2, "{manifest}");
    assert!(manifest.contains("2026-11-28T02:11:46Z"), "the first session is gone:\n{manifest}");
    let tokenizer = files.text("run/latest/tokenizer_config.json");
    assert!(tokenizer.contains("\"add_bos_token\": true"), "{tokenizer}");

    let end = ["--checkpoint", "run", "--prompt", "Once upon a time", "--precision", "f32"];
    let greedy = ["--temperature", "0", "--max-tokens", "40", "--seed", "1", "--json", "--quiet"];
    let greedy = [&greedy[..], &["--no-bos"]].concat();
    let found = files.succeed("inference", &[&end[..], &greedy].concat());
    assert_eq!(found, files.text("expected/greedy-end.json"));
}

#[test]
fn a_resumed_run_takes_its_own_flags_and_no_others() {
    let files = EarlierFiles::new();
    let own = [
        "--context-length=16",
        "--d-model=8",
        "--num-heads=2",
        "--num-layers=1",
        "--d-ff=24",
        "--batch-size=4",
        "--grad-accum=2",
        "--steps=600",
        "--lr=0.02",
        "--min-lr=0.001",
        "--warmup-steps=20",
        "--lr-schedule=linear",
        "--beta2=0.95",
        "--decay-norms=false",
        "--log-every=10",
        "--eval-every=100",
        "--eval-batches=3",
        "--checkpoint-every=200",
        "--seed=5",
        "--precision=f32",
    ];
    for (other, stored) in
        [("--lr=0.1", "0.02"), ("--beta2=0.9", "0.95"), ("--lr-schedule=cosine", "linear")]
    {
        let data = ["--train-dataset", "train.npy", "--val-dataset", "val.npy"];
        let run = ["--checkpoint-dir", "run", "--resume", other];
        let refused = files.run("train-model", &[&data[..], &run].concat());
        let message = stderr(&refused);
        assert!(!refused.status.success(), "{other}");
        let (flag, typed) = other.split_once('=').unwrap();
        assert!(message.contains(&format!("{flag} {typed} (there {stored})")), "{message}");
    }
    files.resume(&own);
}
