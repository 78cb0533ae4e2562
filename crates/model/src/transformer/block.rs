//! A block: attention, then the feed-forward network, each added to the residual stream x.
//!
//! References: R. Xiong et al., *On Layer Normalization in the Transformer Architecture*,
//! arXiv:2002.04745 (norms before and after); B. Zhang and R. Sennrich, arXiv:1910.07467 (RMSNorm).

use super::forward_pass::ForwardPass;
use super::kv_cache::LayerCache;
use crate::Norm;
use crate::parameters::list::{BlockLayout, ParameterId};
use tensor::{Role, Var};

impl BlockLayout {
    /// Returns the residual stream (B, T, C) after this block, x (B, T, C) before it.
    pub(super) fn forward<'t>(
        &self,
        x: Var<'t>,
        pass: &ForwardPass<'_, 't>,
        cache: Option<&mut LayerCache>,
    ) -> Var<'t> {
        let attention = |x: &Var<'t>| self.attention.forward(x, pass, cache);
        let x = residual(pass, x, self.input_layernorm, attention);
        let feed_forward = |x: &Var<'t>| self.feed_forward.forward(x, pass);
        residual(pass, x, self.post_attention_layernorm, feed_forward)
    }
}

/// Adds the output of `half` to x; the norm is before `half`, after the sum, or nowhere.
fn residual<'t>(
    pass: &ForwardPass<'_, 't>,
    x: Var<'t>,
    norm: Option<ParameterId>,
    half: impl FnOnce(&Var<'t>) -> Var<'t>,
) -> Var<'t> {
    match pass.config.norm {
        Norm::Pre => x.add(&half(&pass.norm(x.clone(), norm, Role::Operand))),
        Norm::Post => pass.norm(x.add(&half(&x)), norm, Role::Residual),
        Norm::None => x.add(&half(&x)),
    }
}
