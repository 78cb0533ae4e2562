//! The weights of one pass on a tape, looked up by their index in the list of parameters.

use crate::parameters::list::ParameterId;
use tensor::ops::Int8Matrix;
use tensor::{Gradients, Role, Tensor, Var};

/// One weight on a tape.
pub(super) enum TapeWeight<'m, 't> {
    /// In `f32`; on a recording tape it gets a gradient.
    Full(Var<'t>),
    /// A matrix of 8-bit integers, for inference only.
    Int8(&'m Int8Matrix),
}

/// All weights of a model on a tape, in the order of the list of parameters.
pub(super) struct TapeWeights<'m, 't>(pub(super) Vec<TapeWeight<'m, 't>>);

impl<'t> TapeWeights<'_, 't> {
    /// Returns a weight that is stored in `f32`.
    pub(super) fn full(&self, id: ParameterId) -> &Var<'t> {
        match &self.0[id.0] {
            TapeWeight::Full(weight) => weight,
            // `Weights::quantize_int8` rounds the matrices of linear layers only, and those are
            // looked up here only after a check that none is in 8 bits.
            TapeWeight::Int8(_) => panic!("the weight {id:?} is stored in 8 bits"),
        }
    }

    /// Takes the gradients of all `parameters` out of `gradients`; zeros for unused ones.
    pub(super) fn gradients(
        &self,
        gradients: &mut Gradients,
        parameters: &[Tensor],
    ) -> Vec<Tensor> {
        let of_one = |(weight, parameter): (&TapeWeight<'_, '_>, &Tensor)| {
            let gradient = match weight {
                TapeWeight::Full(leaf) => gradients.take(leaf),
                TapeWeight::Int8(_) => None,
            };
            gradient.unwrap_or_else(|| Tensor::zeros(parameter.shape()))
        };
        self.0.iter().zip(parameters).map(of_one).collect()
    }

    /// Returns x (…, in) times the transposed weight (out, in): (…, out).
    pub(super) fn linear(&self, x: &Var<'t>, id: ParameterId) -> Var<'t> {
        match &self.0[id.0] {
            TapeWeight::Full(weight) => x.linear(weight),
            TapeWeight::Int8(weight) => x.linear_int8(weight),
        }
    }

    /// Returns [`linear`](Self::linear) of each weight, for outputs that stay within a block.
    pub(super) fn linear_many<const N: usize>(
        &self,
        x: &Var<'t>,
        ids: [ParameterId; N],
    ) -> [Var<'t>; N] {
        if ids.iter().all(|id| matches!(self.0[id.0], TapeWeight::Full(_))) {
            x.linear_many(ids.map(|id| self.full(id)), Role::Operand)
        } else {
            ids.map(|id| self.linear(x, id))
        }
    }

    /// Returns the mean cross entropy, in nats, of the logits x (…, C) · weight (V, C)ᵀ, with one
    /// target per row.
    pub(super) fn linear_cross_entropy(
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
