//! `lm`, which has the other programs as sub-commands, with its completions and manual pages.

mod common;

use std::process::Command as Process;

use common::{Folder, fails, stderr, stdout, training_args};

const PROGRAMS: [&str; 4] = ["train-tokenizer", "encode", "train-model", "inference"];

/// Returns what `lm` with these arguments prints, which ends with 0.
fn lm(args: &[&str]) -> String {
    let output = Folder::empty().program("lm").args(args).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{args:?}\n{}", stderr(&output));
    stdout(&output)
}

/// Returns a text without its line breaks, which depend on the length of names.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn alone_it_lists_its_commands_in_the_order_of_the_pipeline() {
    let overview = lm(&[]);
    assert!(overview.lines().count() <= 24, "{overview}");
    let places = PROGRAMS.map(|name| overview.find(&format!("\n  {name} ")).expect(name));
    assert!(places.is_sorted(), "{overview}");
    assert_eq!(lm(&["-h"]), overview);
    assert_eq!(lm(&["--help"]), lm(&["help"]));
    assert_eq!(lm(&["--version"]), format!("lm {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_sub_command_has_the_help_of_the_program() {
    let folder = Folder::empty();
    for program in PROGRAMS {
        for flag in ["-h", "--help"] {
            let alone = stdout(&folder.program(program).arg(flag).output().unwrap());
            let help = lm(&[program, flag]);
            let renamed = help.replace(&format!("lm {program}"), program);
            assert_eq!(words(&renamed), words(&alone));
        }
        let help = lm(&[program, "--help"]);
        assert_eq!(lm(&["help", program]), help);
        assert!(help.contains(&format!("Usage: lm {program} [OPTIONS]")), "{help}");
        let examples = &help[help.find("\nExamples:").unwrap()..];
        let named = examples.matches(&format!("{program} -")).count();
        let through_lm = examples.matches(&format!("lm {program} -")).count();
        assert!(named >= 2 && named == through_lm, "{examples}");
    }
}

#[test]
fn examples_call_lm_once() {
    for command in [&PROGRAMS[..], &["completions", "man"]].concat() {
        let help = lm(&["help", command]);
        assert!(!help.contains("lm lm") && !help.contains("--out lm"), "{help}");
        assert!(help.contains(&format!("lm {command} ")), "{help}");
    }
}

#[test]
fn wrong_usage_is_that_of_the_program() {
    let folder = Folder::empty();
    for (args, parts) in [
        (&["encdoe"][..], &["encdoe", "(did you mean encode?)"][..]),
        (&["help", "encdoe"], &["encdoe", "(did you mean encode?)"]),
        (&["help", "encode", "inference"], &["unrecognized subcommand 'inference'; see --help"]),
        (&["--colr", "never"], &["(did you mean --color?)"]),
        (&["encode", "--flie", "a"], &["(did you mean --file?)", "see --help"]),
        (&["encode", "--file=1", "--out=x", "--file=2"], &["--file: takes one value", "1 and 2"]),
        (&["train-model", "--train-dataset=a", "--steps=ten"], &["'ten'", "such as 10000, 10k"]),
        (&["inference", "--checkpoint=no", "--top-p=2"], &["--top-p 2: expected"]),
        (&["completions", "bsh"], &["(did you mean bash?)"]),
        (&["completions", "bash", "--for", "encod"], &["(did you mean encode?)"]),
        (&["man"], &["--out <DIR>"]),
    ] {
        fails(folder.program("lm").args(args), 2, parts);
    }
    fails(folder.program("lm").args(["inference", "-m", "no"]), 1, &["--checkpoint", "no"]);
}

#[cfg(target_os = "linux")]
#[test]
fn help_that_cannot_be_written_is_an_error() {
    for args in [&["--help"][..], &["--version"], &["help", "encode"], &["encode", "-h"], &[]] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut lm = Process::new(assert_cmd::cargo::cargo_bin("lm"));
        let output = lm.args(args).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let expected = "error: standard output: No space left on device\n";
        assert_eq!(stderr(&output), expected, "{args:?}");
    }
}

#[test]
fn the_pipeline_runs_and_the_next_command_is_one_of_lm() {
    let folder = Folder::new();
    let run = |args: &[&str]| {
        let output = folder.program("lm").args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}\n{}", stderr(&output));
        (stdout(&output), stderr(&output))
    };
    run(&["train-tokenizer", "--dataset=text.txt", "--vocab_size=0.258k", "--out=tokenizer"]);
    run(&["encode", "--tokenizer=tokenizer", "--file=text.txt", "--out=train.npy"]);
    run(&["encode", "--tokenizer=tokenizer", "--file=text.txt", "--out=val.npy"]);
    let args = [&["train-model"], &training_args("run")[..], &["--steps", "2"]].concat();
    let (_, log) = run(&args);
    let lm = assert_cmd::cargo::cargo_bin("lm");
    let next = format!("next             {} inference --checkpoint run\n", lm.display());
    assert!(log.contains(&next), "{log}");
    let manifest: serde_json::Value = serde_json::from_slice(&folder.read("run/run.json")).unwrap();
    let line = manifest["sittings"][0]["command_line"].as_array().unwrap();
    assert_eq!(line[1..].iter().map(|arg| arg.as_str().unwrap()).collect::<Vec<_>>(), args);
    let (text, _) = run(&["inference", "-m", "run", "-p", "The", "-n", "3", "--seed=1"]);
    assert!(text.starts_with("The"), "{text}");
}

