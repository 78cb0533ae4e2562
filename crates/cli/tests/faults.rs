//! Bad input gets one line on standard error that names the file or flag, exit code 1 (2 for
//! usage), and leaves nothing half-written behind.

mod common;

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use common::{Folder, SMALL, fails};

/// Returns `train-model` with a small model and `args`.
fn train(folder: &Folder, args: &[&str]) -> Command {
    let mut command = folder.program("train-model");
    command.args(SMALL).args(["--quiet", "--steps", "2", "--checkpoint-dir", "run"]).args(args);
    if !args.contains(&"--vocab-size") {
        command.args(["--vocab-size", "258"]);
    }
    command
}

fn inference(folder: &Folder, checkpoint: &str, args: &[&str]) -> Command {
    let mut command = folder.program("inference");
    command
        .args(["--quiet", "--max-tokens", "3", "--prompt", "There", "--checkpoint", checkpoint])
        .args(args);
    command
}

/// Writes the changed content of `old` to `new`.
fn altered(old: &Path, new: &Path, change: impl Fn(Vec<u8>) -> Vec<u8>) {
    fs::write(new, change(fs::read(old).unwrap())).unwrap();
}

/// Replaces text in a file with text of the same length.
fn replace(path: &Path, old: &str, new: &str) {
    assert_eq!(old.len(), new.len());
    altered(path, path, |bytes| {
        let at = bytes
            .windows(old.len())
            .position(|window| window == old.as_bytes())
            .expect("the text is there");
        [&bytes[..at], new.as_bytes(), &bytes[at + old.len()..]].concat()
    });
}

/// Copies a directory of files.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn a_path_that_is_not_there_is_to_be_checked() {
    let folder = Folder::new();
    let args = ["--train-dataset", "nope.npy", "--quiet"];
    fails(folder.program("train-model").args(args), 1, &["nope.npy", "check the path"]);
    let args = ["--tokenizer", "tokenizer", "--file", "nope.txt", "--out", "x.npy", "--quiet"];
    fails(folder.program("encode").args(args), 1, &["nope.txt", "check the path"]);
    let args = ["--tokenizer", "nope", "--file", "text.txt", "--out", "x.npy", "--quiet"];
    fails(folder.program("encode").args(args), 1, &["nope", "check the path"]);
    let args = ["--checkpoint", "nope", "--prompt", "a", "--quiet"];
    fails(folder.program("inference").args(args), 1, &["nope", "check the path"]);
}

#[test]
fn paths_that_are_missing_empty_or_directories() {
    let folder = Folder::new();
    fs::write(folder.path("empty"), "").unwrap();
    fs::create_dir(folder.path("directory")).unwrap();
    for path in ["missing", "empty", "directory"] {
        fails(&mut train(&folder, &["--train-dataset", path]), 1, &["--train-dataset", path]);
        let args = ["--train-dataset", "train.npy", "--val-dataset", path];
        fails(&mut train(&folder, &args), 1, &["--val-dataset", path]);
        let args = ["--train-dataset", "train.npy", "--tokenizer", path];
        fails(&mut train(&folder, &args), 1, &["--tokenizer", path]);
        let args = ["--train-dataset", "train.npy", "--init-from", path];
        fails(&mut train(&folder, &args), 1, &["--init-from", path]);
        fails(&mut inference(&folder, path, &[]), 1, &["--checkpoint", path]);
        fails(
            &mut inference(&folder, path, &["--tokenizer", "tokenizer"]),
            1,
            &["--checkpoint", path],
        );
    }
    assert!(!folder.path("run").exists());
}

