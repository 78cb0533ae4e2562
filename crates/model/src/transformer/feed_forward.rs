//! The feed-forward network of a block: a wider layer, applied to each position alone.
//!
//! Reference for the gated kinds: N. Shazeer, *GLU Variants Improve Transformer*, arXiv:2002.05202.

use super::forward_pass::ForwardPass;
use crate::FeedForward;
use crate::parameters::list::FeedForwardLayout;
use tensor::Var;

impl FeedForwardLayout {
    /// Returns (B, T, C) for x (B, T, C); the inner layer is (B, T, F).
    pub(super) fn forward<'t>(&self, x: &Var<'t>, pass: &ForwardPass<'_, 't>) -> Var<'t> {
        let (gate, up) = match self.gate_proj {
            Some(gate_proj) => {
                let [gate, up] = pass.weights.linear_many(x, [gate_proj, self.up_proj]);
                (Some(gate), up)
            }
            None => {
                let [up] = pass.weights.linear_many(x, [self.up_proj]);
                (None, up)
            }
        };
        let inner = match (pass.config.ffn, gate) {
            (FeedForward::SwiGlu, Some(gate)) => gate.swiglu(&up),
            (FeedForward::GeGlu, Some(gate)) => gate.geglu(&up),
            (FeedForward::Silu, None) => up.silu(),
            (FeedForward::Gelu, None) => up.gelu(),
            // The list of parameters is made from the same configuration, with a gate exactly if
            // `FeedForward::is_gated`.
            (ffn, gate) => unreachable!("{ffn} with a gate: {}", gate.is_some()),
        };
        pass.weights.linear(&inner, self.down_proj)
    }
}
