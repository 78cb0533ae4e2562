//! The program `encode` from outside.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use bpe::{Pattern, Tokenizer, Vocab};
use lm::data::tokens::{TokenFile, TokenType, TokenWriter};
use predicates::prelude::*;
use predicates::str::contains;
use tempfile::TempDir;

const END: &str = "<|endoftext|>";

/// A folder with a tokenizer in it.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        let dir = tempfile::tempdir().unwrap();
        let merges = vec![(b't'.into(), b'h'.into()), (257, b'e'.into()), (b' '.into(), 258)];
        let vocab = Vocab::from_merges(merges, &[END.to_string()]).unwrap();
        Tokenizer::new(vocab, Pattern::gpt2()).save(&dir.path().join("tokenizer")).unwrap();
        Folder(dir)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::cargo_bin("encode").unwrap();
        command.current_dir(&self.0).env_remove("RAYON_NUM_THREADS").args(args);
        command
    }

    /// Encodes `text.txt` to `out.npy`.
    fn encode(&self, args: &[&str]) -> Assert {
        let fixed = ["--tokenizer", "tokenizer", "--file", "text.txt", "--out", "out.npy"];
        self.command(&[&fixed[..], args].concat()).assert()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn ids(path: &Path) -> Vec<u32> {
    let tokens = TokenFile::open(path).unwrap();
    tokens.iter(0..tokens.len()).collect()
}

/// Bytes of all kinds, with special tokens, for several chunks.
fn long_text() -> Vec<u8> {
    let mut text = Vec::new();
    let mut state = 1u32;
    while text.len() < 3 << 20 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        match state >> 28 {
            0 => text.extend(END.bytes()),
            1 => text.extend("é\u{2003}日本\n".bytes()),
            2 => text.push((state >> 16) as u8),
            _ => text.extend(b" the then"),
        }
    }
    text
}

#[test]
fn text_to_tokens_and_back() {
    let folder = Folder::new();
    folder.write("text.txt", format!("the other{END}x"));
    folder.encode(&[]).success().stdout("").stderr(
        contains("uint16")
            .and(contains("23 bytes, 7 tokens, 3.286 bytes per token"))
            .and(contains("MB/s")),
    );
    assert_eq!(ids(&folder.path("out.npy")), [258, 32, 111, 258, 114, 256, 120]);
}

#[test]
fn any_bytes_come_back_and_threads_do_not_matter() {
    let folder = Folder::new();
    let text = long_text();
    folder.write("text.txt", &text);
    folder.encode(&["--threads", "1", "--quiet"]).success().stderr("");
    let one = fs::read(folder.path("out.npy")).unwrap();
    folder.encode(&["--processes=3"]).success();
    assert!(fs::read(folder.path("out.npy")).unwrap() == one);
    let whole = Tokenizer::load(&folder.path("tokenizer")).unwrap().encode(&text).unwrap();
    assert!(ids(&folder.path("out.npy")) == whole);

    let decode = ["--decode", "--tokenizer=tokenizer", "--file=out.npy"];
    folder.command(&[&decode[..], &["--out=back.txt"]].concat()).assert().success();
    assert!(fs::read(folder.path("back.txt")).unwrap() == text);
    let printed =
        folder.command(&[&decode[..], &["--out=-", "--quiet"]].concat()).output().unwrap();
    assert!(printed.stdout == text && printed.stderr.is_empty() && printed.status.success());
}

#[test]
fn standard_input_is_read() {
    let folder = Folder::new();
    let text = long_text();
    folder.write("text.txt", &text);
    folder.encode(&[]).success();
    let args = ["--tokenizer=tokenizer", "--file=-", "--out=new/piped.npy"];
    folder.command(&args).write_stdin(text).assert().success();
    let piped = fs::read(folder.path("new/piped.npy")).unwrap();
    assert!(piped == fs::read(folder.path("out.npy")).unwrap());
    let back = ["--decode", "--tokenizer=tokenizer", "--file=-", "--out=-"];
    folder
        .command(&back)
        .write_stdin(piped)
        .assert()
        .success()
        .stdout(predicate::function(|out: &[u8]| out == long_text()));
}

