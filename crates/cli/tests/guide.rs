//! The examples of `docs/guide.md` run as they stand, with the real programs.

#![cfg(unix)]

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use common::Folder;

/// Returns the `sh` blocks of a Markdown text with the number of their first line.
fn shell_blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in (1..).zip(text.lines()) {
        match (&mut open, line) {
            (None, "```sh") => open = Some((number + 1, String::new())),
            (Some(_), "```") => blocks.extend(open.take()),
            (Some((_, block)), line) => *block += &format!("{line}\n"),
            (None, _) => {}
        }
    }
    assert!(open.is_none(), "a block is not closed");
    blocks
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Copies the stories, which examples may change or move, into the folder's `data/`.
fn copy_data(folder: &Folder) {
    fs::create_dir(folder.path("data")).unwrap();
    for name in ["stories-train.txt", "stories-valid.txt"] {
        fs::copy(root().join("data").join(name), folder.path("data").join(name)).unwrap();
    }
}

#[test]
fn every_block_of_the_guide_runs() {
    let guide = fs::read_to_string(root().join("docs/guide.md")).unwrap();
    let folder = Folder::empty();
    copy_data(&folder);
    let programs = Path::new(env!("CARGO_BIN_EXE_encode")).parent().unwrap();
    let path = env::var_os("PATH").unwrap_or_default();
    let paths = [programs.to_path_buf()].into_iter().chain(env::split_paths(&path));
    let path = env::join_paths(paths).unwrap();
    let blocks = shell_blocks(&guide);
    assert!(!blocks.is_empty());
    for (line, block) in blocks {
        let output = Command::new("bash")
            .args(["-euo", "pipefail", "-c", &block])
            .current_dir(folder.path("."))
            .env("PATH", &path)
            // Nothing of the user's own, and history and other state within the folder.
            .env("HOME", folder.path("."))
            .env_remove("XDG_STATE_HOME")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "docs/guide.md:{line}: {}\n{block}\n{error}",
            output.status
        );
    }
}
