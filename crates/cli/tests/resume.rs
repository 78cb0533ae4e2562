//! Runs that are interrupted and resumed end with the same bits as whole ones, with any number of
//! threads.
#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Folder, fails, kill, metrics, stderr, training_args, weights, without};
use lm::run::metrics::Metrics;

const STEPS: [&str; 10] = [
    "--steps",
    "400",
    "--log-every",
    "5",
    "--eval-every",
    "50",
    "--checkpoint-every",
    "130",
    "--grad-accum",
    "2",
];

/// Returns the metrics of a run without those that depend on the clock.
fn timeless(run: &Path) -> Vec<Metrics> {
    let without = |metrics| Metrics { tokens_per_second: 0.0, seconds: 0.0, ..metrics };
    metrics(run).into_iter().map(without).collect()
}

/// Starts a run, sends `signal` once `lines` lines of metrics are there, and returns the step of
/// its checkpoint.
fn interrupt(folder: &Folder, signal: &str, args: &[&str], lines: usize) -> u64 {
    let mut child = folder
        .process("train-model")
        .args(training_args("interrupted"))
        .args(args)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let metrics = folder.path("interrupted/metrics.jsonl");
    let started = Instant::now();
    while fs::read_to_string(&metrics).map_or(0, |text| text.lines().count()) < lines {
        assert!(started.elapsed() < Duration::from_secs(60), "no metrics");
        std::thread::sleep(Duration::from_millis(2));
    }
    kill(signal, child.id());
    let code = if signal == "-TERM" { 143 } else { 130 };
    assert_eq!(child.wait().unwrap().code(), Some(code));
    let latest = fs::read_link(folder.path("interrupted/latest")).unwrap();
    latest.to_str().unwrap().strip_prefix("step-").unwrap().parse().unwrap()
}

#[test]
fn interrupted_twice_and_resumed_is_the_same_to_the_last_bit() {
    let folder = Folder::new();
    folder.train("whole", &STEPS).assert().success();
    let first = interrupt(&folder, "-INT", &STEPS, 4);
    let second = interrupt(&folder, "-TERM", &[&STEPS[..], &["--resume"]].concat(), 30);
    assert!(first < second && second < 400, "{first}, {second}");
    folder.train("interrupted", &STEPS).arg("--resume").assert().success();

    let (whole, resumed) = (folder.path("whole"), folder.path("interrupted"));
    assert_eq!(weights(&whole), weights(&resumed));
    assert_eq!(
        fs::read(whole.join("latest/optimizer.safetensors")).unwrap(),
        fs::read(resumed.join("latest/optimizer.safetensors")).unwrap()
    );
    assert_eq!(timeless(&whole), timeless(&resumed));
    let seconds: Vec<f64> = metrics(&resumed).iter().map(|line| line.seconds).collect();
    assert!(seconds.is_sorted(), "the clock goes on where it stopped");
    let evaluated = metrics(&whole).into_iter().filter(|line| line.val_loss.is_some());
    let evaluated: Vec<u64> = evaluated.map(|line| line.step).collect();
    let at_checkpoints_too = [50, 100, 130, 150, 200, 250, 260, 300, 350, 390, 400];
    assert_eq!(evaluated, at_checkpoints_too);
}

#[test]
fn killed_in_the_middle_of_writing_goes_on_from_the_last_whole_checkpoint() {
    let folder = Folder::new();
    let steps = ["--steps", "12", "--checkpoint-every", "4", "--log-every", "1"];
    folder.train("whole", &steps).assert().success();
    folder.train("killed", &steps).assert().success();
    // As after a kill between steps 8 and 12: lines of metrics beyond the checkpoint, one of them
    // torn, and a checkpoint without a name.
    let run = folder.path("killed");
    fs::remove_dir_all(run.join("step-000012")).unwrap();
    fs::remove_file(run.join("latest")).unwrap();
    std::os::unix::fs::symlink("step-000008", run.join("latest")).unwrap();
    fs::create_dir(run.join(".unfinished-x")).unwrap();
    fs::write(run.join(".unfinished-x/model.safetensors"), "half").unwrap();
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    fs::write(run.join("metrics.jsonl"), &text[..text.len() - 9]).unwrap();

    folder.train("killed", &steps).arg("--resume").assert().success();
    assert_eq!(weights(&folder.path("whole")), weights(&run));
    assert_eq!(timeless(&folder.path("whole")), timeless(&run));
    assert_eq!(folder.names("killed"), folder.names("whole"));
}