#[test]
fn the_header_is_numpys() {
    let folder = Folder::new();
    folder.write("text.txt", "abc");
    folder.encode(&[]).success();
    let file = fs::read(folder.path("out.npy")).unwrap();
    assert_eq!(file.len(), 128 + 6);
    assert!(file.starts_with(
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<u2', 'fortran_order': False, 'shape': (3,), } "
    ));
    assert_eq!(file[127], b'\n');
}

#[test]
fn empty_texts_are_empty_files() {
    let folder = Folder::new();
    folder.write("text.txt", "");
    folder.encode(&[]).success().stderr(contains("0 bytes, 0 tokens"));
    assert!(TokenFile::open(&folder.path("out.npy")).unwrap().is_empty());
}

#[test]
fn special_tokens_can_be_added() {
    let folder = Folder::new();
    folder.write("text.txt", "the<pad>the");
    folder
        .encode(&["--special-token", "<pad>", "--special-token=the"])
        .success()
        .stderr(contains("<|endoftext|> <pad> the"));
    assert_eq!(ids(&folder.path("out.npy")), [258, 260, 258]);
    let decode = ["--decode", "--tokenizer=tokenizer", "--file=out.npy", "--out=-"];
    folder.command(&decode).assert().code(1).stderr(contains("token id 260"));
    folder
        .command(&[&decode[..], &["--special-token=<pad>"]].concat())
        .assert()
        .success()
        .stdout("the<pad>the");
}

#[test]
fn large_vocabularies_have_uint32() {
    let folder = Folder::new();
    let merges: Vec<(u32, u32)> = (0..65_300).map(|n| (n / 256, n % 256)).collect();
    let vocab = Vocab::from_merges(merges, &[]).unwrap();
    let largest = vocab.len() as u32 - 1;
    let text = vocab.token(largest).unwrap().to_vec();
    Tokenizer::new(vocab, Pattern::parse("(?s:.+)").unwrap())
        .save(&folder.path("tokenizer"))
        .unwrap();
    folder.write("text.txt", text);
    folder.encode(&[]).success().stderr(contains("uint32"));
    let tokens = TokenFile::open(&folder.path("out.npy")).unwrap();
    assert_eq!(tokens.token_type(), TokenType::U32);
    assert_eq!(tokens.iter(0..tokens.len()).max(), Some(largest));
}

#[test]
fn failures_are_one_line_and_leave_nothing() {
    let folder = Folder::new();
    folder.write("text.txt", "text");
    folder.write("not.npy", "text");
    fs::create_dir(folder.path("empty")).unwrap();
    let mut tokens = TokenWriter::create(&folder.path("strange.npy"), TokenType::U16).unwrap();
    tokens.write(&[1u16, 9999]).unwrap();
    tokens.finish().unwrap();
    folder.write("broken.npy", &fs::read(folder.path("strange.npy")).unwrap()[..131]);
    let before = folder.names();
    for (args, code, part) in [
        (&["--tokenizer=tokenizer", "--file=missing.txt", "--out=o"][..], 1, "missing.txt"),
        (&["--tokenizer=tokenizer", "--file=empty", "--out=o"], 1, "is a directory"),
        (&["--tokenizer=tokenizer", "--file=text.txt", "--out=empty"], 1, "is a directory"),
        (&["--tokenizer=tokenizer", "--file=text.txt", "--out=text.txt/o"], 1, "text.txt"),
        (&["--tokenizer=tokenizer", "--file=text.txt", "--out=-"], 2, "--decode"),
        (&["--tokenizer=empty", "--file=text.txt", "--out=o"], 1, "no tokenizer"),
        (&["--tokenizer=missing", "--file=text.txt", "--out=o"], 1, "missing"),
        (
            &["--tokenizer=tokenizer", "--file=text.txt", "--out=o", "--special-token="],
            2,
            "--special-token",
        ),
        (&["--tokenizer=tokenizer", "--file=text.txt"], 2, "--out"),
        (&["--tokenizer=tokenizer", "--file=text.txt", "--out=o", "--threads=0"], 2, "--threads"),
        (&["--decode", "--tokenizer=tokenizer", "--file=not.npy", "--out=o"], 1, "not.npy"),
        (
            &["--decode", "--tokenizer=tokenizer", "--file=broken.npy", "--out=o"],
            1,
            "3 bytes of data",
        ),
        (
            &["--decode", "--tokenizer=tokenizer", "--file=strange.npy", "--out=o"],
            1,
            "token id 9999",
        ),
        (&["--decode", "--tokenizer=tokenizer", "--file=empty", "--out=o"], 1, "is a directory"),
    ] {
        let output = folder.command(args).arg("--quiet").output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {message}");
        assert!(message.starts_with("error: ") && message.contains(part), "{args:?}: {message}");
        assert_eq!(message.lines().count(), 1, "{args:?}: {message}");
        assert_eq!(folder.names(), before, "{args:?}");
    }
}

