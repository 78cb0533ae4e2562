//! `encode --text`, `--count` and `--json`: tokens that one can see.

mod common;

use assert_cmd::Command;
use common::{Folder, fails};
use serde_json::Value;

const END: &str = "<|endoftext|>";

fn command(folder: &Folder, args: &[&str]) -> Command {
    let mut command = folder.program("encode");
    command.args(args);
    command
}

/// Encodes a text of the command line; returns standard output and standard error.
fn show(folder: &Folder, args: &[&str]) -> (String, String) {
    let output = command(folder, &[&["--tokenizer=tokenizer"], args].concat()).output().unwrap();
    assert!(output.status.success(), "{}", common::stderr(&output));
    (common::stdout(&output), common::stderr(&output))
}

#[test]
fn the_tokens_of_a_text_can_be_seen() {
    let folder = Folder::with_tokenizer();
    let text = format!("the other\n{END}\u{65e5}");
    let (ids, pieces) = show(&folder, &["--text", &text]);
    assert_eq!(ids, "258 32 111 258 114 10 256 230 151 165\n");
    assert_eq!(pieces, format!("the| |o|the|r|\\n|{END}|\\xe6|\\x97|\\xa5\n"));
    assert_eq!(show(&folder, &["--text", &text, "--quiet"]), (ids, String::new()));

    let (json, _) = show(&folder, &["--text", "the\n\u{e9}", "--json", "--quiet"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["ids"], serde_json::json!([258, 10, 195, 169]));
    assert_eq!(json["pieces"], serde_json::json!(["the", "\n", "\\xc3", "\\xa9"]));

    assert_eq!(show(&folder, &["--text", "the other", "--count", "--quiet"]).0, "5\n");
    assert_eq!(show(&folder, &["--text", "", "--quiet"]).0, "\n");
    assert_eq!(show(&folder, &["--text", "-x", "--quiet"]).0, "45 120\n");
    let args = ["--tokenizer=tokenizer", "--text=-", "--quiet"];
    command(&folder, &args).write_stdin("the").assert().success().stdout("258\n");
    assert_eq!(folder.entries(""), ["tokenizer"]);
}

#[test]
fn tokens_are_counted_without_a_file_and_summaries_are_json() {
    let folder = Folder::with_tokenizer();
    folder.write("text.txt", format!("the other{END}x"));
    let args = ["--file=text.txt", "--count", "--quiet"];
    assert_eq!(show(&folder, &args), ("7\n".into(), String::new()));
    let summary = |args: &[&str]| -> Value {
        serde_json::from_str(&show(&folder, &[args, &["--json", "--quiet"]].concat()).0).unwrap()
    };
    let counted = summary(&["--file=text.txt", "--count"]);
    let encoded = summary(&["--file=text.txt", "-o", "out.npy"]);
    for summary in [&counted, &encoded] {
        assert_eq!((&summary["bytes"], &summary["tokens"]), (&23.into(), &7.into()));
        assert_eq!(summary["documents"], 2);
        assert_eq!(summary["bytes_per_token"], 23.0 / 7.0);
        assert!(summary["seconds"].is_f64());
    }
    assert_eq!((&counted["out"], &encoded["out"]), (&Value::Null, &"out.npy".into()));
    let decoded = summary(&["--decode", "--file=out.npy", "--out=back.txt"]);
    assert_eq!((&decoded["tokens"], &decoded["out"]), (&7.into(), &"back.txt".into()));
    let args = ["--decode", "--file=out.npy", "--out=-", "--json"];
    fails(&mut command(&folder, &[&["--tokenizer=tokenizer"], &args[..]].concat()), 2, &["--json"]);
}
