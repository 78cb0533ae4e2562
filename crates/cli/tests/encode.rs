//! The program `encode`, run as a user runs it.

mod common;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use assert_cmd::assert::Assert;
use bpe::{Pattern, Tokenizer, Vocab};
use common::{Folder, fails};
use lm::data::tokens::{TokenFile, TokenType};
use predicates::prelude::*;
use predicates::str::contains;
use serde_json::Value;

const END: &str = "<|endoftext|>";

fn command(folder: &Folder, args: &[&str]) -> Command {
    let mut command = folder.program("encode");
    command.args(args);
    command
}

/// Encodes `text.txt` to `out.npy`.
fn encode(folder: &Folder, args: &[&str]) -> Assert {
    let fixed = ["--tokenizer", "tokenizer", "--file", "text.txt", "--out", "out.npy"];
    command(folder, &[&fixed[..], args].concat()).assert()
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
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", format!("the other{END}x"));
    encode(&folder, &[]).success().stdout("").stderr(
        contains("uint16")
            .and(contains("23 bytes, 7 tokens, 3.286 bytes per token"))
            .and(contains("MB/s")),
    );
    assert_eq!(ids(&folder.path("out.npy")), [258, 32, 111, 258, 114, 256, 120]);
}

#[test]
fn any_bytes_come_back_and_threads_do_not_matter() {
    let folder = Folder::with_tokenizer();
    let text = long_text();
    folder.write("text.txt", &text);
    encode(&folder, &["--threads", "1", "--quiet"]).success().stderr("");
    let one = folder.read("out.npy");
    encode(&folder, &["--processes=3"]).success();
    assert!(folder.read("out.npy") == one);
    let whole = Tokenizer::load(folder.path("tokenizer")).unwrap().encode(&text).unwrap();
    assert!(ids(&folder.path("out.npy")) == whole);

    let decode = ["--decode", "--tokenizer=tokenizer", "--file=out.npy"];
    command(&folder, &[&decode[..], &["--out=back.txt"]].concat()).assert().success();
    assert!(folder.read("back.txt") == text);
    let printed =
        command(&folder, &[&decode[..], &["--out=-", "--quiet"]].concat()).output().unwrap();
    assert!(printed.stdout == text && printed.stderr.is_empty() && printed.status.success());
}

#[test]
fn standard_input_is_read() {
    let folder = Folder::with_tokenizer();
    let text = long_text();
    folder.write("text.txt", &text);
    encode(&folder, &[]).success();
    let args = ["--tokenizer=tokenizer", "--file=-", "--out=new/piped.npy"];
    command(&folder, &args).write_stdin(text).assert().success();
    let piped = folder.read("new/piped.npy");
    assert!(piped == folder.read("out.npy"));
    let back = ["--decode", "--tokenizer=tokenizer", "--file=-", "--out=-"];
    command(&folder, &back)
        .write_stdin(piped)
        .assert()
        .success()
        .stdout(predicate::function(|out: &[u8]| out == long_text()));
}

#[test]
fn the_header_is_numpys() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", "abc");
    encode(&folder, &[]).success();
    let file = folder.read("out.npy");
    assert_eq!(file.len(), 128 + 6);
    assert!(file.starts_with(
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '<u2', 'fortran_order': False, 'shape': (3,), } "
    ));
    assert_eq!(file[127], b'\n');
}

#[test]
fn empty_texts_are_empty_files() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", "");
    encode(&folder, &[]).success().stderr(contains("0 bytes, 0 tokens"));
    assert!(TokenFile::open(&folder.path("out.npy")).unwrap().is_empty());
}

#[test]
fn special_tokens_can_be_added() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", "the<pad>the");
    encode(&folder, &["--special-token", "<pad>", "--special-token=the"])
        .success()
        .stderr(contains("<|endoftext|> <pad> the"));
    assert_eq!(ids(&folder.path("out.npy")), [258, 260, 258]);
    let decode = ["--decode", "--tokenizer=tokenizer", "--file=out.npy", "--out=-"];
    command(&folder, &decode).assert().code(1).stderr(contains("expected the one of 261 tokens"));
    let insisting = [&decode[..], &["--any-tokenizer"]].concat();
    command(&folder, &insisting).assert().code(1).stderr(contains("token id 260"));
    command(&folder, &[&decode[..], &["--special-token=<pad>", "--special-token=the"]].concat())
        .assert()
        .success()
        .stdout("the<pad>the");
}