#[test]
fn an_old_output_stays_when_the_work_fails() {
    let folder = Folder::new();
    let mut tokens = TokenWriter::create(&folder.path("strange.npy"), TokenType::U16).unwrap();
    tokens.write(&vec![1u16; 1 << 20]).unwrap();
    tokens.write(&[9999u16]).unwrap();
    tokens.finish().unwrap();
    folder.write("out.txt", "old");
    let args = ["--decode", "--tokenizer=tokenizer", "--file=strange.npy", "--out=out.txt"];
    folder.command(&args).assert().code(1);
    assert_eq!(fs::read(folder.path("out.txt")).unwrap(), b"old");
    assert_eq!(folder.names(), ["out.txt", "strange.npy", "tokenizer"]);
}

#[test]
#[cfg(unix)]
fn an_output_that_cannot_be_gone_back_in_is_refused_before_the_work() {
    let folder = Folder::new();
    folder.write("text.txt", "the thing");
    let args = ["--tokenizer", "tokenizer", "--file", "text.txt", "--out", "/dev/stdout"];
    let output = folder.command(&args).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
}

#[test]
fn the_input_is_not_replaced_by_the_output() {
    let folder = Folder::new();
    folder.write("text.txt", "the thing");
    for direction in [&["--out", "./text.txt"][..], &["--decode", "--out", "text.txt"]] {
        let args = [&["--tokenizer", "tokenizer", "--file", "text.txt"], direction].concat();
        folder.command(&args).assert().code(2).stderr(contains("is the --file itself"));
        assert_eq!(fs::read(folder.path("text.txt")).unwrap(), b"the thing");
    }
}

#[test]
#[cfg(unix)]
fn a_link_stays_a_link() {
    let folder = Folder::new();
    fs::create_dir(folder.path("disk")).unwrap();
    folder.write("text.txt", "the thing");
    folder.write("disk/tokens.npy", "old");
    std::os::unix::fs::symlink("disk/tokens.npy", folder.path("tokens.npy")).unwrap();
    let args = ["--tokenizer", "tokenizer", "--file", "text.txt", "--out", "tokens.npy"];
    folder.command(&args).assert().success();
    assert!(folder.path("tokens.npy").is_symlink());
    assert!(fs::read(folder.path("disk/tokens.npy")).unwrap().starts_with(b"\x93NUMPY"));
}

/// Ctrl-C while nothing comes from standard input.
#[test]
#[cfg(unix)]
fn control_c_ends_the_wait_for_a_text_that_does_not_come() {
    use std::process::{Command as Process, Stdio};
    let folder = Folder::new();
    let mut child = Process::new(assert_cmd::cargo::cargo_bin("encode"))
        .current_dir(folder.path(""))
        .args(["--tokenizer", "tokenizer", "--file", "-", "--out", "tokens.npy"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It listens for Ctrl-C before it says what it is going to do.
    let mut said = [0; 1];
    std::io::Read::read_exact(&mut child.stderr.take().unwrap(), &mut said).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"the beginning of a text").unwrap();
    let kill = Process::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(stdin);
    let left: Vec<_> = fs::read_dir(folder.path("")).unwrap().collect();
    assert_eq!(left.len(), 1, "only the tokenizer: {left:?}");
}
