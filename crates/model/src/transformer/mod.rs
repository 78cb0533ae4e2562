//! The whole model: embedding, blocks, final norm, output layer; written once for training and
//! generation. It is the architecture of Llama (H. Touvron et al., arXiv:2302.13971) and variants.

mod attention;
mod block;
mod feed_forward;
mod forward_pass;
mod kv_cache;
#[cfg(test)]
mod same_bits_tests;
mod tape_weights;
pub(crate) mod weights;

pub use kv_cache::KvCache;
pub use weights::QuantizeError;

use crate::parameters::list::{ModelLayout, ParameterId, parameter_list};
use crate::{Batch, ConfigError, ModelConfig, ParameterKind, Parameters};
use forward_pass::ForwardPass;
use ndarray::{ArrayView2, Axis, aview1};
use tensor::decode::Weight;
use tensor::ops::{RopeLayout, RopeTable};
use tensor::{Context, NamedTensorsError, Role, Tape, Tensor, Var};
use weights::{InferenceWeight, Weights};

/// The panic of training or saving weights that were read or rounded for inference.
const FOR_INFERENCE: &str = "Transformer: the weights are for inference only";

/// A transformer language model with its weights.
///
/// ```
/// use model::{ModelConfig, Transformer};
/// use tensor::{Context, ndarray::array};
///
/// let shape = ModelConfig { vocab_size: 10, d_model: 16, num_heads: 2, ..Default::default() };
/// let model = Transformer::new(ModelConfig { num_layers: 1, d_ff: 24, ..shape }, 0)?;
/// let logits = model.logits(Context::detect(), array![[1, 2, 3], [4, 5, 6]].view());
/// assert_eq!(logits.shape(), [2, 3, 10]); // (B, T, V)
///
/// # let temporary = tempfile::tempdir()?;
/// let dir = temporary.path().join("checkpoint");
/// model.save(&dir)?; // as Hugging Face's `transformers` reads it
/// assert_eq!(Transformer::load(&dir)?.config(), model.config());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Transformer {
    pub(crate) config: ModelConfig,
    pub(crate) layout: ModelLayout,
    pub(crate) rope: Option<RopeTable>,
    pub(crate) weights: Weights,
    /// The weights are from a directory whose output layer is its embedding if `true`.
    pub(crate) was_tied: bool,
}

/// An error of building a model.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ModelError {
    /// The shape is not that of a model.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tensors are not the parameters of a model of this shape.
    #[error(transparent)]
    Parameters(#[from] NamedTensorsError),
}

/// Returns the angles of the rotary embedding, if the model has one.
fn rope_table(config: &ModelConfig) -> Option<RopeTable> {
    let &ModelConfig { rope_theta, context_length, .. } = config;
    let table = || RopeTable::new(rope_theta, config.d_head(), context_length, RopeLayout::Halves);
    config.rope.then(table)
}

/// Returns one sequence as a batch (1, T).
fn one_row(ids: &[u32]) -> ArrayView2<'_, u32> {
    aview1(ids).insert_axis(Axis(0))
}

impl Transformer {
    /// Creates a model with random weights, which depend on `config` and `seed` alone.
    ///
    /// # Errors
    /// If the shape is not that of a model.
    pub fn new(config: ModelConfig, seed: u64) -> Result<Self, ConfigError> {
        config.validate()?;
        let parameters = Parameters::init(&config, seed);
        Ok(Self::with_weights(config, parameters))
    }

    /// Creates a model with the given weights, in any order.
    ///
    /// # Errors
    /// If the shape is not that of a model, or the tensors are not its parameters.
    pub fn from_tensors(
        config: ModelConfig,
        tensors: impl IntoIterator<Item = (String, Tensor)>,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        let parameters = Parameters::from_tensors(&config, tensors)?;
        Ok(Self::with_weights(config, parameters))
    }

    /// Creates a model of a valid `config` with the parameters that it asks for.
    pub(crate) fn with_weights(config: ModelConfig, parameters: Parameters) -> Self {
        Self::build(config, Weights::Full(parameters))
    }

    /// Creates a model of a valid `config` with weights in the order of its parameters.
    pub(crate) fn for_inference(config: ModelConfig, weights: Vec<InferenceWeight>) -> Self {
        Self::build(config, Weights::Inference(weights))
    }

