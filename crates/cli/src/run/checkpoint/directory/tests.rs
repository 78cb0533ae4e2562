use files::AtomicDir;

use super::*;
use crate::run::file_names::LATEST;

fn checkpoint(dir: &Path, step: u64, content: &str) {
    let unfinished = AtomicDir::create(&dir.join(name(step))).unwrap();
    fs::write(unfinished.temporary_path().join("config.json"), content).unwrap();
    unfinished.commit().unwrap();
    files::replace_link(Path::new(&name(step)), &dir.join(LATEST)).unwrap();
}

#[test]
fn the_same_step_again_replaces() {
    let dir = tempfile::tempdir().unwrap();
    checkpoint(dir.path(), 5, "old");
    checkpoint(dir.path(), 5, "new");
    assert_eq!(fs::read_to_string(dir.path().join("latest/config.json")).unwrap(), "new");
    assert_eq!(names(dir.path()).unwrap(), ["latest", "step-000005"]);
}

#[test]
fn only_the_newest_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    (1..=4).for_each(|step| checkpoint(dir.path(), step, ""));
    prune(dir.path(), 4, 2, Some(1)).unwrap();
    let kept = ["latest", "step-000001", "step-000003", "step-000004"];
    assert_eq!(names(dir.path()).unwrap(), kept, "the newest two and the best one");
    prune(dir.path(), 4, 2, Some(4)).unwrap();
    assert_eq!(names(dir.path()).unwrap(), ["latest", "step-000003", "step-000004"]);
}

#[test]
fn a_run_that_goes_back_keeps_its_own_checkpoints_and_moves_later_ones_aside() {
    let dir = tempfile::tempdir().unwrap();
    (1..=4).for_each(|step| checkpoint(dir.path(), step * 10, "abandoned"));
    fs::write(dir.path().join("metrics.jsonl"), "to step 40").unwrap();
    fs::create_dir(dir.path().join("tensorboard")).unwrap();
    fs::write(dir.path().join("tensorboard/events"), "all").unwrap();
    checkpoint(dir.path(), 25, "new");
    prune(dir.path(), 25, 1, None).unwrap();
    assert_eq!(steps(dir.path()).unwrap(), [25, 30, 40]);
    let aside = move_later_checkpoints_aside(dir.path(), 25).unwrap().unwrap();
    let moved = ["metrics.jsonl", "step-000030", "step-000040", "tensorboard"];
    assert_eq!(names(&aside).unwrap(), moved);
    assert_eq!(fs::read_to_string(aside.join("tensorboard/events")).unwrap(), "all");
    assert_eq!(steps(dir.path()).unwrap(), [25]);
    assert_eq!(fs::read_to_string(dir.path().join("metrics.jsonl")).unwrap(), "to step 40");
    assert_eq!(move_later_checkpoints_aside(dir.path(), 25).unwrap(), None);
}

#[test]
fn what_is_not_finished_vanishes() {
    let dir = tempfile::tempdir().unwrap();
    let begun = || AtomicDir::create(&dir.path().join(name(1))).unwrap();
    drop(begun());
    assert!(names(dir.path()).unwrap().is_empty());
    let killed = begun();
    fs::write(killed.temporary_path().join("model.safetensors"), "half").unwrap();
    std::mem::forget(killed);
    assert!(names_of_run(dir.path()).unwrap().is_empty());
    files::remove_unfinished(dir.path()).unwrap();
    assert!(names(dir.path()).unwrap().is_empty());
}

#[test]
fn an_earlier_run_moves_aside_as_a_whole_and_nothing_else_does() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(move_earlier_run_aside(dir.path()).unwrap(), None);
    fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    for number in 1..=2 {
        checkpoint(dir.path(), 7, "");
        fs::write(dir.path().join("metrics.jsonl"), "").unwrap();
        let aside = move_earlier_run_aside(dir.path()).unwrap().unwrap();
        assert_eq!(aside, dir.path().join(format!("earlier-{number}")));
        assert!(aside.join("latest/config.json").is_file());
    }
    assert_eq!(names(dir.path()).unwrap(), ["earlier-1", "earlier-2", "notes.txt"]);
}
