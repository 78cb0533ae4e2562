//! Flags, help and version of the programs.

mod common;

use std::collections::BTreeMap;

use common::{Folder, fails, stderr, stdout};

const PROGRAMS: [&str; 4] = ["train-tokenizer", "encode", "train-model", "inference"];

fn help(program: &str) -> String {
    let folder = Folder::new();
    let output = folder.program(program).arg("--help").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    // The comparison does not depend on line breaks.
    stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn versions_and_what_all_have() {
    let folder = Folder::new();
    for program in PROGRAMS {
        let output = folder.program(program).arg("--version").output().unwrap();
        assert_eq!(stdout(&output), format!("{program} {}\n", env!("CARGO_PKG_VERSION")));
        let help = help(program);
        for flag in ["--threads <N>", "--processes", "--quiet", "--help", "--version"] {
            assert!(help.contains(flag), "{program} {flag}");
        }
        let output = folder.program(program).arg("--no-such-flag").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    }
}

#[test]
fn the_short_help_fits_on_a_screen_and_names_the_long_one() {
    let folder = Folder::new();
    for program in PROGRAMS {
        let output = folder.program(program).arg("-h").env("COLUMNS", "80").output().unwrap();
        let help = stdout(&output);
        assert!(help.contains("--help") && help.contains("-t, --threads"), "{program}\n{help}");
        let lines = help.lines().count();
        assert!((20..=40).contains(&lines), "{program}: {lines} lines\n{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{program}\n{help}");
    }
}

#[test]
fn the_long_help_ends_with_examples_and_environment_variables() {
    let folder = Folder::new();
    for program in PROGRAMS {
        let output = folder.program(program).arg("--help").output().unwrap();
        let help = stdout(&output);
        let end = &help[help.find("\nExamples:\n").expect(program)..];
        assert!(end.matches(&format!("    {program} ")).count() >= 2, "{program}\n{end}");
        for variable in ["RAYON_NUM_THREADS", "RUST_LOG", "NO_COLOR"] {
            assert!(end.contains(variable), "{program}\n{end}");
        }
        let computes = ["train-model", "inference"].contains(&program);
        assert_eq!(end.contains("LM_ISA"), computes, "{program}\n{end}");
    }
}

#[test]
fn a_flag_given_twice_is_wrong_usage_that_names_both_values() {
    let folder = Folder::new();
    for (program, args, flag) in [
        ("encode", &["--file", "1", "--out", "x", "--file=2"][..], "--file"),
        ("train-tokenizer", &["--dataset", "c", "--out", "1", "-o", "2"], "--out"),
        ("train-model", &["--train-dataset=c", "--lr", "1", "--learning-rate=2"], "--lr"),
        ("inference", &["--checkpoint=1", "--prompt=c", "-m", "2"], "--checkpoint"),
        ("inference", &["--checkpoint=c", "--prompt=1", "-p", "2"], "--prompt"),
    ] {
        let expected = format!("{flag}: takes one value, but 1 and 2 were given");
        fails(folder.program(program).args(args), 2, &[&expected]);
    }
    let args = ["--tokenizer=tokenizer", "--text=a", "--quiet", "-q", "--count", "--count"];
    folder.program("encode").args(args).assert().success().stdout("1\n");
}

#[test]
fn what_is_mistyped_gets_a_suggestion() {
    let folder = Folder::new();
    for (program, args, suggestion) in [
        ("encode", &["--flie", "a"][..], "(did you mean --file?)"),
        ("train-tokenizer", &["--datset", "a"], "(did you mean --dataset?)"),
        ("train-model", &["--train-dataset=a", "--ffn=swigl"], "(did you mean swiglu?)"),
        ("inference", &["--checkpont", "a"], "(did you mean --checkpoint?)"),
    ] {
        fails(folder.program(program).args(args), 2, &[suggestion, "see --help"]);
    }
}

#[test]
fn numbers_may_have_a_suffix() {
    let folder = Folder::new();
    let args = ["--steps", "2", "--total-tokens", "1k"];
    fails(folder.train("run", &args).arg("--quiet"), 2, &["--steps", "--total-tokens"]);
    folder.train("run", &["--steps", "0.002k", "--lr", "1e-3", "-q"]).assert().success();
    assert!(folder.path("run/step-000002").is_dir());
    let parts = ["'ten'", "expected a whole number, such as 10000, 10k or 2M"];
    fails(&mut folder.train("run", &["--steps", "ten"]), 2, &parts);
}

/// Returns the help of each flag that takes a value: the text from its name to the next flag.
fn flags(help: &str) -> BTreeMap<&str, &str> {
    let is_flag = |at: &usize| {
        let word = help[at + 1..].split(' ').next().unwrap_or_default();
        help[at + 1 + word.len()..].starts_with(" <")
    };
    let mut starts: Vec<usize> = help.match_indices(" --").map(|found| found.0).collect();
    starts.retain(is_flag);
    starts.push(help.len());
    let parts = starts.windows(2).map(|ends| help[ends[0]..ends[1]].trim_start());
    parts.map(|part| (&part[2..part.find(' ').unwrap()], part)).collect()
}

/// Checks the defaults in the help.
fn has_defaults(program: &str, defaults: &[(&str, &str)]) {
    let help = help(program);
    let flags = flags(&help);
    for (flag, default) in defaults {
        let text = flags[flag];
        assert!(text.contains(&format!("[default: {default}]")), "--{flag}: {default}\n{text}");
    }
}

#[test]
fn the_help_of_train_model_shows_every_default() {
    has_defaults(
        "train-model",
        &[
            ("checkpoint-dir", "data/checkpoints"),
            ("vocab-size", "the tokenizer's, else 10000"),
            ("context-length", "256"),
            ("d-model", "512"),
            ("num-heads", "16"),
            ("num-layers", "4"),
            ("d-ff", "1344; 2016 for silu and gelu"),
            ("rope-theta", "10000"),
            ("norm", "pre"),
            ("ffn", "swiglu"),
            ("batch-size", "32"),
            ("grad-accum", "1"),
            ("total-tokens", "40960000"),
            ("steps", "total-tokens ÷ (batch-size · grad-accum · context-length)"),
            ("lr", "0.001"),
            ("min-lr", "lr ÷ 100"),
            ("warmup-steps", "2 % of the steps"),
            ("grad-clip", "1"),
            ("beta1", "0.9"),
            ("beta2", "0.999"),
            ("eps", "0.00000001"),
            ("weight-decay", "0.01"),
            ("eval-every", "100"),
            ("eval-batches", "4"),
            ("checkpoint-every", "steps ÷ 5"),
            ("keep-checkpoints", "all"),
            ("log-every", "10"),
            ("seed", "0"),
            ("precision", "auto"),
            ("init-from", "random weights"),
        ],
    );
    let help = help("train-model");
    for part in [
        "[possible values: pre, post, none]",
        "[possible values: swiglu, geglu, silu, gelu]",
        "[possible values: auto, f32, bf16]",
        "--no-rope",
        "--resume",
        "--eval-only",
        "Data:",
        "Model:",
        "Training:",
        "Optimizer:",
        "Evaluation and checkpoints:",
        "General:",
    ] {
        assert!(help.contains(part), "{part}\n{help}");
    }
}

#[test]
fn the_help_of_inference_shows_every_default() {
    has_defaults(
        "inference",
        &[
            ("prompt", "open a prompt"),
            ("temperature", "1"),
            ("top-p", "0.9"),
            ("top-k", "off"),
            ("min-p", "off"),
            ("repetition-penalty", "1"),
            ("max-tokens", "256"),
            ("num-samples", "1"),
            ("seed", "from the system"),
            ("stop", "<|endoftext|>"),
            ("precision", "auto"),
        ],
    );
    let help = help("inference");
    for part in [
        "--checkpoint <DIR>",
        "possible values: auto, f32, bf16, int8",
        "--score",
        "--json",
        "Sampling:",
        "Output:",
    ] {
        assert!(help.contains(part), "{part}\n{help}");
    }
}

#[test]
fn the_help_of_the_tokenizers_programs_shows_every_default() {
    has_defaults(
        "train-tokenizer",
        &[
            ("vocab-size", "10000"),
            ("out", "data/tokenizer"),
            ("special-token", "<|endoftext|>"),
            ("pattern", "gpt2"),
        ],
    );
    has_defaults("encode", &[("tokenizer", "data/tokenizer")]);
}

#[test]
fn the_original_spellings_are_understood() {
    let folder = Folder::new();
    let args = [
        "--train_dataset=train.npy",
        "--val_dataset",
        "val.npy",
        "--checkpoint_dir=run",
        "--vocab_size=258",
        "--d_model=16",
        "--num_heads=2",
        "--num_layers=1",
        "--d_ff=32",
        "--context_length=16",
        "--batch_size=4",
        "--steps=2",
        "--processes=1",
        "--rope_theta=500",
    ];
    folder.program("train-model").args(args).assert().success();
    assert!(folder.path("run/latest/model.safetensors").is_file());
}

#[test]
fn the_log_says_beforehand_what_will_happen_and_quiet_says_nothing() {
    let folder = Folder::new();
    let output = folder.train("run", &["--steps", "3"]).output().unwrap();
    assert!(output.status.success() && output.stdout.is_empty());
    let log = stderr(&output);
    for part in [
        "parameters",
        "258",
        "tokens to train on",
        "3 steps of 4 × 1 × 16 tokens",
        "estimate: ",
        "of memory",
        "kernels",
    ] {
        assert!(log.contains(part), "{part}\n{log}");
    }
    assert!(log.find("estimate: ").unwrap() < log.find("step 1 of 3").unwrap());
    let quiet = folder.train("quiet", &["--steps", "3", "--quiet"]).output().unwrap();
    assert!(quiet.status.success() && quiet.stdout.is_empty() && quiet.stderr.is_empty());
}

#[test]
fn old_checkpoints_go_if_told_so() {
    let folder = Folder::new();
    let args = ["--steps", "6", "--checkpoint-every", "1", "--keep-checkpoints", "2", "--quiet"];
    folder.train("run", &args).assert().success();
    assert_eq!(
        folder.entries("run"),
        ["best", "latest", "loss.svg", "metrics.jsonl", "run.json", "step-000005", "step-000006"]
    );
}
