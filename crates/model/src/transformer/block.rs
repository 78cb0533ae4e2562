//! A block: attention, then the feed-forward network, each added to the residual stream x.

use super::kv_cache::LayerCache;
use super::tape_weights::TapeWeights;
use crate::parameters::{BlockLayout, ParameterId};
use crate::{ModelConfig, Norm};
use tensor::Var;
use tensor::ops::RopeTable;

/// What all blocks share while the model runs once.
pub(crate) struct ForwardPass<'m, 't> {
    pub(crate) config: &'m ModelConfig,
    pub(crate) weights: TapeWeights<'m, 't>,
    /// `None` if positions are not encoded.
    pub(crate) rope: Option<&'m RopeTable>,
    /// The position of the first token.
    pub(crate) start: usize,
}

impl<'t> ForwardPass<'_, 't> {
    /// The root mean square norm of x (…, C); x itself in an architecture without norms.
    fn norm(&self, x: Var<'t>, weight: Option<ParameterId>) -> Var<'t> {
        match weight {
            Some(weight) => x.rms_norm(self.weights.full(weight), self.config.rms_norm_eps as f32),
            None => x,
        }
    }

    /// The same for what nothing but linear layers read.
    pub(crate) fn norm_rounded(&self, x: Var<'t>, weight: Option<ParameterId>) -> Var<'t> {
        let eps = self.config.rms_norm_eps as f32;
        match weight {
            Some(weight) => x.rms_norm_rounded(self.weights.full(weight), eps),
            None => x,
        }
    }

    /// x with what `f` makes of it added, and the norm where the architecture has it.
    fn residual(
        &self,
        x: Var<'t>,
        norm: Option<ParameterId>,
        f: impl FnOnce(&Var<'t>) -> Var<'t>,
    ) -> Var<'t> {
        match self.config.norm {
            Norm::Pre => x.add(&f(&self.norm_rounded(x.clone(), norm))),
            Norm::Post => self.norm(x.add(&f(&x)), norm),
            Norm::None => x.add(&f(&x)),
        }
    }
}

impl BlockLayout {
    /// x (B, T, C) → (B, T, C).
    pub(crate) fn forward<'t>(
        &self,
        x: Var<'t>,
        pass: &ForwardPass<'_, 't>,
        cache: Option<&mut LayerCache>,
    ) -> Var<'t> {
        let x = pass.residual(x, self.input_layernorm, |x| self.attention.forward(x, pass, cache));
        pass.residual(x, self.post_attention_layernorm, |x| self.feed_forward.forward(x, pass))
    }
}
