//! Causal self-attention with several heads, their queries and keys rotated by position.
//!
//! softmax(q·kᵀ/√D + mask)·v a head, then a linear layer over the heads side by side.
//! References: arXiv:1706.03762 (attention), arXiv:2104.09864 (rotary embedding).

use crate::block::Pass;
use crate::cache::LayerCache;
use crate::params::AttentionLayout;
use tensor::Var;
use tensor::ops::{RopeLayout, attend_to_cache};

impl AttentionLayout {
    /// x (B, T, C) → (B, T, C). With a cache, x continues the positions that it holds, and joins them.
    pub(crate) fn forward<'t>(
        &self,
        x: &Var<'t>,
        pass: &Pass<'_, 't>,
        cache: Option<&mut LayerCache>,
    ) -> Var<'t> {
        let rotate = |x: Var<'t>| match pass.rope {
            Some(table) => x.rope(table, pass.start, RopeLayout::Halves),
            None => x,
        };
        let [q, k, v] = pass
            .weights
            .linears(x, [self.q_proj, self.k_proj, self.v_proj])
            .map(|x| x.split_heads(pass.config.num_heads)); // (B, H, T, D)
        let (q, k) = (rotate(q), rotate(k));
        let attended = match cache {
            None => q.causal_attention(&k, &v),
            Some(cache) => {
                let (keys, values, len) = cache.append(pass.start, k.value(), v.value());
                x.tape().constant(attend_to_cache(x.context(), q.value(), keys, values, len))
            }
        };
        pass.weights.linear(&attended.merge_heads(), self.o_proj)
    }
}