#[test]
fn token_files_that_are_none() {
    let folder = Folder::new();
    let whole = folder.path("train.npy");
    let header = |old: &'static str, new: &'static str| {
        move |bytes: Vec<u8>| {
            String::from_utf8(bytes[10..128].to_vec())
                .map(|text| {
                    assert_eq!(old.len(), new.len());
                    assert!(text.contains(old), "{text}");
                    [&bytes[..10], text.replace(old, new).as_bytes(), &bytes[128..]].concat()
                })
                .unwrap()
        }
    };
    altered(&whole, &folder.path("cut-header.npy"), |bytes| bytes[..40].to_vec());
    altered(&whole, &folder.path("cut.npy"), |bytes| bytes[..bytes.len() - 3].to_vec());
    altered(&whole, &folder.path("float.npy"), header("<u2", "<f2"));
    altered(&whole, &folder.path("big-endian.npy"), header("<u2", ">u2"));
    altered(&whole, &folder.path("matrix.npy"), header("(2000,), ", "(2,1000),"));
    altered(&whole, &folder.path("huge.npy"), header("(2000,), }      ", "(2000000000,), }"));
    fs::write(folder.path("text.npy"), "There was once a little girl.").unwrap();
    for name in [
        "cut-header.npy",
        "cut.npy",
        "float.npy",
        "big-endian.npy",
        "matrix.npy",
        "huge.npy",
        "text.npy",
    ] {
        fails(&mut train(&folder, &["--train-dataset", name]), 1, &["--train-dataset", name]);
    }
    assert!(!folder.path("run").exists());
}

#[test]
fn ids_that_do_not_fit_the_vocabulary() {
    let folder = Folder::new();
    let mut ids = vec![7; 5000];
    ids[4321] = 258;
    folder.write_tokens("high.npy", &ids);
    fails(
        &mut train(&folder, &["--train-dataset", "high.npy"]),
        1,
        &["high.npy", "id 258", "below 258"],
    );
    let args = ["--train-dataset", "train.npy", "--val-dataset", "high.npy"];
    fails(&mut train(&folder, &args), 1, &["--val-dataset", "high.npy", "id 258"]);
    assert!(!folder.path("run").exists());
    train(&folder, &["--train-dataset", "high.npy", "--vocab-size", "259"]).assert().success();
}

#[test]
fn a_data_set_has_to_be_longer_than_the_context() {
    let folder = Folder::new();
    folder.write_tokens("short.npy", &[1; 16]);
    folder.write_tokens("enough.npy", &[1; 17]);
    fails(
        &mut train(&folder, &["--train-dataset", "short.npy"]),
        1,
        &["short.npy", "16 tokens", "at least 17"],
    );
    let args = ["--train-dataset", "enough.npy", "--val-dataset", "short.npy"];
    fails(&mut train(&folder, &args), 1, &["--val-dataset", "short.npy"]);
    assert!(!folder.path("run").exists());
    let args = ["--train-dataset", "enough.npy", "--val-dataset", "enough.npy"];
    train(&folder, &args).assert().success();
}

#[test]
fn shapes_and_settings_that_make_no_model() {
    let folder = Folder::new();
    let with = |args: &[&str], parts: &[&str]| {
        let mut command = folder.program("train-model");
        let data =
            ["--train-dataset", "train.npy", "--checkpoint-dir", "run", "--quiet", "--steps", "2"];
        fails(command.args(data).args(args), 2, parts);
    };
    with(&["--d-model", "30", "--num-heads", "4"], &["--d-model 30", "--num-heads 4"]);
    with(&["--d-model", "30", "--num-heads", "10"], &["heads of 3"]);
    with(&["--num-layers", "0"], &["--num-layers"]);
    with(&["--d-model", "99999999999"], &["--d-model"]);
    with(&["--lr", "fast"], &["--lr"]);
    with(&["--lr", "-1"], &["--lr -1"]);
    with(&["--colour", "red"], &["--colour"]);
    with(&["--no-rope", "--rope-theta", "500"], &["--no-rope", "--rope-theta"]);
    with(&["--total-tokens", "5"], &["--total-tokens", "--steps"]);
    with(&["--precision", "int8"], &["--precision", "int8"]);
    with(&["--threads", "0"], &["--threads"]);
    with(&["--eval-only"], &["--init-from"]);
    fails(&mut folder.program("train-model"), 2, &["--train-dataset"]);
    assert!(!folder.path("run").exists());
}

// On other systems the size of the memory is unknown, and the run would begin.
#[cfg(any(target_os = "linux", target_os = "macos"))]
#[test]
fn a_model_that_no_memory_holds() {
    let folder = Folder::new();
    let args = ["--train-dataset", "train.npy", "--batch-size", "4000000000"];
    let mut command = folder.program("train-model");
    let data = ["--checkpoint-dir", "run", "--quiet", "--steps", "2"];
    fails(command.args(data).args(args), 1, &["--batch-size 4000000000", "GB"]);
}

