//! The files of a run beside checkpoints and metrics: run.json, samples.txt, TensorBoard's events;
//! presets and schedules.
#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use common::{Folder, fails, stdout, weights};
use lm::charts::compare::Run;
use lm::run::checkpoint::RunLock;
use lm::run::manifest::RunManifest;

const STEPS: [&str; 8] =
    ["--steps", "40", "--eval-every", "10", "--checkpoint-every", "10", "--log-every", "5"];

/// Leaves the run as if it had been killed after step 25.
fn cut_off(run: &Path) {
    for step in ["step-000030", "step-000040"] {
        fs::remove_dir_all(run.join(step)).unwrap();
    }
    fs::remove_file(run.join("latest")).unwrap();
    std::os::unix::fs::symlink("step-000020", run.join("latest")).unwrap();
}

#[test]
fn samples_and_events_change_nothing_and_resume_with_the_run() {
    let folder = Folder::new();
    folder.train("plain", &STEPS).assert().success();
    let all = [&STEPS[..], &["--sample-prompt", "There was", "--tensorboard"]].concat();
    folder.train("told", &all).assert().success();
    let (plain, told) = (folder.path("plain"), folder.path("told"));
    assert_eq!(weights(&plain), weights(&told));

    let samples = fs::read_to_string(told.join("samples.txt")).unwrap();
    let headings: Vec<&str> = samples.lines().filter(|line| line.starts_with("=== ")).collect();
    assert_eq!(headings, ["=== step 10", "=== step 20", "=== step 30", "=== step 40"]);
    assert_eq!(samples.matches("\nThere was").count(), 4, "{samples}");
    let events = || fs::read_dir(told.join("tensorboard")).unwrap().count();
    assert_eq!(events(), 1);

    cut_off(&told);
    folder.train("told", &[&all[..], &["--resume"]].concat()).assert().success();
    assert_eq!(fs::read_to_string(told.join("samples.txt")).unwrap(), samples);
    assert_eq!(weights(&plain), weights(&told));
    assert_eq!(events(), 1);

    let manifest = RunManifest::read(&told).unwrap().unwrap();
    assert_eq!(manifest.sessions.len(), 2);
    let ends: Vec<_> = manifest.sessions.iter().map(|s| (s.first_step, s.last_step)).collect();
    assert_eq!(ends, [(0, Some(40)), (20, Some(40))]);
    assert_eq!(manifest.sessions[1].outcome.as_deref(), Some("done"));
    assert!(manifest.sessions[1].command_line.contains(&"--resume".to_string()));
    assert_eq!(
        (manifest.train_data.path.as_str(), manifest.train_data.identity.tokens),
        ("train.npy", 2000)
    );
    assert_eq!((manifest.training.steps(), manifest.model.d_model), (40, 16));
}

#[test]
fn a_new_run_takes_nothing_over_from_an_earlier_one() {
    let folder = Folder::new();
    let args = [&STEPS[..], &["--sample-prompt", "There", "--tensorboard"]].concat();
    for _ in 0..2 {
        folder.train("run", &args).assert().success();
    }
    let samples = fs::read_to_string(folder.path("run/samples.txt")).unwrap();
    assert_eq!(samples.matches("=== step").count(), 4);
    assert_eq!(RunManifest::read(&folder.path("run")).unwrap().unwrap().sessions.len(), 1);
    assert!(folder.path("run/earlier-1/run.json").exists());
    assert!(folder.path("run/earlier-1/tensorboard").exists());
}