#[test]
fn large_vocabularies_have_uint32() {
    let folder = Folder::with_tokenizer();
    let merges: Vec<(u32, u32)> = (0..65_300).map(|n| (n / 256, n % 256)).collect();
    let vocab = Vocab::from_merges(merges, &[]).unwrap();
    let largest = vocab.len() as u32 - 1;
    let text = vocab.token(largest).unwrap().to_vec();
    Tokenizer::new(vocab, Pattern::parse("(?s:.+)").unwrap())
        .save(folder.path("tokenizer"))
        .unwrap();
    folder.write("text.txt", text);
    encode(&folder, &[]).success().stderr(contains("uint32"));
    let tokens = TokenFile::open(&folder.path("out.npy")).unwrap();
    assert_eq!(tokens.token_type, TokenType::U32);
    assert_eq!(tokens.iter(0..tokens.len()).max(), Some(largest));
}

#[test]
fn failures_are_one_line_and_leave_nothing() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", "text");
    folder.write("not.npy", "text");
    fs::create_dir(folder.path("empty")).unwrap();
    folder.write_tokens("strange.npy", &[1, 9999]);
    folder.write("broken.npy", &folder.read("strange.npy")[..131]);
    let before = folder.entries("");
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
        fails(command(&folder, args).arg("--quiet"), code, &[part]);
        assert_eq!(folder.entries(""), before, "{args:?}");
    }
}

#[test]
fn an_old_output_stays_when_the_work_fails() {
    let folder = Folder::with_tokenizer();
    let mut ids = vec![1; 1 << 20];
    ids.push(9999);
    folder.write_tokens("strange.npy", &ids);
    folder.write("out.txt", "old");
    let args = ["--decode", "--tokenizer=tokenizer", "--file=strange.npy", "--out=out.txt"];
    command(&folder, &args).assert().code(1);
    assert_eq!(folder.read("out.txt"), b"old");
    assert_eq!(folder.entries(""), ["out.txt", "strange.npy", "tokenizer"]);
}

#[test]
#[cfg(unix)]
fn an_output_that_cannot_be_gone_back_in_is_refused_before_the_work() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", "the thing");
    let args = ["--tokenizer", "tokenizer", "--file", "text.txt", "--out", "/dev/stdout"];
    let output = command(&folder, &args).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
}

#[test]
fn the_input_is_not_replaced_by_the_output() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", "the thing");
    for direction in [&["--out", "./text.txt"][..], &["--decode", "--out", "text.txt"]] {
        let args = [&["--tokenizer", "tokenizer", "--file", "text.txt"], direction].concat();
        command(&folder, &args).assert().code(2).stderr(contains("is the --file itself"));
        assert_eq!(folder.read("text.txt"), b"the thing");
    }
}

#[test]
#[cfg(unix)]
fn a_link_stays_a_link() {
    let folder = Folder::with_tokenizer();
    fs::create_dir(folder.path("disk")).unwrap();
    folder.write("text.txt", "the thing");
    folder.write("disk/tokens.npy", "old");
    std::os::unix::fs::symlink("disk/tokens.npy", folder.path("tokens.npy")).unwrap();
    let args = ["--tokenizer", "tokenizer", "--file", "text.txt", "--out", "tokens.npy"];
    command(&folder, &args).assert().success();
    assert!(folder.path("tokens.npy").is_symlink());
    assert!(folder.read("disk/tokens.npy").starts_with(b"\x93NUMPY"));
}

/// Ctrl-C and SIGTERM while nothing comes from standard input.
#[test]
#[cfg(unix)]
fn signals_end_the_wait_for_a_text_that_does_not_come() {
    ends_with("-INT", 130);
    ends_with("-TERM", 143);
}