#[test]
fn a_vocabulary_that_does_not_hold_the_tokenizer() {
    let folder = Folder::new();
    let args = ["--train-dataset", "train.npy", "--tokenizer", "tokenizer", "--vocab-size", "257"];
    fails(&mut train(&folder, &args), 1, &["--vocab-size 257", "258"]);
    let mut command = folder.program("train-tokenizer");
    command.args(["--dataset", "text.txt", "--vocab-size", "256", "--out", "new", "--quiet"]);
    let output = command.output().unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
    assert!(!folder.path("new").exists());
}

#[test]
fn checkpoints_that_are_damaged() {
    let folder = Folder::new();
    let whole = folder.checkpoint("good");
    let damage = |name: &str, harm: &dyn Fn(&Path), parts: &[&str]| {
        let dir = folder.path(name);
        copy(&whole, &dir);
        harm(&dir);
        fails(&mut inference(&folder, name, &[]), 1, parts);
        let mut command = folder.program("train-model");
        let args = [
            "--train-dataset",
            "train.npy",
            "--checkpoint-dir",
            "run",
            "--quiet",
            "--init-from",
            name,
        ];
        fails(command.args(args), 1, parts);
    };
    let weights = |dir: &Path| dir.join("model.safetensors");
    let cut = |count: usize| {
        move |dir: &Path| {
            altered(&weights(dir), &weights(dir), |bytes| bytes[..bytes.len() - count].to_vec())
        }
    };
    damage("cut", &cut(100), &["model.safetensors"]);
    damage(
        "cut-header",
        &cut(fs::read(weights(&whole)).unwrap().len() - 20),
        &["model.safetensors"],
    );
    damage(
        "misnamed",
        &|dir| replace(&weights(dir), "model.norm.weight", "model.nose.weight"),
        &["model.no"],
    );
    damage("misshapen", &|dir| replace(&weights(dir), "[258,16]", "[16,258]"), &["258"]);
    damage("no-weights", &|dir| fs::remove_file(weights(dir)).unwrap(), &["model.safetensors"]);
    damage("no-json", &|dir| fs::write(dir.join("config.json"), "{").unwrap(), &["config.json"]);
    damage(
        "deeper",
        &|dir| replace(&dir.join("config.json"), "_layers\": 1", "_layers\": 2"),
        &["model.layers.1"],
    );
    damage("gpt", &|dir| replace(&dir.join("config.json"), "LlamaFor", "GizmoFor"), &["Gizmo"]);
    assert!(!folder.path("run").exists());
}

#[test]
fn tokenizers_that_are_none() {
    let folder = Folder::new();
    folder.checkpoint("good");
    let with_tokenizer = |vocab: &str, merges: &str| {
        let dir = folder.path("bad");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join("vocab.json"), vocab).unwrap();
        fs::write(dir.join("merges.txt"), merges).unwrap();
    };
    let vocab = fs::read_to_string(folder.path("tokenizer/vocab.json")).unwrap();
    let check = |parts: &[&str]| {
        fails(
            &mut inference(&folder, "good", &["--tokenizer", "bad"]),
            1,
            &[&["--tokenizer", "bad"], parts].concat(),
        );
    };
    with_tokenizer(&vocab.replace("257", "300"), "#version: 0.2\nt h\n");
    check(&["vocab.json"]);
    with_tokenizer(&vocab, "#version: 0.2\nt h\nth e\n");
    check(&["merge 1", "\"the\""]);
    with_tokenizer(&vocab, "#version: 0.2\nt h\nqu een\n");
    check(&["merges.txt", "qu"]);
    with_tokenizer("[1, 2]", "");
    check(&["vocab.json"]);
    fs::remove_file(folder.path("bad/vocab.json")).unwrap();
    check(&[]);
}

#[test]
#[cfg(unix)]
fn a_device_in_the_place_of_a_file() {
    let folder = Folder::new();
    let whole = folder.checkpoint("good");
    for name in ["tokenizer.json", "config.json", "model.safetensors"] {
        copy(&whole, &folder.path("run/step-000004"));
        let path = folder.path("run/step-000004").join(name);
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        fails(&mut inference(&folder, "run", &[]), 1, &[name, "not a regular file"]);
        fs::remove_dir_all(folder.path("run")).unwrap();
    }
}

