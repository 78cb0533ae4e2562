//! The whole model: embedding, blocks, final norm, output layer; written once for training and generation.

use crate::block::Pass;
use crate::bound::{BoundWeight, BoundWeights};
use crate::cache::KvCache;
use crate::params::{self, ModelLayout, ParameterKind};
use crate::{ConfigError, ModelConfig, Parameters, ParametersError};
use tensor::ops::{Int8Matrix, RopeTable};
use tensor::{Context, Tape, Tensor, Var};

/// A transformer language model with its weights.
pub struct Transformer {
    config: ModelConfig,
    layout: ModelLayout,
    rope: Option<RopeTable>,
    weights: Weights,
}

/// How the weights are held.
enum Weights {
    /// In `f32`, for training and inference.
    Full(Parameters),
    /// Matrices of linear layers in 8 bits, for inference only.
    Int8(Vec<InferenceWeight>),
}

enum InferenceWeight {
    Full(Tensor),
    Int8(Int8Matrix),
}

/// Why a model cannot be built.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum ModelError {
    /// The shape is not that of a model.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tensors are not the parameters of a model of this shape.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
}

/// The angles of the rotary embedding, if the model has one.
fn rope_table(config: &ModelConfig) -> Option<RopeTable> {
    config.rope.then(|| RopeTable::new(config.rope_theta, config.d_head(), config.context_length))
}

impl Transformer {
    /// A model with random weights, which depend on `seed` alone.
    ///
    /// # Errors
    /// If the shape is not that of a model.
    pub fn new(config: ModelConfig, seed: u64) -> Result<Self, ConfigError> {
        config.validate()?;
        let parameters = Parameters::init(&config, seed);
        Ok(Self::with_weights(config, parameters))
    }

    /// A model with the given weights, in any order.
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

    /// `config` is valid and `parameters` are its own.
    pub(crate) fn with_weights(config: ModelConfig, parameters: Parameters) -> Self {
        let (_, layout) = params::list(&config);
        let rope = rope_table(&config);
        Self { config, layout, rope, weights: Weights::Full(parameters) }
    }

    /// The model's shape.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Attends to another number of positions from now on; no weight depends on it.
    ///
    /// # Errors
    /// If no model has this context length.
    pub fn set_context_length(&mut self, context_length: usize) -> Result<(), ConfigError> {
        let config = ModelConfig { context_length, ..self.config.clone() };
        config.validate()?;
        self.rope = rope_table(&config);
        self.config = config;
        Ok(())
    }

    /// Says which tokens begin and end a text.
    ///
    /// # Errors
    /// If a token is not in the vocabulary.
    pub fn set_special_tokens(
        &mut self,
        bos_token_id: Option<u32>,
        eos_token_ids: Vec<u32>,
    ) -> Result<(), ConfigError> {
        let config = ModelConfig { bos_token_id, eos_token_ids, ..self.config.clone() };
        config.validate()?;
        self.config = config;
        Ok(())
    }

    /// The weights.
    ///
    /// # Panics
    /// If they are held in 8 bits.
    #[track_caller]
    pub fn parameters(&self) -> &Parameters {
        match &self.weights {
            Weights::Full(parameters) => parameters,
            Weights::Int8(_) => panic!("Transformer::parameters: the weights are held in 8 bits"),
        }
    }

    /// The weights, for an optimizer to change.
    ///
    /// # Panics
    /// If they are held in 8 bits.
    #[track_caller]
    pub fn parameters_mut(&mut self) -> &mut Parameters {
        match &mut self.weights {
            Weights::Full(parameters) => parameters,
            Weights::Int8(_) => {
                panic!("Transformer::parameters_mut: the weights are held in 8 bits")
            }
        }
    }

    /// The same model with the matrices of all linear layers rounded to 8 bits, a quarter of the memory to
    /// read for each token. Embedding and norms stay as they are. Such a model cannot be trained or saved.
    pub fn quantize_int8(self) -> Self {
        let Weights::Full(parameters) = self.weights else { return self };
        let weights = parameters.specs().iter().zip(parameters.tensors());
        let weights = weights.map(|(spec, tensor)| match spec.kind {
            ParameterKind::Linear => InferenceWeight::Int8(Int8Matrix::quantize(tensor)),
            ParameterKind::Embedding | ParameterKind::Norm => InferenceWeight::Full(tensor.clone()),
        });
        Self { weights: Weights::Int8(weights.collect()), ..self }
    }

    /// Puts the weights on a tape: as leaves, whose gradients are wanted if the tape records.
    fn bind<'m, 't>(&'m self, tape: &'t Tape) -> BoundWeights<'m, 't> {
        let full = |tensor: &Tensor| BoundWeight::Full(tape.leaf(tensor.clone()));
        BoundWeights(match &self.weights {
            Weights::Full(parameters) => parameters.tensors().iter().map(full).collect(),
            Weights::Int8(weights) => weights
                .iter()
                .map(|weight| match weight {
                    InferenceWeight::Full(tensor) => full(tensor),
                    InferenceWeight::Int8(matrix) => BoundWeight::Int8(matrix),
                })
                .collect(),
        })
    }

