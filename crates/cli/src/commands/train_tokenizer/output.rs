//! The tokenizer's files, in the place of those of another tokenizer.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use bpe::formats::{gpt2, tiktoken};
use bpe::{Pattern, Tokenizer, Vocab};
use files::AtomicDir;

use super::args::Format;
use crate::run::tokenizer;

/// Writes the files into the directory `out`. If another tokenizer is there, its files move to
/// `earlier-N` in it; files of the same content stay as they are.
pub(super) fn write(vocab: &Vocab, pattern: Pattern, format: Format, out: &Path) -> Result<()> {
    let new = AtomicDir::create(&out.join("new"))?;
    let dir = new.temporary_path();
    Tokenizer::new(vocab.clone(), pattern).save(dir)?;
    if format == Format::Tiktoken {
        tiktoken::save(vocab, dir)?;
    }

    let mut there = tokenizer::names_in(out);
    if out.join(tiktoken::FILE).exists() {
        there.push(tiktoken::FILE);
    }
    let is_same = |name: &str| is_equal(&dir.join(name), &out.join(name));
    // A file of an earlier training of the same tokenizer fits, though it was not asked for now.
    let fits = |name: &&str| {
        is_same(name)
            || (*name == tiktoken::FILE && format != Format::Tiktoken && is_same(gpt2::VOCAB))
    };
    if !there.iter().all(fits) {
        if let Some(aside) = files::move_aside(out, &there)? {
            log::warn!(
                "{}: another tokenizer was there; it is in {} now, and token files that it made \
                 need that one",
                out.display(),
                aside.display()
            );
        }
    } else if !there.is_empty() {
        log::info!("{}: the same tokenizer is there already", out.display());
        for name in there.iter().filter(|name| is_same(name)) {
            let path = dir.join(name);
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(new.commit_into(out)?)
}

/// Returns `true` if both files are there and have the same content.
fn is_equal(one: &Path, other: &Path) -> bool {
    matches!((files::read(one), files::read(other)), (Ok(one), Ok(other)) if one == other)
}