#[cfg(unix)]
fn ends_with(signal: &str, code: i32) {
    use std::io::{Read, Write};
    use std::process::Stdio;
    let folder = Folder::with_tokenizer();
    let mut child = folder
        .process("encode")
        .args(["--tokenizer", "tokenizer", "--file", "-", "--out", "tokens.npy"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The program listens for Ctrl-C before it logs its configuration.
    child.stderr.take().unwrap().read_exact(&mut [0; 1]).unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"the beginning of a text").unwrap();
    common::kill(signal, child.id());
    assert_eq!(child.wait().unwrap().code(), Some(code));
    drop(stdin);
    assert_eq!(folder.entries(""), ["tokenizer"]);
}

/// Reads the sidecar of a token file as JSON.
fn sidecar(folder: &Folder, npy: &str) -> Value {
    serde_json::from_slice(&folder.read(&format!("{npy}.json"))).unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_file_beside_the_tokens_says_what_made_them() {
    let folder = Folder::with_tokenizer();
    let text = format!("the thing{END}the other{END}and more");
    folder.write("text.txt", &text);
    encode(&folder, &[]).success();
    let written = sidecar(&folder, "out.npy");
    let tokenizer = Tokenizer::load(folder.path("tokenizer")).unwrap();
    assert_eq!(written["tokenizer"]["sha256"], tokenizer.digest());
    assert_eq!(written["tokenizer"]["vocab_size"], 260);
    assert_eq!(written["tokenizer"]["path"], "tokenizer");
    assert_eq!(written["sources"][0]["path"], "text.txt");
    assert_eq!(written["sources"][0]["bytes"], text.len());
    assert_eq!(written["sources"][0]["sha256_of_first_mib"], sha256(text.as_bytes()));
    assert_eq!(written["bytes"], text.len());
    assert_eq!(written["tokens"], ids(&folder.path("out.npy")).len());
    assert_eq!(written["documents"], 3);
    assert_eq!(written["version"], env!("CARGO_PKG_VERSION"));

    let args = ["--tokenizer=tokenizer", "--file=-", "--out=piped.npy"];
    command(&folder, &args).write_stdin(text).assert().success();
    let mut piped = sidecar(&folder, "piped.npy");
    assert_eq!(piped["sources"][0]["path"], "-");
    piped["sources"][0]["path"] = "text.txt".into();
    assert_eq!(piped, written);
}

#[test]
#[cfg(unix)]
fn the_sidecar_lies_beside_the_file_that_a_link_names() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", "the thing");
    fs::create_dir(folder.path("disk")).unwrap();
    std::os::unix::fs::symlink("disk/far.npy", folder.path("out.npy")).unwrap();
    folder.write("out.npy.json", "of an older file");
    encode(&folder, &[]).success();
    assert_eq!(folder.entries("disk"), ["far.npy", "far.npy.json"]);
    assert!(!folder.path("out.npy.json").exists());
    // A device has none.
    let args = ["--tokenizer=tokenizer", "--file=text.txt", "--out=/dev/null"];
    command(&folder, &args).assert().success();
    assert!(!Path::new("/dev/null.json").exists());
}

#[test]
fn white_space_after_the_last_end_of_text_is_no_document() {
    let folder = Folder::with_tokenizer();
    for (text, documents) in [
        (format!("the{END}\nthe{END}\n"), 2),
        (format!("the{END}\n \t"), 1),
        (format!("the{END}\n the"), 2),
        (format!("the{END}{END}"), 2),
        ("the\n".into(), 1),
        (String::new(), 0),
        // More than one chunk.
        (format!("the{END}\n").repeat(200_000), 200_000),
    ] {
        folder.write("text.txt", &text);
        encode(&folder, &[]).success();
        let shown = &text[..text.len().min(40)];
        assert_eq!(sidecar(&folder, "out.npy")["documents"], documents, "{shown:?}");
    }
}

#[test]
fn without_a_named_tokenizer_the_one_that_made_the_tokens_decodes_them() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", "the thing");
    encode(&folder, &[]).success();
    let decode = || command(&folder, &["--decode", "--file=out.npy", "--out=-"]);
    let said = contains("tokenizer: tokenizer, which made out.npy");
    decode().assert().success().stdout("the thing").stderr(said);
    // The name is now another tokenizer's, and there is no default.
    folder.write_tokenizer("tokenizer", &[(b'x'.into(), b'h'.into())]);
    fails(decode().arg("--quiet"), 1, &["data/tokenizer, the default, does not exist"]);
}

#[test]
fn tokens_are_decoded_with_the_tokenizer_that_made_them() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", "the thing");
    encode(&folder, &[]).success();
    // Another one of the same size.
    let merges = [(b'x'.into(), b'h'.into()), (257, b'e'.into()), (b' '.into(), 258)];
    folder.write_tokenizer("other", &merges);
    let decode = |tokenizer, more: &[&str]| {
        let args = ["--decode", "--tokenizer", tokenizer, "--file=out.npy", "--out=-"];
        command(&folder, &[&args[..], more].concat())
    };
    let parts = ["--tokenizer: out.npy was made by another tokenizer", "--any-tokenizer"];
    fails(decode("other", &[]).arg("--quiet"), 1, &parts);
    decode("other", &["--any-tokenizer"]).assert().success().stdout("xhe xhing");
    // The same tokenizer elsewhere, in other files.
    folder.write_tokenizer("moved", &[(b't'.into(), b'h'.into()), (257, 101), (32, 258)]);
    fs::remove_file(folder.path("moved/tokenizer.json")).unwrap();
    decode("moved", &[]).assert().success().stdout("the thing");
    // A sidecar that is about other tokens, and a file from elsewhere, say nothing.
    folder.write("more.txt", "more of the text");
    let args = ["--tokenizer=tokenizer", "--file=more.txt", "--out=more.npy"];
    command(&folder, &args).assert().success();
    fs::copy(folder.path("more.npy.json"), folder.path("out.npy.json")).unwrap();
    decode("other", &[]).assert().success().stderr(contains("warning: out.npy.json: ignored"));
    fs::remove_file(folder.path("out.npy.json")).unwrap();
    decode("other", &[]).assert().success().stderr(contains("warning").not());
}