    /// A pass whose first token is at position `start`.
    fn pass<'m, 't>(&'m self, tape: &'t Tape, start: usize) -> Pass<'m, 't> {
        let (config, rope) = (&self.config, self.rope.as_ref());
        Pass { config, rope, weights: self.bind(tape), start }
    }

    /// Token ids (B, T) → what the output layer reads (B, T, C).
    fn hidden<'t>(
        &self,
        pass: &Pass<'_, 't>,
        ids: &[u32],
        [batch, time]: [usize; 2],
        cache: Option<&mut KvCache>,
    ) -> Var<'t> {
        assert_eq!(ids.len(), batch * time, "Transformer: {batch} × {time} token ids");
        let context_length = self.config.context_length;
        assert!(
            pass.start + time <= context_length,
            "Transformer: {time} positions from {} in a context of {context_length}",
            pass.start
        );
        let mut caches = cache.map(|cache| cache.layers.iter_mut());
        let mut x = pass.weights.full(self.layout.embed_tokens).embedding(ids, &[batch, time]);
        for block in &self.layout.layers {
            x = block.forward(x, pass, caches.as_mut().and_then(Iterator::next));
        }
        pass.norm(x, self.layout.norm)
    }

    /// The mean loss in nats of predicting `targets` from `ids`, (B, T) each, and its gradients in
    /// the parameters, in their order and of their shapes.
    ///
    /// # Panics
    /// If sizes or ids do not fit the model, or its weights are held in 8 bits.
    #[track_caller]
    pub fn loss_and_gradients(
        &self,
        ctx: Context,
        ids: &[u32],
        targets: &[u32],
        batch: usize,
        time: usize,
    ) -> (f32, Vec<Tensor>) {
        let parameters = self.parameters();
        let tape = Tape::new(ctx);
        let pass = self.pass(&tape, 0);
        let x = self.hidden(&pass, ids, [batch, time], None);
        let loss = pass.weights.linear_cross_entropy(&x, self.layout.lm_head, targets);
        drop(x);
        let mut gradients = tape.backward(&loss);
        let of_parameter = |(weight, parameter): (&BoundWeight<'_, '_>, &Tensor)| {
            let gradient = match weight {
                BoundWeight::Full(leaf) => gradients.take(leaf),
                BoundWeight::Int8(_) => None,
            };
            gradient.unwrap_or_else(|| Tensor::zeros(parameter.shape()))
        };
        let in_order = pass.weights.0.iter().zip(parameters.tensors()).map(of_parameter).collect();
        (loss.value().item(), in_order)
    }

    /// The mean loss in nats of predicting `targets` from `ids`, (B, T) each.
    ///
    /// # Panics
    /// If sizes or ids do not fit the model.
    #[track_caller]
    pub fn evaluate(
        &self,
        ctx: Context,
        ids: &[u32],
        targets: &[u32],
        batch: usize,
        time: usize,
    ) -> f32 {
        let tape = Tape::inference(ctx);
        let pass = self.pass(&tape, 0);
        let x = self.hidden(&pass, ids, [batch, time], None);
        pass.weights.linear_cross_entropy(&x, self.layout.lm_head, targets).value().item()
    }

    /// Token ids (B, T) → the logits of each position's next token (B, T, V).
    ///
    /// # Panics
    /// If sizes or ids do not fit the model.
    #[track_caller]
    pub fn logits(&self, ctx: Context, ids: &[u32], batch: usize, time: usize) -> Tensor {
        let tape = Tape::inference(ctx);
        let pass = self.pass(&tape, 0);
        let x = self.hidden(&pass, ids, [batch, time], None);
        pass.weights.linear(&x, self.layout.lm_head).into_value()
    }

    /// Runs one sequence (T) and hands each piece of at most `rows` positions' logits (rows, V), with the index of
    /// its first position, to `visit`: for vocabularies whose logits are too many to exist at once.
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
        let x = self.hidden(&pass, ids, [1, time], None).value().reshape(&[time, d_model]);
        for start in (0..time).step_by(rows) {
            let piece = tape.constant(x.slice_first(start, time.min(start + rows)));
            visit(start, pass.weights.linear(&piece, self.layout.lm_head).value());
        }
    }

    /// Appends token ids (T), at least one, to the sequence in `cache` → the logits (V) of the token that follows them.
    ///
    /// # Panics
    /// If the sequence gets longer than the context, or an id is not in the vocabulary.
    #[track_caller]
    pub fn next_logits(&self, ctx: Context, ids: &[u32], cache: &mut KvCache) -> Tensor {
        let (time, d_model) = (ids.len(), self.config.d_model);
        assert!(time > 0, "Transformer::next_logits: no token ids");
        cache.reserve(time);
        let tape = Tape::inference(ctx);
        let pass = self.pass(&tape, cache.len());
        let x = self.hidden(&pass, ids, [1, time], Some(cache));
        cache.advance(time);
        let last = x.value().reshape(&[time, d_model]).slice_first(time - 1, time);
        let logits = pass.weights.linear(&tape.constant(last), self.layout.lm_head);
        logits.value().reshape(&[self.config.vocab_size])
    }
}
