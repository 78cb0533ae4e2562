//! `--color`, `NO_COLOR` and `CLICOLOR_FORCE`, in pipes and at a terminal.

mod common;

use assert_cmd::Command;
use common::{Folder, stderr, stdout};

const ERROR: &str = "\x1b[31m\x1b[1merror:\x1b[0m ";
const WARNING: &str = "\x1b[33m\x1b[1mwarning:\x1b[0m ";

/// Returns what a command writes to both streams.
fn written(command: &mut Command) -> String {
    let output = command.output().unwrap();
    stdout(&output) + &stderr(&output)
}

#[test]
fn in_a_pipe_the_flag_counts_most_and_the_environment_next() {
    let folder = Folder::new();
    let commands = [
        &["lm", "help", "encode"][..],
        &["encode", "--help"],
        &["train-model", "-h"],
        &["inference", "--no-such-flag"],
        &["lm", "no-such-command"],
        &["lm", "inference", "--checkpoint=no-such-directory"],
        &["lm", "encode", "--tokenizer=tokenizer", "--text=the"],
        &["lm", "train-tokenizer", "--dataset=text.txt", "--vocab-size=5k", "--out=made"],
    ];
    for command in commands {
        let (program, args) = command.split_first().unwrap();
        for (variables, flag, has_colors) in [
            (&[][..], None, false),
            (&[("CLICOLOR_FORCE", "1")], None, true),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], None, false),
            (&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "")], None, true),
            (&[("NO_COLOR", "1")], Some("--color=always"), true),
            (&[("CLICOLOR_FORCE", "1")], Some("--color=never"), false),
            (&[("CLICOLOR_FORCE", "1")], Some("--color=auto"), true),
        ] {
            let mut command = folder.program(program);
            command.envs(variables.iter().copied()).args(args).args(flag);
            let text = written(&mut command);
            assert_eq!(text.contains('\x1b'), has_colors, "{command:?}\n{text}");
        }
    }
}

#[test]
fn errors_and_warnings_begin_with_a_coloured_word() {
    let folder = Folder::new();
    let run = |args: &[&str]| stderr(&folder.program("lm").args(args).output().unwrap());
    // The flag may stand before the mistake or after it, before the command or after it.
    for args in [
        &["--color", "always", "encode", "--flie"][..],
        &["encode", "--color=always", "--flie"],
        &["encode", "--flie", "--color", "always"],
    ] {
        let message = run(args);
        assert!(message.starts_with(&format!("{ERROR}unexpected argument '--flie'")), "{message}");
        assert_eq!(message.matches('\x1b').count(), 3, "{message}");
    }
    let failed = run(&["inference", "--checkpoint=no-such-directory", "--color=always"]);
    assert!(failed.starts_with(&format!("{ERROR}--checkpoint")), "{failed}");
    let args = ["train-tokenizer", "--dataset=text.txt", "--vocab-size=5k", "--out=made"];
    let log = run(&[&args[..], &["--color=always"]].concat());
    assert!(log.contains(&format!("{WARNING}--vocab-size: ")), "{log}");
    assert!(run(&args).contains("\nwarning: --vocab-size: "), "{log}");
}

#[test]
fn what_is_no_text_of_ours_has_no_colours() {
    let folder = Folder::with_tokenizer();
    let args = ["--tokenizer=tokenizer", "--text=the other", "--color=always"];
    let output = folder.program("encode").args(args).output().unwrap();
    assert_eq!(stdout(&output), "258 32 111 258 114\n");
    assert!(stderr(&output).contains("\x1b[38;5;16;48;5;183mthe\x1b[0m"), "{}", stderr(&output));
    // A name with an escape sequence does not paint the terminal.
    folder.write("\x1b[31mred", "the");
    let args = ["--tokenizer=tokenizer", "--file=\x1b[31mred", "--out=\x1b[31mred.npy"];
    let log = stderr(&folder.program("encode").args(args).arg("--color=always").output().unwrap());
    assert!(log.contains("red") && !log.contains('\x1b'), "{log:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn at_a_terminal_there_are_colours_unless_told_otherwise() {
    let folder = Folder::new();
    folder.checkpoint("run");
    let lm = assert_cmd::cargo::cargo_bin("lm");
    let text = "encode --tokenizer tokenizer --text 'The dog'";
    let generate = "inference --checkpoint run --prompt 'The dog' --max-tokens 5 --seed 1";
    for line in ["help encode", "encode --no-such-flag", text, generate] {
        for (variable, flag, has_colors) in [
            ("A=1", "", true),
            ("NO_COLOR=1", "", false),
            ("NO_COLOR=", "", true),
            ("TERM=dumb", "", false),
            ("CLICOLOR=0", "", false),
            ("A=1", "--color never", false),
            ("NO_COLOR=1", "--color always", true),
        ] {
            let line = format!("{variable} '{}' {flag} {line}", lm.display());
            let Some(screen) = folder.at_a_terminal(&format!("env {line}")) else { return };
            assert_eq!(screen.contains('\x1b'), has_colors, "{line}\n{screen}");
        }
    }
    // A pipe has none, although the other stream is a terminal.
    let line = format!("'{}' {generate} --quiet | cat", lm.display());
    assert!(!folder.at_a_terminal(&line).unwrap().contains('\x1b'));
    let line = format!("'{}' {generate} --quiet --color always | cat", lm.display());
    assert!(folder.at_a_terminal(&line).unwrap().starts_with("\x1b[36mThe dog\x1b[0m"));
}
