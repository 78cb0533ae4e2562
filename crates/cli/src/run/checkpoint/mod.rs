//! Checkpoints. A checkpoint is a directory `step-NNNNNN`: a Hugging Face Llama directory, with the
//! state that resuming needs beside the model.
//!
//! | file | holds |
//! |---|---|
//! | `config.json`, `generation_config.json`, `model.safetensors` | the model |
//! | the tokenizer's files | the tokenizer that made the training data |
//! | `optimizer.safetensors` | AdamW's moments |
//! | `trainer_state.json` | [`TrainerState`] |
//!
//! A directory gets its name when it is complete and on disk. `latest` is a relative symbolic link
//! to the newest one, replaced only after that, and `best` one to that with the lowest validation
//! loss. They are for people: programs go by what is in the directories ([`newest`], [`resolve`]).

mod contents;
mod directory;
mod found;
mod links;
mod lock;
mod state;
#[cfg(all(test, unix))]
mod testing;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use files::AtomicDir;
use model::Transformer;
use model::formats::safetensors::{self, SafetensorsFile, StoredType};
use optim::AdamW;

pub use contents::Purpose;
pub use directory::{move_earlier_run_aside, move_later_checkpoints_aside, names_of_run};
pub use found::{best, newest, resolve};
pub use lock::RunLock;
pub use state::{Lowest, TrainerState, Validation};

use crate::data::digest;
use crate::run::tokenizer::TokenizerFiles;

use contents::{CONFIG, MODEL, OPTIMIZER};

/// The files whose digests [`TrainerState`] keeps.
const DIGESTED: [&str; 3] = [CONFIG, MODEL, OPTIMIZER];

/// Writes a checkpoint into the run directory `dir`, with the digests of its files in `state`, and
/// points `latest` and `best` to what they say. Then removes the oldest checkpoints of this run,
/// down to the number that its specification keeps, but not the best one.
///
/// # Errors
/// When the disk is full or fails; then no checkpoint is added, and the links stay.
pub fn save(
    dir: &Path,
    model: &Transformer,
    optimizer: &AdamW,
    tokenizer: Option<&TokenizerFiles>,
    mut state: TrainerState,
) -> Result<PathBuf> {
    let step = state.step;
    let finished = dir.join(directory::name(step));
    let unfinished = AtomicDir::create(&finished)?;
    let path = unfinished.temporary_path();
    model.save(path)?;
    let moments = optimizer.state();
    let tensors = moments.iter().map(|(name, tensor)| (name.as_str(), *tensor));
    safetensors::write(&path.join(OPTIMIZER), tensors, &[("format", "pt")], StoredType::F32)?;
    if let Some(tokenizer) = tokenizer {
        tokenizer.write(path)?;
    }
    for name in DIGESTED {
        state.files.insert(name.to_string(), digest::of_file(&path.join(name))?);
    }
    state.write(path)?;
    unfinished.commit()?;
    let best = found::best(dir, step)?;
    links::point(dir, step, best)?;
    if let Some(keep) = state.config.keep_checkpoints {
        directory::prune(dir, step, keep, best)?;
    }
    Ok(finished)
}

/// Makes the links in `dir` right for a run that goes on from its checkpoint after `step` steps,
/// also where `latest` was a directory. Returns the checkpoint.
///
/// # Errors
/// When they cannot be replaced.
pub fn settle(dir: &Path, step: u64) -> Result<PathBuf> {
    links::replace_directories(dir)?;
    links::point(dir, step, found::best(dir, step)?)?;
    Ok(dir.join(directory::name(step)))
}

/// A checkpoint that a run goes on from.
pub struct Resumed {
    /// The model after `state.step` steps.
    pub model: Transformer,
    /// The rest of the run's state.
    pub state: TrainerState,
}

/// Reads the checkpoint `path` except for the optimizer's moments, and checks the digests of its
/// files.
///
/// # Errors
/// When a file is missing, damaged or does not fit the others.
pub fn load(path: &Path) -> Result<Resumed> {
    let state = TrainerState::read(path)?;
    for name in DIGESTED {
        let file = path.join(name);
        let found = digest::of_file(&file)?;
        ensure!(
            state.files.get(name) == Some(&found),
            "{}: found other content than was written (SHA-256 {found}); the checkpoint is \
             damaged: move its directory away, and --resume goes on from the one before",
            file.display()
        );
    }
    let model = Transformer::load(path)?;
    Ok(Resumed { model, state })
}

/// Reads the moments in the checkpoint `path` into `optimizer`, which then has taken `steps` steps.
///
/// # Errors
/// When they are missing, damaged or of another model.
pub fn load_optimizer(path: &Path, steps: u64, optimizer: &mut AdamW) -> Result<()> {
    let path = path.join(OPTIMIZER);
    let file = SafetensorsFile::open(&path)?;
    let wanted = optimizer.state().into_iter();
    let tensors = wanted
        .map(|(name, tensor)| Ok((name.clone(), file.read(&name, tensor.shape())?)))
        .collect::<Result<Vec<_>>>()?;
    optimizer.load_state(steps, tensors).with_context(|| path.display().to_string())
}
