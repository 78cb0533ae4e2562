//! SiLU, y = x·σ(x), hence dx = dy·σ(x)·(1 + x·(1 − σ(x))). (Elfwing et al., arXiv:1702.03118)

use super::elementwise::{elementwise, unary};
use crate::simd::sigmoid;
use crate::{Role, Var};

/// Returns x·σ(x).
#[inline(always)]
pub(crate) fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// Returns the derivative of [`silu`].
#[inline(always)]
pub(crate) fn silu_derivative(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

impl<'t> Var<'t> {
    /// Returns SiLU of each element of a tensor of any shape, an operand of products.
    pub fn silu(&self) -> Var<'t> {
        elementwise!(unary("silu", self, Role::Operand; |x| silu(x), |x| silu_derivative(x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::gradcheck;
    use crate::testing;

    #[test]
    fn gradients() {
        gradcheck(&[testing::random(&[3, 5], 1)], |_, v| v[0].silu());
    }

    #[test]
    fn large_arguments_do_not_overflow() {
        assert_eq!(silu(1e4), 1e4);
        assert_eq!(silu(-1e4).abs(), 0.0);
        assert_eq!(silu_derivative(1e4), 1.0);
        assert_eq!(silu_derivative(-1e4).abs(), 0.0);
    }
}
