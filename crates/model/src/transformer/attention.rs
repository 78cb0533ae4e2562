//! Causal self-attention with several heads, their queries and keys rotated by position.
//!
//! softmax(q·kᵀ/√D + mask)·v per head, then a linear layer over the concatenated heads.
//! References: A. Vaswani et al., *Attention Is All You Need*, arXiv:1706.03762; J. Su et al.,
//! *RoFormer*, arXiv:2104.09864 (rotary embedding).

use super::forward_pass::ForwardPass;
use super::kv_cache::LayerCache;
use crate::parameters::list::AttentionLayout;
use tensor::ops::{attend_to_cache, write_heads};
use tensor::{Tensor, Var};

impl AttentionLayout {
    /// Returns (B, T, C) for x (B, T, C). With a cache, x continues the positions in it and is
    /// appended.
    pub(super) fn forward<'t>(
        &self,
        x: &Var<'t>,
        pass: &ForwardPass<'_, 't>,
        cache: Option<&mut LayerCache>,
    ) -> Var<'t> {
        let projections = [self.q_proj, self.k_proj, self.v_proj];
        let [q, k, v] = pass.weights.linear_many(x, projections); // (B, T, C)
        let attended = match cache {
            None => q.causal_attention(&k, &v, pass.config.num_heads, pass.rope),
            Some(cache) => x.tape().constant(append_and_attend(cache, pass, [&q, &k, &v])),
        };
        pass.weights.linear(&attended, self.o_proj)
    }
}

/// Appends the rotated keys k and the values v (1, T, C) to `cache`, then attends from q (1, T, C),
/// at the same positions, to everything in it. Returns (1, T, C).
fn append_and_attend(
    cache: &mut LayerCache,
    pass: &ForwardPass<'_, '_>,
    [q, k, v]: [&Var<'_>; 3],
) -> Tensor {
    let (context, rope, start) = (q.context(), pass.rope, pass.start);
    write_heads(context, k.value(), rope, &mut cache.keys, start);
    write_heads(context, v.value(), None, &mut cache.values, start);
    attend_to_cache(context, q.value(), rope, [&cache.keys, &cache.values], start)
}
