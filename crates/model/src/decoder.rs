//! The steps of generation: one token, or a few, of several texts at a time, without a tape.
//!
//! It is the same architecture as [`Transformer`]'s, in operations for few rows
//! ([`tensor::decode`]), in which each sum has one order whatever is computed beside it: a token
//! has the same logits in any batch and with any number of threads.

use crate::parameters::list::{AttentionLayout, BlockLayout, FeedForwardLayout, ParameterId};
use crate::{FeedForward, KvCache, Norm, Transformer};
use tensor::Context;
use tensor::decode::{Activation, Heads, Input, Runner, Sums, TextCache};

/// A text of a batch: its keys and values, and the token ids that the next step appends to them.
pub struct Slot {
    /// The positions read so far.
    pub cache: KvCache,
    /// The token ids to append: none, one, or several if some of them are drafts.
    pub ids: Vec<u32>,
}

/// A model as it is used to generate tokens: its threads, which stay awake between steps for a
/// moment, and the memory of a step.
pub struct Decoder<'m> {
    model: &'m Transformer,
    runner: Runner,
    rows: Rows,
}

/// The values of N rows.
#[derive(Default)]
struct Rows {
    /// The residual stream, (N, C).
    x: Vec<f32>,
    /// Queries, keys and values, (N, C) each.
    qkv: [Vec<f32>; 3],
    /// The output of attention, (N, C).
    attended: Vec<f32>,
    /// The inner layer of the feed-forward network, (N, F).
    inner: Vec<f32>,
    /// (N, V)
    logits: Vec<f32>,
}

impl<'m> Decoder<'m> {
    /// Prepares to generate with so many threads as the current pool of `rayon` has.
    pub fn new(model: &'m Transformer, ctx: Context) -> Self {
        Self { model, runner: Runner::new(ctx), rows: Rows::default() }
    }

    /// Returns the runner, whose threads may be used between steps.
    pub fn runner(&self) -> &Runner {
        &self.runner
    }

    /// Returns the logits (N, V) of the last step.
    pub fn logits(&self) -> &[f32] {
        &self.rows.logits
    }

    /// Appends the ids of each slot to its cache. Returns the logits (N, V) of the tokens that
    /// follow each of the N ids of all slots, in their order.
    ///
    /// # Panics
    /// If a text gets longer than the context, an id is not in the vocabulary, or a cache is that
    /// of a model of another shape.
    #[track_caller]
    pub fn step(&mut self, slots: &mut [Slot]) -> &mut [f32] {
        let model = self.model;
        let config = &model.config;
        let count = slots.iter().map(|slot| slot.ids.len()).sum::<usize>();
        for Slot { cache, ids } in &mut *slots {
            cache.assert_fits(config);
            cache.reserve(ids.len());
        }
        self.rows.resize(count, [config.d_model, config.d_ff, config.vocab_size]);
        model.embed(slots, &mut self.rows.x);
        for (layer, block) in model.layout.layers.iter().enumerate() {
            self.block(layer, block, slots);
        }
        let Rows { x, logits, .. } = &mut self.rows;
        let input = Input { x, rows: count, norm: model.norm(model.layout.norm) };
        let lm_head = model.weights.matrix(model.layout.lm_head);
        self.runner.linear(input, [lm_head], [logits], Sums::Store);
        for Slot { cache, ids } in slots {
            cache.advance(ids.len());
        }
        &mut self.rows.logits
    }

    /// Runs a block: attention, then the feed-forward network, each added to the residual stream.
    fn block(&mut self, layer: usize, block: &BlockLayout, slots: &mut [Slot]) {
        let model = self.model;
        let [before, after] = match model.config.norm {
            Norm::Pre => [true, false],
            Norm::Post => [false, true],
            Norm::None => [false, false],
        };
        let norms = [block.input_layernorm, block.post_attention_layernorm];
        let [input, post_attention] = norms.map(|norm| model.norm(norm).filter(|_| before));
        self.attention(layer, &block.attention, input, slots);
        self.norm_after(norms[0].filter(|_| after));
        self.feed_forward(&block.feed_forward, post_attention);
        self.norm_after(norms[1].filter(|_| after));
    }