#[test]
fn threads_do_not_change_a_bit() {
    let folder = Folder::new();
    let train = |run: &str, threads: &str| {
        let mut command = folder.program("train-model");
        let data = [
            "--train-dataset",
            "train.npy",
            "--checkpoint-dir",
            run,
            "--vocab-size",
            "300",
            "--threads",
            threads,
        ];
        command
            .args(common::SMALL)
            .args(data)
            .args(["--steps", "20", "--quiet"])
            .assert()
            .success();
        weights(&folder.path(run))
    };
    assert!(train("one", "1") == train("two", "2"));
}

#[test]
fn what_contradicts_the_checkpoint_is_named() {
    let folder = Folder::new();
    folder.train("run", &["--steps", "4", "--quiet"]).assert().success();
    let names = folder.names("run");
    let resume = |args: &[&str]| {
        let mut command = folder.train("run", &["--resume", "--quiet"]);
        command.args(args);
        command
    };
    fails(
        &mut resume(&["--steps", "3", "--lr", "0.5"]),
        1,
        &["--steps 3 (there 4)", "--lr 0.5 (there 0.001)"],
    );
    fails(&mut resume(&["--norm", "post"]), 1, &["--norm post (there pre)"]);

    let other = |flag: &str, value: &str| {
        let args = without(training_args("run"), flag);
        let mut command = folder.program("train-model");
        command.args(args).args(["--resume", "--quiet", "--steps", "4", flag, value]);
        command
    };
    folder.write_tokens("other.npy", &[1; 2000]);
    fails(
        &mut other("--train-dataset", "other.npy"),
        1,
        &["--train-dataset", "other.npy", "not the tokens"],
    );
    fails(&mut other("--val-dataset", "train.npy"), 1, &["--val-dataset"]);
    assert_eq!(folder.names("run"), names);

    // A copy of the data elsewhere is the same data, and there is nothing left to do.
    fs::copy(folder.path("train.npy"), folder.path("copy.npy")).unwrap();
    other("--train-dataset", "copy.npy").assert().success();
}

#[test]
fn a_damaged_checkpoint_is_not_resumed() {
    let folder = Folder::new();
    folder.train("run", &["--steps=4", "--checkpoint-every=4", "--quiet"]).assert().success();
    let path = folder.path("run/latest").canonicalize().unwrap();
    let resume = || folder.train("run", &["--resume", "--quiet", "--steps", "4"]);
    for name in ["model.safetensors", "optimizer.safetensors", "trainer_state.json", "config.json"]
    {
        let file = path.join(name);
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() - 7]).unwrap();
        fails(&mut resume(), 1, &[name]);
        fs::remove_file(&file).unwrap();
        fails(&mut resume(), 1, &[name]);
        fs::write(&file, whole).unwrap();
    }
    resume().assert().success();
}

#[test]
fn there_has_to_be_something_to_resume() {
    let folder = Folder::new();
    fails(
        &mut folder.train("missing", &["--resume", "--quiet"]),
        1,
        &["--resume", "missing", "no checkpoint"],
    );
    assert!(!folder.path("missing").exists());

    // A run that was killed before its first checkpoint starts from its beginning.
    fs::create_dir(folder.path("young")).unwrap();
    fs::write(folder.path("young/metrics.jsonl"), "").unwrap();
    let output = folder.train("young", &["--resume", "--steps", "3"]).output().unwrap();
    assert!(output.status.success() && stderr(&output).contains("no checkpoint was written yet"));
    assert!(folder.path("young/latest/model.safetensors").is_file());
}

