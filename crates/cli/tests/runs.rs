//! Runs as a whole: configurations from files, dry runs, links to checkpoints, the tokenizer that
//! made the data, and warnings.
#![cfg(unix)]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use assert_cmd::Command;
use common::{Folder, fails, metrics, stderr, stdout, training_args, weights, without};
use lm::run::manifest::RunManifest;
use serde_json::{Value, json};

const STEPS: [&str; 6] = ["--steps", "40", "--eval-every", "10", "--checkpoint-every", "10"];

/// Returns `train-model` without `--tokenizer`.
fn without_tokenizer(folder: &Folder, run: &str) -> Command {
    let mut command = folder.program("train-model");
    command.args(without(training_args(run), "--tokenizer")).args(["--steps", "2"]);
    command
}

/// Copies a directory, and what its links lead to.
fn copy_without_links(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy_without_links(&from, &to);
        } else {
            fs::copy(&from, &to).unwrap();
        }
    }
}

/// Removes the checkpoints of a run after `step`.
fn cut_off(run: &Path, step: u64) {
    for entry in fs::read_dir(run).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let of = name.strip_prefix("step-").and_then(|digits| digits.parse::<u64>().ok());
        if of.is_some_and(|found| found > step) {
            fs::remove_dir_all(run.join(name)).unwrap();
        }
    }
    for link in ["latest", "best"] {
        let _ = fs::remove_file(run.join(link));
        symlink(format!("step-{step:06}"), run.join(link)).unwrap();
    }
}

/// Returns the step that a checkpoint's state names.
fn step_of(checkpoint: &Path) -> u64 {
    let text = fs::read_to_string(checkpoint.join("trainer_state.json")).unwrap();
    serde_json::from_str::<Value>(&text).unwrap()["step"].as_u64().unwrap()
}