    /// Replaces the residual stream by its norm.
    fn norm_after(&mut self, norm: Option<ParameterId>) {
        if let Some((weight, eps)) = self.model.norm(norm) {
            self.runner.rms_norm(&mut self.rows.x, weight, eps);
        }
    }

    /// Adds the output of attention to the residual stream.
    fn attention(
        &mut self,
        layer: usize,
        layout: &AttentionLayout,
        norm: Option<(&[f32], f32)>,
        slots: &mut [Slot],
    ) {
        let Self { model, runner, rows: Rows { x, qkv: [q, k, v], attended, .. } } = self;
        let weight = |id| model.weights.matrix(id);
        let rows = x.len() / model.config.d_model;
        let projections = [layout.q_proj, layout.k_proj, layout.v_proj].map(weight);
        let input = Input { x, rows, norm };
        runner.linear(input, projections, [&mut *q, &mut *k, &mut *v], Sums::Store);
        let (num_heads, d_head) = (model.config.num_heads, model.config.d_head());
        let heads = Heads { num_heads, d_head, rope: model.rope.as_ref() };
        let caches = slots.iter_mut().map(|Slot { cache, ids }| {
            let (len, layer) = (cache.len(), &mut cache.layers[layer]);
            let (keys, values) = (layer.keys.as_mut_slice(), layer.values.as_mut_slice());
            TextCache { keys, values, len, rows: ids.len() }
        });
        runner.attention(heads, caches, [q, k, v], attended);
        let input = Input { x: attended, rows, norm: None };
        runner.linear(input, [weight(layout.o_proj)], [x], Sums::Add);
    }

    /// Adds the output of the feed-forward network to the residual stream.
    fn feed_forward(&mut self, layout: &FeedForwardLayout, norm: Option<(&[f32], f32)>) {
        let Self { model, runner, rows: Rows { x, inner, .. } } = self;
        let weight = |id| model.weights.matrix(id);
        let rows = x.len() / model.config.d_model;
        let activation = match model.config.ffn {
            FeedForward::SwiGlu | FeedForward::Silu => Activation::Silu,
            FeedForward::GeGlu | FeedForward::Gelu => Activation::Gelu,
        };
        let (gate, up) = (layout.gate_proj.map(weight), weight(layout.up_proj));
        runner.feed_forward(Input { x, rows, norm }, gate, up, activation, inner);
        let input = Input { x: inner, rows, norm: None };
        runner.linear(input, [weight(layout.down_proj)], [x], Sums::Add);
    }
}

impl Rows {
    /// Makes room for so many rows; `sizes` are C, F and V.
    fn resize(&mut self, rows: usize, [d_model, d_ff, vocab_size]: [usize; 3]) {
        let [q, k, v] = &mut self.qkv;
        for channels in [&mut self.x, q, k, v, &mut self.attended] {
            channels.resize(rows * d_model, 0.0);
        }
        self.inner.resize(rows * d_ff, 0.0);
        self.logits.resize(rows * vocab_size, 0.0);
    }
}

impl Transformer {
    /// Returns the weight of a norm and its ε.
    fn norm(&self, id: Option<ParameterId>) -> Option<(&[f32], f32)> {
        id.map(|id| (self.weights.tensor(id).as_slice(), self.config.rms_norm_eps as f32))
    }

    /// Writes the embeddings of the ids of all slots to `x` (N, C).
    #[track_caller]
    fn embed(&self, slots: &[Slot], x: &mut [f32]) {
        let table = self.weights.tensor(self.layout.embed_tokens);
        let ids = slots.iter().flat_map(|slot| &slot.ids);
        for (row, &id) in x.chunks_exact_mut(self.config.d_model).zip(ids) {
            table.read_row(id as usize, row);
        }
    }
}

#[cfg(test)]
mod tests;
