//! GEGLU, y = gelu(gate) ∘ up, hence dgate = dy ∘ up ∘ gelu′(gate) and dup = dy ∘ gelu(gate).
//! (Shazeer, arXiv:2002.05202)

use super::elementwise::elementwise;
use super::gated::gated;
use super::gelu::{gelu, gelu_derivative};
use crate::Var;

impl<'t> Var<'t> {
    /// Returns GEGLU with `self` as the gate, an operand of products; `up` has the gate's shape.
    #[track_caller]
    pub fn geglu(&self, up: &Var<'t>) -> Var<'t> {
        elementwise!(gated("geglu", self, up; |x| gelu(x), |x| gelu_derivative(x)))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::testing;

    #[test]
    fn gradients() {
        let inputs = [testing::random(&[3, 5], 1), testing::random(&[3, 5], 2)];
        gradcheck(&inputs, |_, v| v[0].geglu(&v[1]));
    }
}