/// Returns the text that `inference` writes after a prompt.
fn text(folder: &Folder, checkpoint: &str) -> String {
    let args = ["--prompt", "There", "--temperature", "0", "--max-tokens", "8", "--quiet"];
    let output =
        folder.program("inference").args(args).args(["--checkpoint", checkpoint]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

#[test]
fn a_copy_that_followed_the_links_goes_on_from_the_newest_checkpoint() {
    let folder = Folder::new();
    let steps = [&STEPS[..], &["--lr", "0.02"]].concat();
    folder.train("run", &steps).assert().success();
    let whole = weights(&folder.path("run"));
    cut_off(&folder.path("run"), 20);
    copy_without_links(&folder.path("run"), &folder.path("copy"));
    let copy = folder.path("copy");

    let output = folder.train("copy", &["--resume"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stderr(&output).matches("in the place of a link").count(), 2, "{output:?}");
    assert!(!stderr(&output).contains("cannot be written"), "{}", stderr(&output));
    assert_eq!(fs::read_link(copy.join("latest")).unwrap(), Path::new("step-000040"));
    assert!(fs::read_link(copy.join("best")).is_ok());
    assert_eq!(weights(&copy), whole);
    assert_eq!(text(&folder, "copy"), text(&folder, "copy/step-000040"));

    // A finished run, copied once more: nothing is to be done and nothing moves aside.
    copy_without_links(&copy, &folder.path("again"));
    let before = folder.entries("again");
    assert_eq!(text(&folder, "again"), text(&folder, "copy/step-000040"));
    let output = folder.train("again", &["--resume"]).output().unwrap();
    assert!(stderr(&output).contains("all 40 steps are done already"), "{}", stderr(&output));
    assert_eq!(folder.entries("again"), before);
    assert!(folder.path("again/latest").is_symlink());
}

#[test]
fn a_link_that_does_not_name_the_newest_checkpoint_is_put_right() {
    let folder = Folder::new();
    folder.train("other", &["--steps", "4", "--lr", "0.5"]).assert().success();
    folder.train("run", &STEPS).assert().success();
    let run = folder.path("run");
    let expected = text(&folder, "run/step-000040");
    let elsewhere = folder.path("other/step-000004");
    for target in ["step-000020", "step-000099", elsewhere.to_str().unwrap()] {
        fs::remove_file(run.join("latest")).unwrap();
        symlink(target, run.join("latest")).unwrap();
        assert_eq!(text(&folder, "run"), expected, "{target}");
        assert_eq!(text(&folder, "run/latest"), expected, "{target}");
        let output = folder.train("run", &["--resume"]).output().unwrap();
        let log = stderr(&output);
        assert!(log.contains("all 40 steps are done already"), "{target}: {log}");
        assert!(log.contains(&format!("names {target}")), "{log}");
        assert_eq!(fs::read_link(run.join("latest")).unwrap(), Path::new("step-000040"));
    }
    // A checkpoint that a copy left half-written is passed over.
    fs::write(run.join("step-000040/model.safetensors"), "half").unwrap();
    assert_eq!(text(&folder, "run"), text(&folder, "run/step-000030"));
    let output = folder.train("run", &["--resume"]).output().unwrap();
    assert!(stderr(&output).contains("step-000040/model.safetensors"), "{}", stderr(&output));
    assert_eq!(text(&folder, "run"), expected);
    assert!(run.join("earlier-1/step-000040").exists());
}

#[test]
fn the_best_checkpoint_is_linked_and_kept() {
    let folder = Folder::new();
    // Whoever learns English loses at noise.
    let noise: Vec<u16> = (0..400u64).map(|i| (i * i * 7919 % 257) as u16).collect();
    folder.write_tokens("noise.npy", &noise);
    let args = without(training_args("run"), "--val-dataset");
    let train = |more: &[&str]| {
        let mut command = folder.program("train-model");
        command.args(&args).args(["--val-dataset", "noise.npy", "--lr", "0.02"]).args(more);
        command
    };
    // Evaluations are rarer than checkpoints: each checkpoint has one all the same.
    let steps = ["--steps", "60", "--checkpoint-every", "10", "--eval-every", "60"];
    train(&[&steps[..], &["--keep-checkpoints", "1"]].concat()).assert().success();
    let run = folder.path("run");
    let best = fs::read_link(run.join("best")).unwrap();
    let lines = metrics(&run);
    let losses = lines.iter().filter_map(|line| Some((line.step, line.val_loss?)));
    let lowest = losses.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!(best, Path::new(&format!("step-{:06}", lowest.0)));
    assert!(lowest.0 < 60, "the last one is not the best one: {lowest:?}");
    assert_eq!(step_of(&run.join("best")), lowest.0);
    let checkpoints: Vec<String> =
        folder.entries("run").into_iter().filter(|name| name.starts_with("step")).collect();
    assert_eq!(checkpoints, [best.to_str().unwrap(), "step-000060"]);
    assert_eq!(
        text(&folder, "run/best"),
        text(&folder, best.to_str().map(|name| format!("run/{name}")).unwrap().as_str())
    );
}

#[test]
fn a_run_goes_on_without_its_paths() {
    let folder = Folder::new();
    let args = [&STEPS[..], &["--sample-prompt", "There"]].concat();
    folder.train("run", &args).assert().success();
    let run = folder.path("run");
    let (whole, samples) = (weights(&run), folder.read("run/samples.txt"));
    let resume = |more: &[&str]| {
        let mut command = folder.program("train-model");
        command.args(["--resume", "--checkpoint-dir", "run", "--quiet"]).args(more);
        command
    };
    cut_off(&run, 20);
    resume(&[]).assert().success();
    assert_eq!(weights(&run), whole);
    assert_eq!(folder.read("run/samples.txt"), samples);

    cut_off(&run, 20);
    fs::rename(folder.path("train.npy"), folder.path("moved.npy")).unwrap();
    fails(&mut resume(&[]), 1, &["run/run.json names train.npy", "--train-dataset"]);
    fails(&mut resume(&["--train-dataset", "val.npy"]), 1, &["not the tokens"]);
    resume(&["--train-dataset", "moved.npy"]).assert().success();
    assert_eq!(weights(&run), whole);

    fs::remove_file(run.join("run.json")).unwrap();
    fails(&mut resume(&[]), 2, &["--train-dataset", "run/run.json"]);
    let mut nothing = folder.program("train-model");
    let parts = ["data/checkpoints (the default of --checkpoint-dir)", "no checkpoint there"];
    fails(nothing.args(["--resume", "--quiet"]), 1, &parts);
}

#[test]
fn a_run_without_a_checkpoint_begins_again_as_it_was_planned() {
    let folder = Folder::new();
    folder.train("run", &STEPS).assert().success();
    let run = folder.path("run");
    let whole = weights(&run);
    for name in ["step-000010", "step-000020", "step-000030", "step-000040"] {
        fs::remove_dir_all(run.join(name)).unwrap();
    }
    let mut command = folder.program("train-model");
    let output = command.args(["--resume", "--checkpoint-dir", "run"]).output().unwrap();
    assert!(stderr(&output).contains("no checkpoint was written yet"), "{}", stderr(&output));
    assert_eq!(weights(&run), whole);
}

#[test]
fn a_configuration_repeats_a_run_and_flags_override_it() {
    let folder = Folder::new();
    let given = ["--lr", "0.0031415926", "--no-rope", "--seed", "5", "--decay-norms", "false"];
    folder.train("run", &[&STEPS[..], &given].concat()).assert().success();
    let again = |run: &str, more: &[&str]| {
        let mut command = folder.program("train-model");
        command.args(["--config", "run/run.json", "--checkpoint-dir", run]).args(more);
        command.assert().success();
        RunManifest::read(&folder.path(run)).unwrap().unwrap()
    };
    let first = RunManifest::read(&folder.path("run")).unwrap().unwrap();
    let same = again("same", &[]);
    assert_eq!(weights(&folder.path("same")), weights(&folder.path("run")));
    assert_eq!((&same.model, &same.training), (&first.model, &first.training));
    assert_eq!((&same.val_data, &same.tokenizer), (&first.val_data, &first.tokenizer));

    let other = again("other", &["--lr", "0.1", "--steps", "100"]);
    let derived = (other.training.min_lr, other.training.warmup_steps);
    assert_eq!(derived, (Some(0.001), Some(2)), "what follows from them follows the typed ones");
    assert_eq!(other.training.checkpoint_every(), 10, "this one was given");
    assert_eq!((other.training.seed, other.model.no_rope), (5, true));
    let shorter = again("shorter", &["--total-tokens", "640", "--rope-theta", "500"]);
    assert_eq!((shorter.training.steps(), shorter.model.rope_theta), (10, Some(500.0)));

    let mut command = folder.program("train-model");
    fails(command.args(["--config", "nowhere.json", "--quiet"]), 1, &["--config", "nowhere.json"]);
    folder.write("other.json", "{\"steps\": 3}");
    let mut command = folder.program("train-model");
    fails(command.args(["--config", "other.json", "--quiet"]), 1, &["--config", "other.json"]);
}

#[test]
fn a_configuration_of_version_0_1_names_its_tokenizer_in_the_command_line() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/version-0.1");
    let manifest = RunManifest::read(&fixture.join("run")).unwrap().unwrap();
    assert_eq!(manifest.tokenizer_path().as_deref(), Some("tokenizer"));
    let folder = Folder::empty();
    copy_without_links(&fixture, &folder.path("files"));
    let args = ["--config", "run/run.json", "--steps", "30", "--checkpoint-dir", "new"];
    let mut command = folder.program("train-model");
    command.current_dir(folder.path("files")).args(args).assert().success();
    let new = RunManifest::read(&folder.path("files/new")).unwrap().unwrap();
    assert_eq!((new.model, new.training.beta2), (manifest.model, 0.95));
    assert!(new.tokenizer_sha256.is_some() && folder.path("files/new/latest/vocab.json").exists());
}

#[test]
fn a_dry_run_says_what_would_run_and_touches_nothing() {
    let folder = Folder::new();
    let output = folder.train("run", &["--steps", "30", "--dry-run"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for part in ["parameters", "d-model 16", "30 steps", "1920 tokens", "lr 0.001", "of memory"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.contains("estimate: ") && text.contains("for 30 steps"), "{text}");
    assert!(!folder.path("run").exists());

    folder.train("run", &STEPS).assert().success();
    cut_off(&folder.path("run"), 20);
    let before = folder.names("run");
    let output = folder.train("run", &["--dry-run", "--quiet"]).output().unwrap();
    assert!(stdout(&output).contains("earlier-N"), "{}", stdout(&output));
    let resumed = ["--resume", "--checkpoint-dir", "run", "--dry-run", "--quiet"];
    let output = folder.program("train-model").args(resumed).output().unwrap();
    assert!(stdout(&output).contains("step-000020"), "{}", stdout(&output));
    assert_eq!(folder.names("run"), before);
    fails(&mut folder.train("run", &["--dry-run", "--steps", "0"]), 2, &["--steps 0"]);
}

#[test]
fn presets_are_listed_without_any_other_flag() {
    let folder = Folder::empty();
    for args in [&["--preset", "list"][..], &["--preset=list"]] {
        let output = folder.program("train-model").args(args).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let list = stdout(&output);
        assert!(list.starts_with("tinystories\n"), "{list}");
        for part in ["demo\n", "--d-model 128", "tinystories\n", "--beta2 0.95", "--d-ff 2048"] {
            assert!(list.contains(part), "{part}\n{list}");
        }
    }
}

/// Encodes `text.txt` with the tokenizer in `tokenizer`.
fn encode(folder: &Folder, tokenizer: &str, out: &str) {
    let args = ["--tokenizer", tokenizer, "--file", "text.txt", "--out", out, "--quiet"];
    folder.program("encode").args(args).assert().success();
}

#[test]
fn the_tokenizer_that_made_the_tokens_is_taken_and_another_one_refused() {
    let folder = Folder::new();
    // Of the same size: nothing but the digest tells them apart.
    folder.write_tokenizer("other", &[(b'h'.into(), b'e'.into())]);
    encode(&folder, "tokenizer", "train.npy");
    encode(&folder, "tokenizer", "val.npy");
    encode(&folder, "other", "other.npy");

    let output = without_tokenizer(&folder, "found").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("tokenizer: tokenizer, which made train.npy"));
    let manifest = RunManifest::read(&folder.path("found")).unwrap().unwrap();
    let digest = bpe::Tokenizer::load(folder.path("tokenizer")).unwrap().digest();
    assert_eq!(manifest.tokenizer_sha256.as_deref(), Some(&*digest));
    assert_eq!(
        (manifest.model.vocab_size, &*manifest.tokenizer.unwrap()),
        (Some(258), "tokenizer")
    );
    let state: Value =
        serde_json::from_slice(&folder.read("found/latest/trainer_state.json")).unwrap();
    assert_eq!(state["tokenizer_sha256"], json!(digest));
    text(&folder, "found");

    let with = |run: &str, flags: &[&str]| {
        let mut command = without_tokenizer(&folder, run);
        command.args(flags).arg("--quiet");
        command
    };
    let other = ["--tokenizer", "other"];
    fails(&mut with("new", &other), 1, &["--tokenizer", "train.npy", "--any-tokenizer"]);
    with("new", &["--tokenizer", "other", "--any-tokenizer"]).assert().success();

    // Two tokenizers, and a model that knows another one.
    let args = without(without(training_args("new"), "--tokenizer"), "--val-dataset");
    let val = |run: &str, more: &[&str]| {
        let mut command = folder.program("train-model");
        let args = without(args.clone(), "--checkpoint-dir");
        command.args(args).args(["--steps=2", "--quiet", "--checkpoint-dir", run]).args(more);
        command
    };
    let parts = ["--val-dataset: other.npy was made by another tokenizer (other) than train.npy"];
    fails(&mut val("mixed", &["--val-dataset", "other.npy"]), 1, &parts);
    let mut from = folder.program("train-model");
    let args = ["--train-dataset=other.npy", "--init-from=found", "--steps=2", "--quiet"];
    from.args(args).args(["--batch-size=4", "--checkpoint-dir=tuned"]);
    fails(&mut from, 1, &["--init-from", "other.npy", "--any-tokenizer"]);
    from.arg("--any-tokenizer").assert().success();
    let mut eval = folder.program("train-model");
    eval.args(["--eval-only", "--init-from=found", "--val-dataset=other.npy", "--quiet"]);
    fails(&mut eval, 1, &["other.npy", "--any-tokenizer"]);
    assert!(!folder.path("mixed").exists());
}

#[test]
fn a_tokenizer_that_is_gone_still_tells_its_size() {
    let folder = Folder::new();
    encode(&folder, "tokenizer", "train.npy");
    fs::rename(folder.path("tokenizer"), folder.path("elsewhere")).unwrap();
    let output = without_tokenizer(&folder, "run").output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let log = stderr(&output);
    assert_eq!(log.matches("warning: ").count(), 1, "{log}");
    assert!(log.contains("--tokenizer DIR"), "{log}");
    let manifest = RunManifest::read(&folder.path("run")).unwrap().unwrap();
    assert_eq!((manifest.model.vocab_size, manifest.tokenizer), (Some(258), None));
    assert!(manifest.tokenizer_sha256.is_some());

    // Without a sidecar, as before.
    fs::remove_file(folder.path("train.npy.json")).unwrap();
    let output = without_tokenizer(&folder, "plain").output().unwrap();
    assert_eq!(stderr(&output).matches("warning: ").count(), 1, "{}", stderr(&output));
    assert_eq!(
        RunManifest::read(&folder.path("plain")).unwrap().unwrap().model.vocab_size,
        Some(10_000)
    );
}

#[test]
fn checkpoints_say_how_texts_begin() {
    let folder = Folder::new();
    let begins = |run: &str| {
        let config = folder.read(&format!("{run}/latest/tokenizer_config.json"));
        let config: Value = serde_json::from_slice(&config).unwrap();
        config["add_bos_token"].clone()
    };
    folder.train("without", &["--steps", "2"]).assert().success();
    assert_eq!(begins("without"), json!(false));
    let ids: Vec<u16> = (0..2000).map(|i| if i % 50 == 0 { 256 } else { 97 + i % 20 }).collect();
    folder.write_tokens("train.npy", &ids);
    folder.train("with", &["--steps", "2"]).assert().success();
    assert_eq!(begins("with"), json!(true));
    let load = |dir: &str| bpe::Tokenizer::load(folder.path(dir)).unwrap();
    assert_eq!(load("with/latest").begin_of_text(), bpe::BeginOfText::Token(256));
    assert_eq!(load("with/latest").digest(), load("tokenizer").digest());
    folder.train("with", &["--resume", "--steps", "3"]).assert().success();
    assert_eq!(begins("with"), json!(true));
}

#[test]
fn data_sets_that_measure_nothing_are_warned_about() {
    let folder = Folder::new();
    let args = without(training_args("run"), "--val-dataset");
    let warnings = |val: &str| {
        let mut command = folder.program("train-model");
        command.args(&args).args(["--steps", "2", "--val-dataset", val]);
        stderr(&command.output().unwrap())
    };
    fs::copy(folder.path("train.npy"), folder.path("copy.npy")).unwrap();
    assert!(warnings("copy.npy").contains("warning: --val-dataset: copy.npy: the same tokens"));
    folder.write_tokens("long.npy", &[97; 5000]);
    assert!(warnings("long.npy").contains("5000 tokens, more than the 2000 to train on"));
    assert!(!warnings("val.npy").contains("warning: --val-dataset"));
}

#[test]
fn the_program_records_its_own_commit_and_that_of_the_working_directory() {
    let folder = Folder::new();
    folder.train("plain", &["--steps", "2"]).assert().success();
    let session =
        |run: &str| RunManifest::read(&folder.path(run)).unwrap().unwrap().sessions.remove(0);
    let own = session("plain").git_revision;
    assert_eq!(own.as_deref(), option_env!("LM_GIT_REVISION"));
    assert_eq!(session("plain").working_directory_git_revision, None);
    let git = |args: &[&str]| {
        let mut git = std::process::Command::new("git");
        let name = ["-c", "user.name=A", "-c", "user.email=a@example.org"];
        let output = git.args(name).args(args).current_dir(folder.path("")).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        stdout(&output).trim().to_string()
    };
    git(&["init", "-q"]);
    git(&["commit", "-q", "--allow-empty", "-m", "mine"]);
    folder.train("mine", &["--steps", "2"]).assert().success();
    assert_eq!(session("mine").working_directory_git_revision, Some(git(&["rev-parse", "HEAD"])));
    assert_eq!(session("mine").git_revision, own);
}
