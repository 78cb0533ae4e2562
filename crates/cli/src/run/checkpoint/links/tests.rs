use super::super::testing::{checkpoint, write};
use super::*;

#[test]
fn links_are_relative_and_best_may_be_missing() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    checkpoint(dir, 20, None);
    point(dir, 20, Some(10)).unwrap();
    let target = |link: &str| fs::read_link(dir.join(link)).ok();
    assert_eq!(target(LATEST).as_deref(), Some(Path::new("step-000020")));
    assert_eq!(target(BEST).as_deref(), Some(Path::new("step-000010")));
    point(dir, 1_000_000, None).unwrap();
    assert_eq!(target(LATEST).as_deref(), Some(Path::new("step-1000000")));
    assert_eq!(target(BEST), None);
}

#[test]
fn a_copy_in_the_place_of_a_link_goes_and_nothing_else_is_lost() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    checkpoint(dir, 20, Some(1.0));
    write(&dir.join(LATEST), 20, Some(1.0));
    write(&dir.join(BEST), 10, Some(0.5));
    point(dir, 20, Some(10)).unwrap();
    assert_eq!(names(dir).unwrap(), ["best", "latest", "step-000010", "step-000020"]);
    assert!(dir.join(BEST).is_symlink() && dir.join(LATEST).is_symlink());

    // Other content under the same step, and something that is no checkpoint.
    for link in LINKS {
        fs::remove_file(dir.join(link)).unwrap();
    }
    write(&dir.join(LATEST), 20, Some(7.0));
    fs::create_dir(dir.join(BEST)).unwrap();
    fs::write(dir.join(BEST).join("notes.txt"), "mine").unwrap();
    point(dir, 20, Some(10)).unwrap();
    assert_eq!(TrainerState::read(&dir.join("earlier-1/latest")).unwrap().val_loss, Some(7.0));
    assert_eq!(fs::read_to_string(dir.join("earlier-2/best/notes.txt")).unwrap(), "mine");
    assert_eq!(TrainerState::read(&dir.join("latest")).unwrap().val_loss, Some(1.0));
}

#[test]
fn a_whole_checkpoint_under_latest_takes_the_place_of_one_that_is_not() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = temporary.path();
    fs::create_dir(dir.join(name(20))).unwrap();
    fs::write(dir.join(name(20)).join("model.safetensors"), "half").unwrap();
    write(&dir.join(LATEST), 20, None);
    point(dir, 20, None).unwrap();
    assert!(contents::check(&dir.join(name(20)), Purpose::Resume).is_ok());
    assert!(dir.join("earlier-1").join(name(20)).is_dir());
}
