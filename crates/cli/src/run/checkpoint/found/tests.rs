use std::os::unix::fs::symlink;

use super::super::contents::MODEL;
use super::super::testing::{checkpoint, write};
use super::*;

fn link(dir: &Path, name: &str, target: &str) {
    let _ = fs::remove_file(dir.join(name));
    symlink(target, dir.join(name)).unwrap();
}

/// Checks that resuming, a run directory and `latest` in it all mean `expected`.
#[track_caller]
fn is_newest(dir: &Path, expected: &Path) {
    assert_eq!(newest(dir, Purpose::Resume).unwrap().as_deref(), Some(expected));
    assert_eq!(resolve(dir).unwrap(), expected);
    assert_eq!(resolve(&dir.join(LATEST)).unwrap(), expected);
}

#[test]
fn the_newest_whole_checkpoint_counts_whatever_latest_is() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    assert_eq!(newest(dir, Purpose::Resume).unwrap(), None);
    checkpoint(dir, 200, None);
    let expected = checkpoint(dir, 1600, None);
    is_newest(dir, &expected);
    let other_run = tempfile::tempdir().unwrap();
    let elsewhere = checkpoint(other_run.path(), 3000, None);
    for target in
        ["step-001600", "step-000200", "step-000999", "../nowhere", elsewhere.to_str().unwrap()]
    {
        link(dir, LATEST, target);
        is_newest(dir, &expected);
    }
    // A copy that followed the link, and one that turned it into text.
    fs::remove_file(dir.join(LATEST)).unwrap();
    write(&dir.join(LATEST), 200, None);
    is_newest(dir, &expected);
    fs::remove_dir_all(dir.join(LATEST)).unwrap();
    fs::write(dir.join(LATEST), "step-000200").unwrap();
    is_newest(dir, &expected);
}

#[test]
fn steps_are_compared_as_numbers() {
    let dir = tempfile::tempdir().unwrap();
    for step in [999_999, 1_000_000] {
        // The state of a run of so many steps would be refused.
        fs::create_dir(dir.path().join(name(step))).unwrap();
    }
    let steps: Vec<u64> = candidates(dir.path()).unwrap().iter().map(|found| found.0).collect();
    assert_eq!(steps, [1_000_000, 999_999]);
}

#[test]
fn what_is_not_whole_does_not_count() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    let whole = checkpoint(dir, 10, None);
    let cut = checkpoint(dir, 20, None);
    fs::write(cut.join(MODEL), "half").unwrap();
    let empty = checkpoint(dir, 30, None);
    fs::remove_dir_all(&empty).unwrap();
    fs::create_dir(&empty).unwrap();
    let renamed = dir.join(name(40));
    write(&renamed, 5, None);
    link(dir, LATEST, "step-000020");
    is_newest(dir, &whole);

    fs::remove_dir_all(&whole).unwrap();
    fs::remove_dir_all(&renamed).unwrap();
    fs::remove_dir_all(&empty).unwrap();
    for message in [newest(dir, Purpose::Resume).unwrap_err(), resolve(dir).unwrap_err()]
        .map(|e| e.to_string())
    {
        assert!(message.contains("step-000020/model.safetensors"), "{message}");
    }
}

#[test]
fn a_model_needs_no_state_of_its_run() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    let whole = checkpoint(dir, 10, None);
    let model = checkpoint(dir, 20, None);
    fs::remove_file(model.join("trainer_state.json")).unwrap();
    assert_eq!(newest(dir, Purpose::Resume).unwrap(), Some(whole));
    assert_eq!(newest(dir, Purpose::Model).unwrap(), Some(model));
}

#[test]
fn a_checkpoint_that_is_nowhere_but_under_latest_counts() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    let latest = dir.join(LATEST);
    write(&latest, 300, None);
    is_newest(dir, &latest);
    checkpoint(dir, 200, None);
    is_newest(dir, &latest);
    // Without any other one, a link to elsewhere is a model, and no run to go on with.
    let other = tempfile::tempdir().unwrap();
    let elsewhere = checkpoint(temporary.path(), 400, None);
    link(other.path(), LATEST, elsewhere.to_str().unwrap());
    assert_eq!(resolve(other.path()).unwrap(), other.path().join(LATEST));
    assert_eq!(newest(other.path(), Purpose::Resume).unwrap(), None);
}

#[test]
fn the_best_is_the_lowest_known_loss_that_is_there() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    assert_eq!(best(dir, 100).unwrap(), None);
    for (step, loss) in [(10, Some(3.0)), (20, Some(2.0)), (30, None), (40, Some(2.0))] {
        checkpoint(dir, step, loss);
    }
    link(dir, BEST, "step-000010");
    assert_eq!(best(dir, u64::MAX).unwrap(), Some(20));
    assert_eq!(best(dir, 10).unwrap(), Some(10));
    assert_eq!(resolve(&dir.join(BEST)).unwrap(), dir.join(name(20)));
    fs::remove_dir_all(dir.join(name(20))).unwrap();
    assert_eq!(resolve(&dir.join(BEST)).unwrap(), dir.join(name(40)));
}

#[test]
fn a_model_is_found_in_a_checkpoint_and_in_a_run() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    assert!(resolve(dir).is_err());
    assert!(resolve(&dir.join("missing")).is_err());
    let path = checkpoint(dir, 3, None);
    assert_eq!(resolve(dir).unwrap(), path);
    assert_eq!(resolve(&path).unwrap(), path);
    assert!(resolve(&path.join("config.json")).is_err());
}
