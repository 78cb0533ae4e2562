//! Models as directories, laid out like Hugging Face's Llama.
//!
//! | file | contents |
//! |---|---|
//! | `config.json` | the architecture ([`hugging_face`]) |
//! | `generation_config.json` | the BOS and EOS token ids ([`hugging_face`]) |
//! | `model.safetensors` | the weights, in `f32` or `bf16` ([`safetensors`], [`weights`]) |
//!
//! and, for writing only, as the one file that llama.cpp reads ([`gguf`]).
//!
//! No file is trusted: sizes are checked before memory is reserved for them. Files are written
//! under a temporary name, synced and renamed, so that each appears whole or not at all.

mod error;
mod fields;
pub mod gguf;
pub mod hugging_face;
mod inference;
mod pieces;
pub mod rope_layout;
pub mod safetensors;
pub mod weights;

pub use error::{LoadError, LoadErrorKind};
pub use inference::WeightForm;

use crate::Transformer;
use hugging_face::ModelFiles;
use safetensors::StoredType;
use std::path::Path;

impl Transformer {
    /// Reads a model from a directory that this crate or Hugging Face's `transformers` wrote.
    /// Weights may be `f32`, `f16` or `bf16`, in one `safetensors` file or several, the output
    /// layer tied to the embedding or not; [`was_tied`](Self::was_tied) tells.
    ///
    /// # Errors
    /// If a file cannot be read or does not describe a model of this crate.
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, LoadError> {
        let dir = dir.as_ref();
        let ModelFiles { config, tied } = hugging_face::read(dir)?;
        let found = weights::find(dir, &config, tied)?;
        let tied = found.tied;
        let mut model = Self::with_weights(config, found.read()?);
        model.was_tied = tied;
        Ok(model)
    }

    /// Reads a model as [`load`](Self::load) does, to generate and evaluate text only: it can be
    /// neither trained nor saved. Weights in bf16 and f16 are not widened. Large files are mapped
    /// into memory, as are all files where only a few `tokens` are to be generated; otherwise
    /// weights are copied into memory that is read faster.
    ///
    /// ```
    /// use model::formats::WeightForm;
    /// use model::{ModelConfig, Transformer};
    /// use tensor::{Context, ndarray::array};
    ///
    /// let shape = ModelConfig { vocab_size: 10, d_model: 16, num_heads: 2, ..Default::default() };
    /// let model = Transformer::new(ModelConfig { num_layers: 1, d_ff: 24, ..shape }, 0)?;
    /// # let temporary = tempfile::tempdir()?;
    /// # let dir = temporary.path();
    /// model.save(dir)?;
    ///
    /// let logits = |model: &Transformer| {
    ///     model.logits(Context::detect(), array![[1, 2, 3]].view()).to_ndarray()
    /// };
    /// let same = Transformer::load_for_inference(dir, WeightForm::AsStored, 100)?;
    /// assert_eq!(logits(&same), logits(&model));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If a file cannot be read or does not describe a model of this crate, or a matrix that is to
    /// be rounded to 8 bits has an element that is not a finite number.
    pub fn load_for_inference(
        dir: impl AsRef<Path>,
        form: WeightForm,
        tokens: usize,
    ) -> Result<Self, LoadError> {
        let dir = dir.as_ref();
        let ModelFiles { config, tied } = hugging_face::read(dir)?;
        let found = weights::find(dir, &config, tied)?;
        let mut model = Self::for_inference(config, found.read_for_inference(form, tokens)?);
        model.was_tied = found.tied;
        Ok(model)
    }

    /// Writes `config.json`, `generation_config.json` and `model.safetensors` into a directory, and
    /// creates it if it does not exist.
    ///
    /// # Errors
    /// If a file cannot be written.
    ///
    /// # Panics
    /// If the model is for inference only.
    #[track_caller]
    pub fn save(&self, dir: impl AsRef<Path>) -> files::Result<()> {
        self.save_as(dir, StoredType::F32)
    }

    /// Writes what [`save`](Self::save) writes, with weights of the type `stored`. In
    /// [`Bf16`](StoredType::Bf16) they take half the bytes, and are rounded.
    ///
    /// # Errors
    /// If a file cannot be written.
    ///
    /// # Panics
    /// If the model is for inference only.
    #[track_caller]
    pub fn save_as(&self, dir: impl AsRef<Path>, stored: StoredType) -> files::Result<()> {
        let dir = dir.as_ref();
        weights::write(dir, self.parameters(), stored)?;
        hugging_face::write(dir, self.config(), stored)
    }
}