#[test]
fn what_is_no_text_is_refused_unless_one_insists() {
    let folder = Folder::with_tokenizer();
    let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    folder.write("text.txt", "the thing");
    encode(&folder, &[]).success();
    let npy = folder.read("out.npy");
    for (content, seems) in [
        (utf_16("\u{feff}the thing"), "UTF-16 (little-endian)"),
        (utf_16("the thing"), "UTF-16 (little-endian)"),
        (npy, "a .npy file"),
        (b"\x1f\x8b\x08\x00\x00".to_vec(), "gzip"),
        (b"PK\x03\x04rest".to_vec(), "a zip archive"),
        (b"text\0text".to_vec(), "binary"),
    ] {
        folder.write("text.txt", &content);
        let from_file = ["--tokenizer=tokenizer", "--file=text.txt", "--out=o.npy", "--quiet"];
        let parts = ["error: --file: text.txt: seems to be ", seems, "--binary"];
        fails(&mut command(&folder, &from_file), 1, &parts);
        let piped = ["--tokenizer=tokenizer", "--file=-", "--out=o.npy", "--quiet"];
        let parts = ["error: --file: standard input: seems to be ", seems, "--binary"];
        fails(command(&folder, &piped).write_stdin(content.clone()), 1, &parts);
        assert!(!folder.path("o.npy").exists());
        command(&folder, &from_file).arg("--binary").assert().success();
        let back = ["--decode", "--tokenizer=tokenizer", "--file=o.npy", "--out=back"];
        command(&folder, &back).assert().success();
        assert_eq!(folder.read("back"), content);
        fs::remove_file(folder.path("o.npy")).unwrap();
    }
    // Bytes that are not UTF-8 are kept, as ever.
    folder.write("text.txt", b"caf\xe9 \xff\xfe");
    encode(&folder, &[]).success();
}

#[test]
fn tokens_from_standard_input_have_no_other_name() {
    let folder = Folder::with_tokenizer();
    let decode = ["--decode", "--tokenizer=tokenizer", "--file=-", "--out=-", "--quiet"];
    let mut program = command(&folder, &decode);
    fails(program.write_stdin("text"), 1, &["error: --file: standard input: found no .npy"]);
    let mut program = command(&folder, &decode);
    program.env("TMPDIR", folder.path("none"));
    fails(program.write_stdin("text"), 1, &["TMPDIR"]);
}

#[test]
fn a_default_that_is_not_there_is_named_as_one() {
    let folder = Folder::empty();
    let parts = ["--tokenizer: data/tokenizer, the default, does not exist", "train-tokenizer"];
    fails(&mut command(&folder, &["--text", "a"]), 1, &parts);
}

/// A pipe that is full and would not block, as some parents set it.
#[test]
#[cfg(unix)]
fn a_pipe_that_would_block_is_waited_for() {
    use std::io::Read;
    use std::process::Stdio;
    let folder = Folder::with_tokenizer();
    folder.write_tokens("tokens.npy", &vec![97; 1 << 20]);
    let (mut reader, writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    let mut process = folder.process("encode");
    process.args(["--decode", "--tokenizer=tokenizer", "--file=tokens.npy", "--out=-"]);
    let mut child = process.stdout(Stdio::from(writer)).stderr(Stdio::piped()).spawn().unwrap();
    // The last handle of the writing end is the child's.
    drop(process);
    std::thread::sleep(std::time::Duration::from_millis(300));
    let mut text = Vec::new();
    reader.read_to_end(&mut text).unwrap();
    let mut message = String::new();
    child.stderr.take().unwrap().read_to_string(&mut message).unwrap();
    assert!(child.wait().unwrap().success(), "{message}");
    assert!(text == vec![b'a'; 1 << 20], "{} bytes", text.len());
}
