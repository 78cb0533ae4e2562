//! Flags, help and version of the programs.

mod common;

use common::{Folder, stderr, stdout};

const PROGRAMS: [&str; 4] = ["train-tokenizer", "encode", "train-model", "inference"];

fn help(program: &str) -> String {
    let folder = Folder::new();
    let output = folder.program(program).arg("--help").output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    // However the lines are broken.
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
fn the_help_of_train_model_shows_every_default() {
    let help = help("train-model");
    for part in [
        "--checkpoint-dir <DIR> Directory of the run: checkpoints, run.json, metrics.jsonl, loss.svg [default: data/checkpoints]",
        "[default: the tokenizer's, else 10000]",
        "[default: 256]",
        "[default: 512]",
        "[default: 16]",
        "[default: 4]",
        "[default: 1344; 2016 for silu and gelu]",
        "[default: 10000]",
        "[default: pre] [possible values: pre, post, none]",
        "[default: swiglu] [possible values: swiglu, geglu, silu, gelu]",
        "[default: 32]",
        "[default: 1]",
        "[default: 40960000]",
        "[default: total-tokens ÷ (batch-size · grad-accum · context-length)]",
        "[default: 0.001]",
        "[default: lr ÷ 100]",
        "[default: 2 % of the steps]",
        "[default: 0.9]",
        "[default: 0.999]",
        "[default: 0.00000001]",
        "[default: 0.01]",
        "[default: 100]",
        "[default: steps ÷ 5]",
        "[default: all]",
        "[default: 10]",
        "[default: 0]",
        "[default: auto] [possible values: auto, f32, bf16]",
        "[default: random weights]",
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
    let help = help("inference");
    for part in [
        "--checkpoint <DIR>",
        "[default: open a prompt]",
        "[default: 1]",
        "[default: 0.9]",
        "[default: off]",
        "[default: 256]",
        "[default: from the system]",
        "[default: <|endoftext|>]",
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
    let directories: Vec<String> =
        folder.names("run").into_iter().filter(|name| !name.contains('/')).collect();
    assert_eq!(
        directories,
        ["latest", "loss.svg", "metrics.jsonl", "run.json", "step-000005", "step-000006"]
    );
}
