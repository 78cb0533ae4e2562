//! SwiGLU, y = silu(gate) ∘ up, hence dgate = dy ∘ up ∘ silu′(gate) and dup = dy ∘ silu(gate).
//! (Shazeer, arXiv:2002.05202)

use super::elementwise::elementwise;
use super::gated::gated;
use super::silu::{silu, silu_derivative};
use crate::Var;

impl<'t> Var<'t> {
    /// Returns SwiGLU with `self` as the gate, an operand of products; `up` has the gate's shape.
    #[track_caller]
    pub fn swiglu(&self, up: &Var<'t>) -> Var<'t> {
        elementwise!(gated("swiglu", self, up; |x| silu(x), |x| silu_derivative(x)))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::testing;

    #[test]
    fn gradients() {
        let inputs = [testing::random(&[3, 5], 1), testing::random(&[3, 5], 2)];
        gradcheck(&inputs, |_, v| v[0].swiglu(&v[1]));
    }
}
