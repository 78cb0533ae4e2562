//! The whole model: embedding, blocks, final norm, output layer; written once for training and
//! generation.

mod attention;
mod block;
mod feed_forward;
mod kv_cache;
mod tape_weights;
mod weights;

pub use kv_cache::KvCache;
pub use weights::{ModelError, QuantizeError};

use crate::ModelConfig;
use crate::parameters::ModelLayout;
use block::ForwardPass;
use tape_weights::TapeWeight;
use tensor::ops::RopeTable;
use tensor::{Context, Tape, Tensor, Var};
use weights::Weights;

/// A transformer language model with its weights.
pub struct Transformer {
    config: ModelConfig,
    layout: ModelLayout,
    rope: Option<RopeTable>,
    weights: Weights,
    /// Whether the weights came from a directory whose output layer is its embedding.
    was_tied: bool,
}

impl Transformer {
    /// A pass whose first token is at position `start`.
    fn pass<'m, 't>(&'m self, tape: &'t Tape, start: usize) -> ForwardPass<'m, 't> {
        let (config, rope) = (&self.config, self.rope.as_ref());
        ForwardPass { config, rope, weights: self.bind(tape), start }
    }

    /// Token ids (B, T) → what the output layer reads (B, T, C).
    #[track_caller]
    fn hidden<'t>(
        &self,
        pass: &ForwardPass<'_, 't>,
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
        pass.norm_rounded(x, self.layout.norm)
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
        let of_parameter = |(weight, parameter): (&TapeWeight<'_, '_>, &Tensor)| {
            let gradient = match weight {
                TapeWeight::Full(leaf) => gradients.take(leaf),
                TapeWeight::Int8(_) => None,
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

    /// Runs one sequence (T) and hands each piece of at most `rows` positions' logits (rows, V),
    /// with the index of its first position, to `visit`: for vocabularies whose logits are too many
    /// to exist at once.
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

    /// Appends token ids (T), at least one, to the sequence in `cache` → the logits (V) of the
    /// token that follows them.
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
        let x = self.hidden(&pass, ids, [1, time], Some(cache));
        cache.advance(time);
        let last = x.value().reshape(&[time, d_model]).slice_first(time - 1, time);
        let logits = pass.weights.linear(&tape.constant(last), self.layout.lm_head);
        logits.value().reshape(&[self.config.vocab_size])
    }
}
