//! Tells the program the commit that it is built from, as the environment variable
//! `LM_GIT_REVISION` of the compiler.
//!
//! The commit is, in this order: the variable's own value where whoever builds sets it; what
//! `cargo package` recorded; that of the repository that holds this workspace, with `-dirty` if
//! sources differ from it. Without any of these, as in an archive of the sources, there is none.
//! The script runs again when a source or the commit changes, which compiles the package anew
//! anyway.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const VARIABLE: &str = "LM_GIT_REVISION";
/// The file that `cargo package` adds.
const PACKAGED: &str = ".cargo_vcs_info.json";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    let package = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let revision = env::var(VARIABLE).ok().or_else(|| packaged(&package)).or_else(|| {
        let workspace = package.parent()?.parent()?;
        of_repository(workspace)
    });
    if let Some(revision) = revision.filter(|revision| !revision.is_empty()) {
        println!("cargo::rustc-env={VARIABLE}={revision}");
    }
}

/// Returns the commit that `cargo package` recorded.
fn packaged(package: &Path) -> Option<String> {
    let text: String =
        fs::read_to_string(package.join(PACKAGED)).ok()?.split_whitespace().collect();
    let (_, after) = text.split_once("\"sha1\"")?;
    let revision = after.split('"').nth(1)?;
    let dirty = if text.contains("\"dirty\":true") { "-dirty" } else { "" };
    Some(format!("{revision}{dirty}"))
}

/// Returns the commit of `workspace`, if it is the root of a repository and not a copy inside
/// another one.
fn of_repository(workspace: &Path) -> Option<String> {
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        let command = command.arg("--no-optional-locks").args(args).current_dir(workspace);
        let output = command.output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_string())
    };
    let root = PathBuf::from(git(&["rev-parse", "--show-toplevel"])?);
    if root.canonicalize().ok()? != workspace.canonicalize().ok()? {
        return None;
    }
    git(&["ls-files", "--error-unmatch", "crates/cli/build.rs"])?;
    let revision = git(&["rev-parse", "HEAD"])?;
    // The log of HEAD grows with each commit, also where HEAD names a branch.
    for name in ["HEAD", "logs/HEAD"] {
        watch(&workspace.join(git(&["rev-parse", "--git-path", name])?));
    }
    let sources = sources(workspace);
    sources.iter().for_each(|path| watch(path));
    let paths: Vec<&str> = sources.iter().filter_map(|path| path.to_str()).collect();
    let status = [&["status", "--porcelain", "--"], &paths[..]].concat();
    let dirty = if git(&status)?.is_empty() { "" } else { "-dirty" };
    Some(format!("{revision}{dirty}"))
}

/// Returns everything that decides what is compiled.
fn sources(workspace: &Path) -> Vec<PathBuf> {
    let of_crate = ["src", "Cargo.toml", "build.rs"];
    let crates = fs::read_dir(workspace.join("crates")).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> =
        crates.flat_map(|entry| of_crate.map(|name| entry.path().join(name))).collect();
    paths.extend(["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"].map(|n| workspace.join(n)));
    paths.retain(|path| path.exists());
    paths.sort();
    paths
}

/// Runs this script again when `path` changes. A path that is not there would do so each time.
fn watch(path: &Path) {
    if path.exists() {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}