#[test]
fn a_damaged_manifest_is_named_and_kept() {
    let folder = Folder::new();
    folder.checkpoint("run");
    folder.write("run/run.json", "{");
    let mut resume = folder.program("train-model");
    resume.args(["--resume", "--checkpoint-dir", "run", "--quiet"]);
    fails(&mut resume, 1, &["run/run.json: damaged: "]);

    // With the paths typed it goes on.
    let output = folder.train("run", &["--steps", "50", "--resume"]).output().unwrap();
    let shown = stderr(&output);
    assert!(output.status.success() && shown.contains("run.json: damaged: "), "{shown}");
    assert_eq!(folder.read("run/run.json.damaged"), b"{");
    lm::run::manifest::RunManifest::read(&folder.path("run")).unwrap().unwrap();
}

#[test]
fn a_new_run_leaves_an_earlier_one_whole() {
    let folder = Folder::new();
    folder.checkpoint("run");
    let before = folder.names("run");
    let output = folder.train("run", &["--steps", "3"]).output().unwrap();
    assert!(
        output.status.success() && stderr(&output).contains("warning: run held an earlier run")
    );
    assert_eq!(folder.names("run/earlier-1"), before);
    assert_eq!(fs::read_link(folder.path("run/latest")).unwrap(), Path::new("step-000003"));
}

/// Returns the rates of a run that was planned for `steps` steps from its beginning.
fn rates(folder: &Folder, steps: &str) -> Vec<f64> {
    let more = ["--steps", steps, "--log-every", "1", "--warmup-steps", "10"];
    folder.train("planned", &more).assert().success();
    metrics(&folder.path("planned")).iter().map(|line| line.lr).collect()
}

#[test]
fn a_finished_run_goes_further_and_keeps_its_past() {
    let folder = Folder::new();
    let first = ["--steps", "100", "--log-every", "1", "--warmup-steps", "10", "--quiet"];
    folder.train("run", &first).assert().success();
    let run = folder.path("run");
    let past = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let output = folder.train("run", &["--resume", "--steps", "160"]).output().unwrap();
    let log = stderr(&output);
    assert!(output.status.success(), "{log}");
    assert_eq!(log.matches("planned anew for 160 steps instead of 100").count(), 1, "{log}");
    assert!(fs::read_to_string(run.join("metrics.jsonl")).unwrap().starts_with(&past));
    let lr: Vec<f64> = metrics(&run).iter().map(|line| line.lr).collect();
    assert_eq!(lr.len(), 160);
    assert_eq!(lr[100..], rates(&folder, "160")[100..], "those of a run of 160 steps");
    assert_eq!((lr[99], lr[159]), (1e-5, 1e-5));
    assert_eq!(fs::read_link(run.join("latest")).unwrap(), Path::new("step-000160"));

    // A number of tokens says the same, and less than planned is refused.
    let tokens = (170 * 4 * 16).to_string();
    folder.train("run", &["--resume", "--total-tokens", &tokens]).assert().success();
    assert_eq!(metrics(&run).len(), 170);
    let mut fewer = folder.train("run", &["--resume", "--quiet", "--steps", "165"]);
    fails(&mut fewer, 1, &["--steps 165 (there 170)"]);
    let manifest = lm::run::manifest::RunManifest::read(&run).unwrap().unwrap();
    let plans: Vec<_> = manifest.extensions.iter().map(|e| (e.at_step, e.to_steps)).collect();
    assert_eq!(plans, [(100, 160), (160, 170)]);
}