#[test]
fn a_run_that_diverged_says_so() {
    let folder = Folder::new();
    let args = ["--steps", "50", "--lr", "1e30", "--grad-clip", "0", "--norm", "none"];
    let output = folder.train("run", &args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let session = RunManifest::read(&folder.path("run")).unwrap().unwrap().sessions.pop().unwrap();
    let step = session.not_finite_at.expect("a step");
    assert!(session.outcome.unwrap().contains(&format!("step {step}: ")));
    assert_eq!(Run::read(&folder.path("run")).unwrap().divergence(), Some(step));
    // A run that is lost before its first line of metrics is one too.
    fs::remove_file(folder.path("run/metrics.jsonl")).unwrap();
    assert_eq!(Run::read(&folder.path("run")).unwrap().divergence(), Some(step));
}

#[test]
fn schedules_and_groups_are_kept_and_other_ones_contradict() {
    let folder = Folder::new();
    let args = [&STEPS[..], &["--lr-schedule", "wsd", "--decay-embeddings", "false"]].concat();
    folder.train("run", &args).assert().success();
    let whole = weights(&folder.path("run"));
    cut_off(&folder.path("run"));
    let other = ["--resume", "--lr-schedule", "linear", "--decay-embeddings"];
    let parts = ["--lr-schedule linear (there wsd)", "--decay-embeddings true (there false)"];
    fails(folder.train("run", &other).arg("--quiet"), 1, &parts);
    folder.train("run", &["--resume"]).assert().success();
    assert_eq!(weights(&folder.path("run")), whole);
}

#[test]
fn samples_need_a_tokenizer() {
    let folder = Folder::new();
    folder.train("run", &STEPS).assert().success();
    let before = folder.names("run");
    let args = common::without(common::training_args("run"), "--tokenizer");
    let mut program = folder.program("train-model");
    program.args(args).args([
        "--steps",
        "2",
        "--vocab-size",
        "258",
        "--sample-prompt",
        "a",
        "--quiet",
    ]);
    fails(&mut program, 1, &["--sample-prompt", "--tokenizer"]);
    assert_eq!(folder.names("run"), before, "the run that was there is left alone");
}

#[test]
fn one_process_at_a_time() {
    let folder = Folder::new();
    fs::create_dir(folder.path("run")).unwrap();
    let lock = RunLock::take(&folder.path("run")).unwrap();
    fails(
        folder.train("run", &STEPS).arg("--quiet"),
        1,
        &["--checkpoint-dir", "another train-model"],
    );
    drop(lock);
    folder.train("run", &STEPS).assert().success();
}

#[test]
fn a_run_that_is_done_is_left_as_it_is() {
    let folder = Folder::new();
    folder.train("run", &STEPS).assert().success();
    let record = fs::read(folder.path("run/run.json")).unwrap();
    folder.train("run", &["--resume"]).assert().success();
    assert_eq!(fs::read(folder.path("run/run.json")).unwrap(), record);
}

#[test]
fn a_damaged_checkpoint_is_named_and_without_it_the_run_goes_on_from_the_one_before() {
    let folder = Folder::new();
    folder.train("run", &STEPS).assert().success();
    let run = folder.path("run");
    let whole = weights(&run);
    // As long as its header says, but not what was written.
    let newest = run.join("step-000040");
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(newest.join("model.safetensors"), damaged).unwrap();
    let parts = ["run/step-000040/model.safetensors", "damaged", "move its directory away"];
    fails(&mut folder.train("run", &["--resume", "--quiet"]), 1, &parts);
    fs::rename(&newest, folder.path("elsewhere")).unwrap();
    folder.train("run", &["--resume", "--keep-checkpoints", "1"]).assert().success();
    assert_eq!(weights(&run), whole);
}

#[test]
fn a_profile_that_nobody_reads_does_not_end_the_run() {
    let folder = Folder::new();
    let args = [&common::training_args("run")[..], &STEPS, &["--profile", "1", "--quiet"]].concat();
    let mut program = folder.process("train-model");
    program.args(args).stdout(Stdio::piped());
    let mut child = program.spawn().unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert!(folder.path("run/step-000040").exists());
}

#[test]
fn the_help_lists_presets() {
    let folder = Folder::new();
    let output = folder.program("train-model").arg("--help").output().unwrap();
    let help = stdout(&output);
    assert!(
        ["tinystories", "demo", "gpt2-small-shape"].iter().all(|name| help.contains(name)),
        "{help}"
    );
}
