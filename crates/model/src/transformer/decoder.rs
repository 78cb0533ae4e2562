//! The steps of generation: one token, or a few, of several texts at a time.

use super::Transformer;
use super::kv_cache::KvCache;
use tensor::Context;

/// A text of a batch: its keys and values, and the token ids that the next step appends to them.
pub struct Slot {
    /// The positions read so far.
    pub cache: KvCache,
    /// The token ids to append: none, one, or several if some of them are drafts.
    pub ids: Vec<u32>,
}

/// A model as it is used to generate tokens.
pub struct Decoder<'m> {
    model: &'m Transformer,
    ctx: Context,
    /// (N, V)
    logits: Vec<f32>,
}

impl<'m> Decoder<'m> {
    /// Prepares to generate.
    pub fn new(model: &'m Transformer, ctx: Context) -> Self {
        Self { model, ctx, logits: Vec::new() }
    }

    /// Appends the ids of each slot to its cache. Returns the logits (N, V) of the tokens that
    /// follow each of the N ids of all slots, in their order.
    ///
    /// # Panics
    /// If a text gets longer than the context, an id is not in the vocabulary, or a cache is that
    /// of a model of another shape.
    #[track_caller]
    pub fn step(&mut self, slots: &mut [Slot]) -> &mut [f32] {
        self.logits.clear();
        for Slot { cache, ids } in slots {
            for id in ids {
                let logits = self.model.next_logits(self.ctx, &[*id], cache);
                self.logits.extend_from_slice(logits.as_slice());
            }
        }
        &mut self.logits
    }
}