#[test]
fn an_extension_that_is_interrupted_or_killed_goes_on_exactly() {
    let folder = Folder::new();
    let first = ["--steps", "200", "--log-every", "5", "--checkpoint-every", "130", "--quiet"];
    let further = ["--resume", "--steps", "700"];
    for run in ["whole", "interrupted", "killed"] {
        folder.train(run, &first).assert().success();
    }
    folder.train("whole", &further).assert().success();
    let step = interrupt(&folder, "-INT", &further, 60);
    assert!(200 < step && step < 700, "{step}");
    // From here on no flag is needed.
    let resume = |run: &str| {
        let mut command = folder.program("train-model");
        command.args(["--resume", "--checkpoint-dir", run]).assert().success();
    };
    resume("interrupted");

    // As after a kill before the first checkpoint of the extension.
    folder.train("killed", &further).assert().success();
    let run = folder.path("killed");
    for step in ["step-000260", "step-000390", "step-000520", "step-000650", "step-000700"] {
        fs::remove_dir_all(run.join(step)).unwrap();
    }
    resume("killed");
    for other in ["interrupted", "killed"] {
        let (whole, other) = (folder.path("whole"), folder.path(other));
        assert_eq!(weights(&whole), weights(&other));
        assert_eq!(timeless(&whole), timeless(&other));
    }
}

#[test]
fn an_unfinished_run_is_extended_too() {
    let folder = Folder::new();
    let step = interrupt(&folder, "-INT", &STEPS, 10);
    assert!(step < 400);
    folder.train("interrupted", &["--resume", "--steps", "450"]).assert().success();
    let lines = metrics(&folder.path("interrupted"));
    assert_eq!(lines.last().map(|line| (line.step, line.lr)), Some((450, 1e-5)));
}

/// The flags of a run whose validation loss never changes.
const STUCK: [&str; 9] =
    ["--lr", "1e-30", "--steps", "90", "--log-every=3", "--eval-every", "6", "--patience", "4"];

#[test]
fn patience_ends_a_run_in_good_order() {
    let folder = Folder::new();
    let output = folder.train("run", &STUCK).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let run = folder.path("run");
    // Evaluations after 6, 12, 18 (a checkpoint), 24 and 30 steps: the first is the best.
    assert_eq!(fs::read_link(run.join("latest")).unwrap(), Path::new("step-000030"));
    assert_eq!(metrics(&run).last().unwrap().step, 30);
    let outcome = |run: &Path| {
        let manifest = lm::run::manifest::RunManifest::read(run).unwrap().unwrap();
        manifest.sessions.last().unwrap().outcome.clone().unwrap()
    };
    assert!(outcome(&run).starts_with("stopped after step 30 of 90: 4 evaluations without"));
    assert!(stderr(&output).contains(&outcome(&run)), "{}", stderr(&output));

    let again = folder.train("run", &["--resume"]).output().unwrap();
    assert!(again.status.success() && stderr(&again).contains("stopped after step 30 of 90"));
    assert_eq!(metrics(&run).last().unwrap().step, 30);
    folder.train("run", &["--resume", "--patience", "6"]).assert().success();
    assert_eq!(metrics(&run).last().unwrap().step, 42);
    folder.train("run", &["--resume", "--steps", "100"]).assert().success();
    assert_eq!(metrics(&run).last().unwrap().step, 42 + 6 * 6, "counted anew");

    let args = [&without(training_args("other"), "--val-dataset")[..], &STUCK, &["--quiet"]];
    fails(folder.program("train-model").args(args.concat()), 2, &["--patience 4", "--val-dataset"]);
    assert!(!folder.path("other").exists());
}

#[test]
fn patience_counts_on_after_an_interruption() {
    let folder = Folder::new();
    folder.train("whole", &STUCK).assert().success();
    folder.train("cut", &[&STUCK[..], &["--quiet"]].concat()).assert().success();
    let run = folder.path("cut");
    fs::remove_dir_all(run.join("step-000030")).unwrap();
    // The count is in the checkpoint, not in the metrics.
    fs::remove_file(run.join("metrics.jsonl")).unwrap();
    folder.train("cut", &["--resume"]).assert().success();
    assert_eq!(fs::read_link(run.join("latest")).unwrap(), Path::new("step-000030"));
    assert_eq!(weights(&run), weights(&folder.path("whole")));
}
