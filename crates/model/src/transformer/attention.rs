//! Causal self-attention with several heads, their queries and keys rotated by position.
//!
//! softmax(q·kᵀ/√D + mask)·v a head, then a linear layer over the heads side by side.
//! References: arXiv:1706.03762 (attention), arXiv:2104.09864 (rotary embedding).

use super::block::ForwardPass;
use super::kv_cache::LayerCache;
use crate::parameters::AttentionLayout;
use tensor::Var;

impl AttentionLayout {
    /// x (B, T, C) → (B, T, C). With a cache, x continues the positions that it holds, and joins
    /// them.
    pub(crate) fn forward<'t>(
        &self,
        x: &Var<'t>,
        pass: &ForwardPass<'_, 't>,
        cache: Option<&mut LayerCache>,
    ) -> Var<'t> {
        let projections = [self.q_proj, self.k_proj, self.v_proj];
        let [q, k, v] = pass.weights.linears(x, projections); // (B, T, C)
        let attended = match cache {
            None => q.causal_attention(&k, &v, pass.config.num_heads, pass.rope),
            Some(cache) => x.tape().constant(cache.append_and_attend(pass, [&q, &k, &v])),
        };
        pass.weights.linear(&attended, self.o_proj)
    }
}
