//! Models as directories, laid out as Hugging Face's Llama.
//!
//! | file | contents |
//! |---|---|
//! | `config.json` | the architecture ([`hugging_face`]) |
//! | `generation_config.json` | the tokens that begin and end a text ([`hugging_face`]) |
//! | `model.safetensors` | the weights in `f32` ([`safetensors`], [`weights`]) |
//!
//! and, only to be written, as the one file that llama.cpp reads ([`gguf`]).
//!
//! Every file is hostile until it is read: sizes are checked before anything is reserved for them.
//! Every file is written beside its name, synced and renamed, so that it is there whole or not at
//! all.

mod error;
mod fields;
pub mod gguf;
pub mod hugging_face;
pub mod rope_layout;
pub mod safetensors;
pub mod weights;

pub use error::LoadError;

use crate::Transformer;
use hugging_face::ModelFiles;
use std::path::Path;

impl Transformer {
    /// Reads a model from a directory that this crate or Hugging Face's `transformers` wrote.
    /// Weights may be `f32`, `f16` or `bf16`, in one `safetensors` file or several, the output
    /// layer tied to the embedding or not; [`was_tied`](Self::was_tied) tells.
    ///
    /// # Errors
    /// Names the file, what is wrong with it, and what was expected.
    pub fn load(dir: &Path) -> Result<Self, LoadError> {
        let ModelFiles { config, tied } = hugging_face::read(dir)?;
        let parameters = weights::read(dir, &config, tied)?;
        let mut model = Self::with_weights(config, parameters);
        model.was_tied = tied;
        Ok(model)
    }

    /// Writes `config.json`, `generation_config.json` and `model.safetensors` into a directory,
    /// which is made if it does not exist.
    ///
    /// # Errors
    /// Names the file that could not be written and why.
    ///
    /// # Panics
    /// If the weights are held in 8 bits.
    #[track_caller]
    pub fn save(&self, dir: &Path) -> files::Result<()> {
        let parameters = self.parameters();
        weights::write(dir, parameters)?;
        hugging_face::write(dir, self.config())
    }
}
