//! What the tests of the programs share: a folder with a small corpus, and a model that trains in a
//! second.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use bpe::{Pattern, Tokenizer, Vocab};
use lm::data::tokens::{TokenType, TokenWriter};
use tempfile::TempDir;

/// Ids below 256 are bytes, 256 is `<|endoftext|>`, one merge follows.
pub const VOCAB_SIZE: usize = 258;

/// The flags of a model that trains in a second.
pub const SMALL: [&str; 12] = [
    "--d-model",
    "16",
    "--num-heads",
    "2",
    "--num-layers",
    "1",
    "--d-ff",
    "32",
    "--context-length",
    "16",
    "--batch-size",
    "4",
];

/// A folder with `text.txt`, `tokenizer/`, `train.npy` and `val.npy`, gone with the value.
pub struct Folder {
    dir: TempDir,
}

impl Folder {
    /// A new one.
    pub fn new() -> Folder {
        let folder = Folder { dir: tempfile::tempdir().unwrap() };
        let text =
            "There was once a little girl who had a dog. The dog ran after a ball.\n".repeat(40);
        fs::write(folder.path("text.txt"), &text).unwrap();
        let merge = (b't'.into(), b'h'.into());
        let vocab = Vocab::from_merges(vec![merge], &["<|endoftext|>".to_string()]).unwrap();
        Tokenizer::new(vocab, Pattern::gpt2()).save(&folder.path("tokenizer")).unwrap();
        let ids: Vec<u16> = text.bytes().map(u16::from).collect();
        folder.write_tokens("train.npy", &ids[..2000]);
        folder.write_tokens("val.npy", &ids[2000..2300]);
        folder
    }

    /// The path of `name` in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a token file.
    pub fn write_tokens(&self, name: &str, ids: &[u16]) {
        let mut writer = TokenWriter::create(&self.path(name), TokenType::U16).unwrap();
        writer.write(ids).unwrap();
        writer.finish().unwrap();
    }

    /// A program that will run in the folder.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::cargo_bin(name).unwrap();
        command.current_dir(self.dir.path());
        for variable in ["RAYON_NUM_THREADS", "LM_ISA", "RUST_LOG"] {
            command.env_remove(variable);
        }
        command
    }

    /// `train-model` with a small model, two threads and the folder's data, into the directory
    /// `run`.
    pub fn train(&self, run: &str, args: &[&str]) -> Command {
        let mut command = self.program("train-model");
        command.args(training_args(run)).args(args);
        command
    }

    /// A trained checkpoint, `name/latest`.
    pub fn checkpoint(&self, name: &str) -> PathBuf {
        self.train(name, &["--steps", "4", "--quiet"]).assert().success();
        self.path(name).join("latest")
    }

    /// All names below `dir`, in order.
    pub fn names(&self, dir: &str) -> Vec<String> {
        let mut names = Vec::new();
        collect_names(&self.path(dir), "", &mut names);
        names.sort();
        names
    }
}

/// The arguments of [`Folder::train`].
pub fn training_args(run: &str) -> Vec<&str> {
    let data = [
        "--train-dataset",
        "train.npy",
        "--val-dataset",
        "val.npy",
        "--tokenizer",
        "tokenizer",
        "--checkpoint-dir",
        run,
        "--threads",
        "2",
        "--eval-batches",
        "2",
    ];
    [&SMALL[..], &data].concat()
}

/// The arguments without `flag` and its value.
pub fn without<'a>(args: Vec<&'a str>, flag: &str) -> Vec<&'a str> {
    let at = args.iter().position(|arg| *arg == flag).unwrap();
    [&args[..at], &args[at + 2..]].concat()
}

fn collect_names(dir: &Path, prefix: &str, names: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect_names(&entry.path(), &format!("{name}/"), names);
        }
        names.push(name);
    }
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs `command` and checks that it ends with `code` and one line on standard error, which holds
/// all `parts`.
#[track_caller]
pub fn fails(command: &mut Command, code: i32, parts: &[&str]) {
    let output = command.output().unwrap();
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(code), "{command:?}\n{message}");
    assert!(output.stdout.is_empty(), "{command:?}\n{}", stdout(&output));
    assert!(message.starts_with("error: ") && message.ends_with('\n'), "{command:?}\n{message}");
    assert_eq!(message.lines().count(), 1, "{command:?}\n{message}");
    assert!(
        !message.contains("panicked") && !message.contains("internal error"),
        "{command:?}\n{message}"
    );
    for part in parts {
        assert!(message.contains(part), "{command:?}\nexpected {part:?} in\n{message}");
    }
}
