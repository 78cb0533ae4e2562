//! The whole chain with the real programs: text → tokenizer → tokens → model → text.

mod common;

use std::fs;

use common::{Folder, SMALL, stderr, stdout};
use serde_json::Value;

/// Makes a folder with a text and all that follows from it: `tok/`, `ids.npy`, `run/`.
fn chain() -> Folder {
    let folder = Folder::new();
    let story =
        "Tom had a red ball.<|endoftext|>\nAnn had a blue ball. They played.<|endoftext|>\n";
    fs::write(folder.path("stories.txt"), story.repeat(60)).unwrap();
    folder
        .program("train-tokenizer")
        .args(["--dataset=stories.txt", "--vocab_size=280", "--out=tok"])
        .assert()
        .success();
    folder
        .program("encode")
        .args(["--tokenizer=tok", "--file=stories.txt", "--out=ids.npy", "--processes=2"])
        .assert()
        .success();
    folder
        .program("train-model")
        .args([
            "--train-dataset=ids.npy",
            "--val-dataset=ids.npy",
            "--lr=0.01",
            "--checkpoint-dir=run",
        ])
        .args(["--tokenizer", "tok", "--steps", "150", "--eval-every", "50", "--eval-batches", "0"])
        .args(SMALL)
        .assert()
        .success();
    folder
}

#[test]
fn from_text_to_text() {
    let folder = chain();
    for name in [
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "vocab.json",
        "merges.txt",
        "tokenizer.json",
        "tokenizer_config.json",
        "optimizer.safetensors",
        "trainer_state.json",
    ] {
        assert!(folder.path("run/latest").join(name).is_file(), "{name}");
    }
    let names = folder.names("run");
    for step in ["step-000030", "step-000060", "step-000090", "step-000120", "step-000150"] {
        assert!(names.contains(&step.to_string()), "{names:?}");
    }
    let config: Value =
        serde_json::from_str(&fs::read_to_string(folder.path("run/latest/config.json")).unwrap())
            .unwrap();
    assert_eq!((&config["eos_token_id"], &config["vocab_size"]), (&256.into(), &280.into()));

    let lines = common::metrics(&folder.path("run"));
    let (first, last) = (&lines[0], &lines[lines.len() - 1]);
    assert_eq!((first.step, last.step, last.tokens), (1, 150, 150 * 4 * 16));
    assert!(first.train_loss > 5.0 && last.val_loss.unwrap() < 1.5, "{first:?} {last:?}");
    assert!(fs::read_to_string(folder.path("run/loss.svg")).unwrap().contains("validation"));

    // The same measure from outside, of the same weights.
    let output = folder
        .program("train-model")
        .args([
            "--eval-only",
            "--init-from",
            "run",
            "--val-dataset",
            "ids.npy",
            "--batch-size",
            "4",
        ])
        .output()
        .unwrap();
    let evaluation: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(stdout(&output).lines().count(), 1);
    assert_eq!(evaluation["val_loss"].as_f64(), last.val_loss);
    let ids = lm::data::tokens::TokenFile::open(&folder.path("ids.npy")).unwrap();
    assert_eq!(evaluation["tokens"], ids.len() as u64 - 1);

    let generate = |args: &[&str]| {
        let mut command = folder.program("inference");
        command.args(["--checkpoint", "run", "--prompt", "Tom had"]).args(args);
        command.output().unwrap()
    };
    let output = generate(&["--temperature", "0"]);
    assert_eq!(stdout(&output), "Tom had a red ball.", "{}", stderr(&output));
    assert_eq!(
        stdout(&generate(&["--seed", "7"])),
        stdout(&generate(&["--seed", "7", "--threads", "1"]))
    );
}

#[test]
fn going_on_from_a_model_keeps_its_shape_and_tokenizer() {
    let folder = chain();
    let more = |args: &[&str]| {
        let mut command = folder.program("train-model");
        command
            .args([
                "--train-dataset=ids.npy",
                "--checkpoint-dir=more",
                "--init-from=run",
                "--steps=2",
                "--quiet",
            ])
            .args(args);
        command
    };
    more(&["--context-length", "8", "--batch-size", "2"]).assert().success();
    let config: Value =
        serde_json::from_str(&fs::read_to_string(folder.path("more/latest/config.json")).unwrap())
            .unwrap();
    assert_eq!(
        (&config["hidden_size"], &config["max_position_embeddings"]),
        (&16.into(), &8.into())
    );
    assert_eq!(
        fs::read(folder.path("more/latest/tokenizer.json")).unwrap(),
        fs::read(folder.path("run/latest/tokenizer.json")).unwrap()
    );
    common::fails(
        &mut more(&["--d-model", "32", "--norm", "post"]),
        1,
        &["--d-model 32 (there 16)", "--norm post"],
    );
    common::fails(&mut more(&["--context-length", "32"]), 1, &["--context-length 32"]);
}

#[test]
fn a_profile_says_where_the_time_of_a_step_goes() {
    let folder = Folder::new();
    // No evaluation within the two steps.
    let args = ["--steps", "4", "--profile", "2", "--checkpoint-every", "4"];
    let output = folder.train("run", &args).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for part in ["measured peaks", "linear", "attention", "AdamW", "gradient norm", "batch", "all"]
    {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    // The calls of one step, not of both: q, k, v; o; gate, up; and down of one block.
    let linear = text.lines().find(|line| line.starts_with("linear ")).unwrap();
    assert_eq!(linear.split_whitespace().nth(7), Some("4"), "{text}");
    let silent = folder.train("other", &["--steps", "2"]).output().unwrap();
    assert_eq!(stdout(&silent), "");
}