#[cfg(unix)]
#[test]
fn a_link_with_the_name_of_a_program_is_that_program() {
    let folder = Folder::empty();
    for program in PROGRAMS {
        let link = folder.path(program);
        std::os::unix::fs::symlink(assert_cmd::cargo::cargo_bin("lm"), &link).unwrap();
        let output = Process::new(link).arg("--version").output().unwrap();
        assert_eq!(stdout(&output), format!("{program} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn there_are_completions_for_each_shell_and_program() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        for program in [&["lm"], &PROGRAMS[..]].concat() {
            let script = lm(&["completions", shell, "--for", program]);
            assert!(script.contains(program) && script.contains("threads"), "{shell} {program}");
            // The original scripts' spelling is understood, but not suggested.
            assert!(!script.contains("vocab_size"), "{shell} {program}");
        }
        assert_eq!(lm(&["completions", shell]), lm(&["completions", shell, "--for", "lm"]));
    }
}

/// Returns what bash suggests for the last word of a command line.
fn bash_completes(line: &str) -> Vec<String> {
    let program = line.split(' ').next().unwrap();
    let script = format!(
        "source <(\"$LM\" completions bash --for {program})
         words=({line})
         [[ '{line}' == *' ' ]] && words+=('')
         COMP_WORDS=(\"${{words[@]}}\") COMP_CWORD=$((${{#words[@]}} - 1)) COMP_LINE='{line}'
         function=$(complete -p {program} | sed -E 's/.*-F ([^ ]+).*/\\1/')
         # Outside of a completion, compopt has nothing to change.
         compopt() {{ :; }}
         \"$function\" {program} \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"
         printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = Process::new("bash");
    let bash = bash.args(["-euc", &script]).env("LM", assert_cmd::cargo::cargo_bin("lm"));
    let folder = Folder::new();
    let output = bash.current_dir(folder.path("")).output().unwrap();
    assert!(output.status.success(), "{line}: {}", stderr(&output));
    stdout(&output).lines().map(String::from).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn bash_completes_commands_flags_values_and_files() {
    if Process::new("bash").arg("--version").output().is_err() {
        eprintln!("skipped: there is no bash");
        return;
    }
    assert_eq!(bash_completes("lm train-"), ["train-tokenizer", "train-model"]);
    assert_eq!(bash_completes("lm train-model --warm"), ["--warmup-steps"]);
    assert_eq!(bash_completes("lm train-model --ffn ge"), ["geglu", "gelu"]);
    assert_eq!(bash_completes("lm completions z"), ["zsh"]);
    assert_eq!(bash_completes("train-tokenizer --vocab"), ["--vocab-size"]);
    assert_eq!(bash_completes("inference --precision i"), ["int8"]);
    assert_eq!(bash_completes("encode --file tr"), ["train.npy"]);
}

#[test]
fn there_is_a_manual_page_for_each_command_and_program() {
    let folder = Folder::empty();
    folder.program("lm").args(["man", "--out", "pages"]).assert().success().stdout("");
    let subs = PROGRAMS.iter().chain(&["completions", "man"]).map(|name| format!("lm-{name}.1"));
    let mut expected: Vec<String> = PROGRAMS.iter().map(|name| format!("{name}.1")).collect();
    expected.extend(subs.chain(["lm.1".into()]));
    expected.sort();
    assert_eq!(folder.entries("pages"), expected);

    for name in &expected {
        let (page, name) =
            (folder.read_text(&format!("pages/{name}")), name.trim_end_matches(".1"));
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "EXAMPLES", "\"SEE ALSO\""] {
            assert_eq!(page.matches(&format!(".SH {section}\n")).count(), 1, "{name}: {section}");
        }
        // All flags that the long help has, and their other spellings.
        let (call, help) = match name.strip_prefix("lm-") {
            Some(command) => (format!("lm {command}"), lm(&[command, "--help"])),
            None => (name.into(), stdout(&folder.program(name).arg("--help").output().unwrap())),
        };
        let page = words(&page.replace('\\', ""));
        assert!(
            page.contains(&format!("{call}fR")) || page.contains(&format!("{call} ")),
            "{name}"
        );
        let flags = help.split([' ', '\n', ',', ']']).filter(|word| word.starts_with("--"));
        for flag in flags.map(|flag| flag.trim_end_matches(['.', ';', ':', ')'])) {
            assert!(page.contains(flag), "{name} {flag}\n{page}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn groff_has_nothing_to_say_against_a_manual_page() {
    let folder = Folder::empty();
    folder.program("lm").args(["man", "--out", "pages"]).assert().success();
    for page in folder.entries("pages") {
        let mut groff = Process::new("groff");
        groff.args(["-man", "-Tutf8", "-ww", "-z"]).arg(folder.path("pages").join(&page));
        let Ok(output) = groff.output() else {
            eprintln!("skipped: there is no groff");
            return;
        };
        assert!(output.status.success() && output.stderr.is_empty(), "{page}: {}", stderr(&output));
    }
}
