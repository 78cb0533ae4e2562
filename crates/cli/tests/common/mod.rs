//! Helpers of the programs' tests: a folder with a small corpus, and a model that trains in a
//! second.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output, Stdio};

use assert_cmd::Command;
use bpe::{Pattern, Tokenizer, Vocab};
use lm::data::tokens::{TokenType, TokenWriter};
use lm::run::metrics::Metrics;
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

/// The environment variables that decide on colours.
const COLOR_VARIABLES: [&str; 3] = ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE"];

/// A temporary folder in which programs run, removed when the value is dropped.
pub struct Folder {
    dir: TempDir,
}

impl Folder {
    /// Creates an empty folder.
    pub fn empty() -> Folder {
        Folder { dir: tempfile::tempdir().unwrap() }
    }

    /// Creates a folder with `text.txt`, `tokenizer/`, `train.npy` and `val.npy`.
    pub fn new() -> Folder {
        let folder = Folder::empty();
        let text =
            "There was once a little girl who had a dog. The dog ran after a ball.\n".repeat(40);
        folder.write("text.txt", &text);
        folder.write_tokenizer("tokenizer", &[(b't'.into(), b'h'.into())]);
        let ids: Vec<u16> = text.bytes().map(u16::from).collect();
        folder.write_tokens("train.npy", &ids[..2000]);
        folder.write_tokens("val.npy", &ids[2000..2300]);
        folder
    }

    /// Creates a folder with a tokenizer of three merges, `th`, `the` and ` the`.
    pub fn with_tokenizer() -> Folder {
        let folder = Folder::empty();
        let merges = [(b't'.into(), b'h'.into()), (257, b'e'.into()), (b' '.into(), 258)];
        folder.write_tokenizer("tokenizer", &merges);
        folder
    }

    /// Returns the path of `name` in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Reads a file.
    pub fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    /// Reads a file of text.
    pub fn read_text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).unwrap()
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    /// Writes a tokenizer with the pattern of GPT-2 and these merges.
    pub fn write_tokenizer(&self, name: &str, merges: &[(u32, u32)]) {
        let vocab = Vocab::from_merges(merges.to_vec(), &[bpe::END_OF_TEXT.to_string()]).unwrap();
        Tokenizer::new(vocab, Pattern::gpt2()).save(self.path(name)).unwrap();
    }

    /// Writes a token file.
    pub fn write_tokens(&self, name: &str, ids: &[u16]) {
        let mut writer = TokenWriter::create(&self.path(name), TokenType::U16).unwrap();
        writer.write(ids).unwrap();
        writer.finish().unwrap();
    }

    /// Returns a program to run in the folder.
    pub fn program(&self, name: &str) -> Command {
        let mut command = Command::cargo_bin(name).unwrap();
        command.current_dir(self.dir.path());
        for variable in ["RAYON_NUM_THREADS", "LM_ISA", "RUST_LOG"].iter().chain(&COLOR_VARIABLES) {
            command.env_remove(variable);
        }
        command
    }

    /// Returns a program to start in the folder and talk to while it runs.
    pub fn process(&self, name: &str) -> Process {
        let mut process = Process::new(assert_cmd::cargo::cargo_bin(name));
        process.current_dir(self.dir.path());
        process
    }

    /// Runs a shell's command line at a terminal, and returns what it wrote there. `None` where
    /// there is no `script` of util-linux to make one.
    pub fn at_a_terminal(&self, line: &str) -> Option<String> {
        let mut script = Process::new("script");
        for variable in COLOR_VARIABLES {
            script.env_remove(variable);
        }
        let output = script
            .args(["--quiet", "--return", "--command", line, "/dev/null"])
            .current_dir(self.dir.path())
            .envs([("TERM", "xterm"), ("HOME", self.dir.path().to_str().unwrap())])
            .env_remove("XDG_STATE_HOME")
            .stdin(Stdio::null())
            .output();
        let Ok(output) = output else {
            eprintln!("skipped: there is no `script` to make a terminal");
            return None;
        };
        Some(String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"))
    }

    /// Returns `train-model` with a small model, two threads and the folder's data, into the
    /// directory `run`.
    pub fn train(&self, run: &str, args: &[&str]) -> Command {
        let mut command = self.program("train-model");
        command.args(training_args(run)).args(args);
        command
    }

    /// Trains a model and returns its checkpoint, `name/latest`.
    pub fn checkpoint(&self, name: &str) -> PathBuf {
        self.train(name, &["--steps", "4", "--quiet"]).assert().success();
        self.path(name).join("latest")
    }

    /// Returns the names in `dir`, in order.
    pub fn entries(&self, dir: &str) -> Vec<String> {
        let names = self.names(dir);
        names.into_iter().filter(|name| !name.contains('/')).collect()
    }

    /// Returns all names below `dir`, in order.
    pub fn names(&self, dir: &str) -> Vec<String> {
        let mut names = Vec::new();
        collect_names(&self.path(dir), "", &mut names);
        names.sort();
        names
    }
}

/// Returns the arguments of [`Folder::train`].
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

/// Removes `flag` and its value from the arguments.
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

/// Returns the weights of a run's newest checkpoint.
pub fn weights(run: &Path) -> Vec<u8> {
    fs::read(run.join("latest/model.safetensors")).unwrap()
}

/// Reads the metrics of a run.
pub fn metrics(run: &Path) -> Vec<Metrics> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Sends a signal, such as `-INT`, to a process.
pub fn kill(signal: &str, process: u32) {
    let sent = Process::new("kill").args([signal, &process.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Returns standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Returns what a command prints, which must succeed.
#[track_caller]
pub fn text(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
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
