//! The token that stands before each text of a model, as its checkpoint tells.
//!
//! The tokenizer's files say it. Those of checkpoints that version 0.1 wrote, and those that
//! `train-tokenizer` writes, do not: then the tokens decide that the run was trained with, where
//! they still are.

use std::path::{Path, PathBuf};

use anyhow::Result;
use bpe::Tokenizer;

use crate::data::tokens::TokenFile;
use crate::run::manifest::{DataFile, RunManifest};
use crate::run::tokenizer::end_of_text;

/// Returns the token that stands before each text of the run that wrote `checkpoint`, whose
/// tokenizer does not say it: the one that ends texts, exactly if it occurs in the training tokens.
/// Logs the outcome and its reason.
///
/// # Errors
/// When the training tokens are there and cannot be read.
pub fn of_run(checkpoint: &Path, tokenizer: &Tokenizer) -> Result<Option<u32>> {
    let Some(id) = end_of_text(tokenizer) else { return Ok(None) };
    let token = String::from_utf8_lossy(tokenizer.token(id)?);
    let shown = checkpoint.display();
    let untold = format!("{shown} does not say how its texts begin");
    let Some((path, tokens)) = training_tokens(checkpoint) else {
        log::info!(
            "{untold}, and its training tokens are not there to tell: nothing stands before the \
             prompt"
        );
        return Ok(None);
    };
    let path = path.display();
    let occurs = tokens.iter(0..tokens.len()).any(|other| other == id);
    if occurs {
        log::info!("{untold}: {token} stands before the prompt, as in {path} between texts");
    } else {
        log::info!("{untold}: nothing stands before the prompt, since {path} has no {token}");
    }
    Ok(occurs.then_some(id))
}

/// Returns the token file that the run of `checkpoint` was trained with, if it is where `run.json`
/// says, seen from the current directory or from a directory above the run, and unchanged.
fn training_tokens(checkpoint: &Path) -> Option<(PathBuf, TokenFile)> {
    // `latest` is a link to the checkpoint.
    let checkpoint = checkpoint.canonicalize().ok()?;
    let run = checkpoint.parent()?;
    let wanted = RunManifest::read(run).ok()??.train_data;
    let above = run.ancestors().map(|directory| directory.join(&wanted.path));
    let path = [PathBuf::from(&wanted.path)].into_iter().chain(above).find(|path| {
        let found = DataFile::read(path, wanted.identity.clone());
        found.is_ok_and(|found| DataFile { path: wanted.path.clone(), ..found } == wanted)
    })?;
    let tokens = TokenFile::open(&path).ok()?;
    Some((path, tokens))
}