#[test]
fn settings_of_inference_that_make_no_sense() {
    let folder = Folder::new();
    let with = |args: &[&str], parts: &[&str]| {
        fails(&mut inference(&folder, "missing", args), 2, parts);
    };
    with(&["--temperature", "-1"], &["--temperature -1"]);
    with(&["--temperature", "NaN"], &["--temperature NaN"]);
    with(&["--top-p", "1.5"], &["--top-p 1.5"]);
    with(&["--top-p", "0"], &["--top-p 0"]);
    with(&["--top-k", "0"], &["--top-k 0"]);
    with(&["--num-samples", "0"], &["--num-samples 0"]);
    with(&["--stop", ""], &["--stop"]);
    with(&["--num-samples", "2", "--score"], &["--num-samples", "--score"]);
    for flags in [&["--json"][..], &["--num-samples", "2"]] {
        fails(
            folder.program("inference").args(["--checkpoint", "missing"]).args(flags),
            2,
            &["--prompt"],
        );
    }
    fails(
        folder.program("inference").env("LM_ISA", "abacus").args(["--checkpoint", "missing"]),
        1,
        &["missing"],
    );
}

#[test]
fn a_tokenizer_that_is_not_the_models() {
    let folder = Folder::new();
    folder.checkpoint("good");
    let vocab =
        bpe::Vocab::from_merges(vec![(97, 98), (98, 99)], &["<|endoftext|>".to_string()]).unwrap();
    bpe::Tokenizer::new(vocab, bpe::Pattern::gpt2()).save(folder.path("larger")).unwrap();
    let mut command = inference(&folder, "good", &["--tokenizer", "larger"]);
    fails(&mut command, 1, &["--tokenizer", "larger", "259", "258"]);
    fs::remove_file(folder.path("good/latest/tokenizer.json")).unwrap();
    fs::remove_file(folder.path("good/latest/vocab.json")).unwrap();
    fails(&mut inference(&folder, "good", &[]), 1, &["no tokenizer", "--tokenizer DIR"]);
}

#[test]
fn folders_that_cannot_be_written() {
    let folder = Folder::new();
    fs::write(folder.path("file"), "").unwrap();
    for place in ["file", "file/below"] {
        let mut command = folder.train(place, &["--quiet", "--steps", "2"]);
        fails(&mut command, 1, &["--checkpoint-dir", place]);
    }
    assert_eq!(fs::read(folder.path("file")).unwrap(), b"");
}

#[test]
fn kernels_that_are_not_there() {
    let folder = Folder::new();
    let mut command = train(&folder, &["--train-dataset", "train.npy"]);
    fails(command.env("LM_ISA", "abacus"), 1, &["LM_ISA=abacus", "portable"]);
    assert!(!folder.path("run").exists());
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_leaves_the_checkpoint() {
    let folder = Folder::new();
    let checkpoint = folder.checkpoint("good");
    // The same model with weights so large that the products overflow.
    let mut model = model::Transformer::load(&checkpoint).unwrap();
    for tensor in model.parameters_mut().tensors_mut() {
        tensor.as_mut_slice().iter_mut().for_each(|weight| *weight *= 1e37);
    }
    model.save(folder.path("large")).unwrap();
    let mut command = folder.program("train-model");
    let args = [
        "--train-dataset",
        "train.npy",
        "--checkpoint-dir",
        "run",
        "--quiet",
        "--init-from",
        "large",
    ];
    fails(command.args(args).args(["--steps", "2"]), 1, &["step 1", "--lr", "no checkpoint"]);
    assert_eq!(folder.names("run"), ["metrics.jsonl", "run.json"]);

    // A learning rate that ruins the weights after the first checkpoint.
    let ruin = [
        "--steps",
        "50",
        "--lr",
        "1e30",
        "--norm",
        "none",
        "--checkpoint-every",
        "1",
        "--quiet",
        "--warmup-steps",
        "0",
    ];
    let output = folder.train("ruined", &ruin).output().unwrap();
    let message = common::stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(
        message.starts_with("error: step ")
            && message.contains("the last good checkpoint is ruined/step-"),
        "{message}"
    );
    assert!(model::Transformer::load(folder.path("ruined/latest")).is_ok());
}
