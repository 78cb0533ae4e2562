//! The feed-forward network of a block: each position by itself through a wider layer.
//!
//! Reference for the gated kinds: N. Shazeer, *GLU Variants Improve Transformer*, arXiv:2002.05202.

use crate::FeedForward;
use crate::block::Pass;
use crate::params::FeedForwardLayout;
use tensor::Var;

impl FeedForwardLayout {
    /// x (B, T, C) → (B, T, C), by way of (B, T, F).
    pub(crate) fn forward<'t>(&self, x: &Var<'t>, pass: &Pass<'_, 't>) -> Var<'t> {
        let up = pass.weights.linear(x, self.up_proj);
        let gate = self.gate_proj.map(|gate_proj| pass.weights.linear(x, gate_proj));
        let inner = match (pass.config.ffn, gate) {
            (FeedForward::SwiGlu, Some(gate)) => gate.swiglu(&up),
            (FeedForward::GeGlu, Some(gate)) => gate.geglu(&up),
            (FeedForward::Silu, None) => up.silu(),
            (FeedForward::Gelu, None) => up.gelu(),
            (ffn, gate) => panic!("{ffn}: a gate is in the list of parameters: {}", gate.is_some()),
        };
        pass.weights.linear(&inner, self.down_proj)
    }
}
