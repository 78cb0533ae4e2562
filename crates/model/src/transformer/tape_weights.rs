//! The weights of one pass: put on a tape, looked up by their place in the list.

use crate::parameters::ParameterId;
use tensor::Var;
use tensor::ops::Int8Matrix;

/// A weight on a tape.
pub(crate) enum TapeWeight<'m, 't> {
    /// All of it in `f32`; on a recording tape its gradient is wanted.
    Full(Var<'t>),
    /// A matrix of 8-bit integers, for inference only.
    Int8(&'m Int8Matrix),
}

/// All weights of a model on a tape, in the order of the list of parameters.
pub(crate) struct TapeWeights<'m, 't>(pub(crate) Vec<TapeWeight<'m, 't>>);

impl<'t> TapeWeights<'_, 't> {
    /// A weight that is held in full.
    pub(crate) fn full(&self, id: ParameterId) -> &Var<'t> {
        match &self.0[id.0] {
            TapeWeight::Full(weight) => weight,
            // `Transformer::quantize_int8` rounds the matrices of linear layers only. Embeddings
            // and norms alone are asked for directly; `linears` asks once it has seen that all are
            // full.
            TapeWeight::Int8(_) => panic!("the weight {id:?} is held in 8 bits"),
        }
    }

    /// x (…, in) by the weight (out, in) → (…, out).
    pub(crate) fn linear(&self, x: &Var<'t>, id: ParameterId) -> Var<'t> {
        match &self.0[id.0] {
            TapeWeight::Full(weight) => x.linear(weight),
            TapeWeight::Int8(weight) => x.linear_int8(weight),
        }
    }

    /// x (…, in) by each of the weights (out_i, in) → (…, out_i) each, for what stays within a
    /// block: in bf16 precision it is rounded.
    pub(crate) fn linears<const N: usize>(
        &self,
        x: &Var<'t>,
        ids: [ParameterId; N],
    ) -> [Var<'t>; N] {
        if ids.iter().all(|id| matches!(self.0[id.0], TapeWeight::Full(_))) {
            x.linears_rounded(ids.map(|id| self.full(id)))
        } else {
            ids.map(|id| self.linear(x, id))
        }
    }

    /// The mean cross entropy of the logits that x (…, C) and the weight (V, C) give, in nats; one
    /// target a row.
    pub(crate) fn linear_cross_entropy(
        &self,
        x: &Var<'t>,
        id: ParameterId,
        targets: &[u32],
    ) -> Var<'t> {
        match &self.0[id.0] {
            TapeWeight::Full(weight) => x.linear_cross_entropy(weight, targets),
            TapeWeight::Int8(weight) => x.linear_int8(weight).cross_entropy(targets),
        }
    }
}