    fn build(config: ModelConfig, weights: Weights) -> Self {
        let ((_, layout), rope) = (parameter_list(&config), rope_table(&config));
        Self { config, layout, rope, weights, was_tied: false }
    }

    /// Returns `true` if this model was read from a directory whose output layer is its embedding
    /// (`tie_word_embeddings`). It then has two equal matrices, which training makes different, and
    /// is saved with both.
    pub fn was_tied(&self) -> bool {
        self.was_tied
    }

    /// Returns the model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns the bytes of weights that a generated token reads: of the embedding it is one row,
    /// which is left out, of all else everything.
    pub fn bytes_per_token(&self) -> usize {
        let (specs, _) = parameter_list(&self.config);
        let ids = (0..specs.len()).filter(|&id| specs[id].kind != ParameterKind::Embedding);
        ids.map(|id| match self.weights.matrix(ParameterId(id)) {
            Weight::Dense(tensor) => tensor.len() * tensor.dtype().size(),
            Weight::Int8(matrix) => matrix.size(),
        })
        .sum()
    }

    /// Changes the number of positions that attention spans; no weight depends on it.
    ///
    /// # Errors
    /// If no model has this context length.
    pub fn set_context_length(&mut self, context_length: usize) -> Result<(), ConfigError> {
        self.set_config(ModelConfig { context_length, ..self.config.clone() })
    }

    /// Sets the BOS and EOS token ids.
    ///
    /// # Errors
    /// If a token is not in the vocabulary.
    pub fn set_special_tokens(
        &mut self,
        bos_token_id: Option<u32>,
        eos_token_ids: Vec<u32>,
    ) -> Result<(), ConfigError> {
        self.set_config(ModelConfig { bos_token_id, eos_token_ids, ..self.config.clone() })
    }

    fn set_config(&mut self, config: ModelConfig) -> Result<(), ConfigError> {
        config.validate()?;
        self.rope = rope_table(&config);
        self.config = config;
        Ok(())
    }

    /// Returns the weights.
    ///
    /// # Panics
    /// If they are for inference only.
    #[track_caller]
    pub fn parameters(&self) -> &Parameters {
        let Weights::Full(parameters) = &self.weights else { panic!("{FOR_INFERENCE}") };
        parameters
    }

