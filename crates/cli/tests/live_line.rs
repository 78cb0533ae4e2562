//! The line that is drawn over and over while a program works, at a terminal.

#![cfg(target_os = "linux")]

mod common;

use common::{Folder, metrics, training_args};

const ERASE: &str = "\r\x1b[J";
/// The tokens that a step of [`training_args`] trains on.
const TOKENS_PER_STEP: f64 = 64.0;

/// Trains at a terminal of `columns` columns, until the metrics have 30 lines more than `so_far`
/// and half a second later Ctrl-C comes. Returns what was written there.
fn trained(folder: &Folder, columns: usize, so_far: usize, flags: &str) -> Option<String> {
    let program = assert_cmd::cargo::cargo_bin("train-model");
    let arguments = training_args("run").join(" ");
    folder.at_a_terminal(&format!(
        "stty cols {columns} rows 24
        '{}' {arguments} --steps 2000000 --eval-every 1000000 {flags} &
        for wait in $(seq 300); do
            sleep 0.1
            [ $(cat run/metrics.jsonl | wc -l) -lt {} ] || break
        done 2>/dev/null
        sleep 0.5; kill -INT $!; wait $!",
        program.display(),
        so_far + 30
    ))
}

/// Returns the lines drawn after steps, and the screen that is left: lines that were not erased.
fn drawn_and_left(written: &str) -> (Vec<&str>, String) {
    let (mut drawn, mut left) = (Vec::new(), String::new());
    for piece in written.split(ERASE) {
        match piece.strip_suffix('\r') {
            // Before the first step there is no loss.
            Some(line) if line.contains(" loss ") => drawn.push(line),
            Some(_) => {}
            None => left += piece,
        }
    }
    (drawn, left)
}

#[test]
fn lines_fit_the_terminal_and_none_is_left() {
    for (columns, has_rate) in [(40, false), (80, true)] {
        let folder = Folder::new();
        let Some(written) = trained(&folder, columns, 0, "") else { return };
        let (drawn, left) = drawn_and_left(&written);
        assert!(!drawn.is_empty(), "{written:?}");
        for line in &drawn {
            assert!(line.chars().count() < columns, "{line:?}");
            assert!(line.starts_with("step ") && line.contains("/2000000, loss "), "{line:?}");
            assert_eq!(line.contains(" steps/s"), has_rate, "{line:?}");
        }
        assert!(!left.contains("/2000000"), "{left}");
        // A step here may end before the line that says so is drawn.
        assert!(left.contains("train-model --resume --checkpoint-dir run"), "{left}");
    }
}

#[test]
fn the_rate_of_a_resumed_run_is_its_own() {
    let folder = Folder::new();
    if trained(&folder, 130, 0, "").is_none() {
        return;
    }
    let earlier = metrics(&folder.path("run")).len();
    let written = trained(&folder, 130, earlier, "--resume").unwrap();
    let (drawn, _) = drawn_and_left(&written);
    let lines = metrics(&folder.path("run"));
    let fastest =
        lines.iter().map(|line| line.tokens_per_second / TOKENS_PER_STEP).fold(0.0, f64::max);
    assert!(!drawn.is_empty(), "{written}");
    for line in drawn {
        let (before, _) = line.split_once(" steps/s").expect(line);
        let rate: f64 = before.rsplit(' ').next().unwrap().parse().unwrap();
        assert!(rate <= 2.0 * fastest, "far above all that were measured, {fastest}: {line}");
    }
}