    /// Returns the weights for an optimizer to change.
    ///
    /// # Panics
    /// If they are for inference only.
    #[track_caller]
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        let Weights::Full(parameters) = &mut self.weights else { panic!("{FOR_INFERENCE}") };
        parameters
    }

    /// Rounds the matrices of all linear layers to 8 bits, a quarter of the memory to read per
    /// token. Embedding and norms stay as they are. The model can no longer be trained or saved.
    ///
    /// # Errors
    /// If a matrix has an element that is not a finite number.
    pub fn quantize_int8(self) -> Result<Self, QuantizeError> {
        let (specs, _) = parameter_list(&self.config);
        Ok(Self { weights: self.weights.quantize_int8(&specs)?, ..self })
    }

    /// Begins a pass whose first token is at position `start`.
    fn pass<'m, 't>(&'m self, tape: &'t Tape, start: usize) -> ForwardPass<'m, 't> {
        let (config, rope) = (&self.config, self.rope.as_ref());
        ForwardPass { config, rope, weights: self.weights.on_tape(tape), start }
    }

    /// Returns the input (B, T, C) of the output layer for token ids (B, T).
    #[track_caller]
    fn hidden<'t>(
        &self,
        pass: &ForwardPass<'_, 't>,
        ids: ArrayView2<'_, u32>,
        cache: Option<&mut KvCache>,
    ) -> Var<'t> {
        let (batch, time) = ids.dim();
        let ids = ids.as_standard_layout();
        let ids = ids.as_slice().expect("the elements are in the standard layout");
        let (end, context_length) = (pass.start + time, self.config.context_length);
        assert!(end <= context_length, "Transformer: {end} positions of {context_length}");
        let mut caches = cache.map(|cache| cache.layers.iter_mut());
        let mut x = pass.weights.full(self.layout.embed_tokens).embedding(ids, &[batch, time]);
        for block in &self.layout.layers {
            x = block.forward(x, pass, caches.as_mut().and_then(Iterator::next));
        }
        pass.norm(x, self.layout.norm, Role::Operand)
    }

    /// Returns the loss of a pass over whole sequences.
    #[track_caller]
    fn loss<'t>(&self, pass: &ForwardPass<'_, 't>, Batch { ids, targets }: &Batch) -> Var<'t> {
        assert_eq!(ids.dim(), targets.dim(), "Transformer: shapes of ids and targets");
        let x = self.hidden(pass, ids.view(), None);
        let targets = targets.as_standard_layout();
        let targets = targets.as_slice().expect("the elements are in the standard layout");
        pass.weights.linear_cross_entropy(&x, self.layout.lm_head, targets)
    }

    /// Returns the mean loss in nats of predicting the targets of `batch`, and its gradients in the
    /// parameters, in their order and of their shapes.
    ///
    /// # Panics
    /// If sizes or ids do not fit the model, or its weights are for inference only.
    #[track_caller]
    pub fn loss_and_gradients(&self, ctx: Context, batch: &Batch) -> (f32, Vec<Tensor>) {
        let parameters = self.parameters().tensors();
        let tape = Tape::new(ctx);
        let pass = self.pass(&tape, 0);
        let loss = self.loss(&pass, batch);
        let mut gradients = tape.backward(&loss);
        let in_order = pass.weights.gradients(&mut gradients, parameters);
        (loss.value().item(), in_order)
    }

    /// Returns the mean loss in nats of predicting the targets of `batch`.
    ///
    /// # Panics
    /// If sizes or ids do not fit the model.
    #[track_caller]
    pub fn evaluate(&self, ctx: Context, batch: &Batch) -> f32 {
        let tape = Tape::inference(ctx);
        self.loss(&self.pass(&tape, 0), batch).value().item()
    }

    /// Returns the logits (B, T, V) of the token after each position of `ids` (B, T).
    ///
    /// # Panics
    /// If sizes or ids do not fit the model.
    #[track_caller]
    pub fn logits(&self, ctx: Context, ids: ArrayView2<'_, u32>) -> Tensor {
        let tape = Tape::inference(ctx);
        let pass = self.pass(&tape, 0);
        let x = self.hidden(&pass, ids, None);
        pass.weights.linear(&x, self.layout.lm_head).into_value()
    }

    /// Runs one sequence (T) and calls `visit` with the logits (N, V) of N ≤ `rows` consecutive
    /// positions at a time, and the index of the first, so that not all logits exist at once.
    pub(crate) fn logits_by_rows(
        &self,
        ctx: Context,
        ids: &[u32],
        rows: usize,
        mut visit: impl FnMut(usize, &Tensor),
    ) {
        let (time, d_model) = (ids.len(), self.config.d_model);
        let tape = Tape::inference(ctx);
        let pass = self.pass(&tape, 0);
        let x = self.hidden(&pass, one_row(ids), None).value().reshape(&[time, d_model]);
        for start in (0..time).step_by(rows) {
            let piece = tape.constant(x.slice_first(start, time.min(start + rows)));
            visit(start, pass.weights.linear(&piece, self.layout.lm_head).value());
        }
    }

    /// Appends token ids (T), at least one, to the sequence in `cache`. Returns the logits (V) of
    /// the token that follows them.
    ///
    /// # Panics
    /// If the sequence gets longer than the context, an id is not in the vocabulary, or the cache
    /// is that of a model of another shape.
    #[track_caller]
    pub fn next_logits(&self, ctx: Context, ids: &[u32], cache: &mut KvCache) -> Tensor {
        let (time, d_model) = (ids.len(), self.config.d_model);
        assert!(time > 0, "Transformer::next_logits: no token ids");
        cache.assert_fits(&self.config);
        cache.reserve(time);
        let tape = Tape::inference(ctx);
        let pass = self.pass(&tape, cache.len());
        let x = self.hidden(&pass, one_row(ids), Some(cache));
        cache.advance(time);
        let last = x.value().reshape(&[time, d_model]).slice_first(time - 1, time);
        let logits = pass.weights.linear(&tape.constant(last), self.layout.lm_head);
        logits.value().reshape(&[self.config.vocab_size])
    }
}
