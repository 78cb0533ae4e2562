//! SiLU, y = x·σ(x), hence dx = dy·σ(x)·(1 + x·(1 − σ(x))). (Elfwing et al., arXiv:1702.03118)

use super::elementwise::{map, zip};
use crate::simd::sigmoid;
use crate::{Op, Var};

/// x·σ(x).
#[inline(always)]
pub(crate) fn silu(x: f32) -> f32 {
    x * sigmoid(x)
}

/// The derivative of [`silu`].
#[inline(always)]
pub(crate) fn silu_derivative(x: f32) -> f32 {
    let s = sigmoid(x);
    s * (1.0 + x * (1.0 - s))
}

impl<'t> Var<'t> {
    /// Any shape; the output has the same. In bf16 precision it is rounded.
    pub fn silu(&self) -> Var<'t> {
        let op = Op::new("silu", &[self]).takes_rounded_gradients();
        let (context, x) = (self.context(), self.value().clone());
        let y = map(context, &x, context.operands(), silu);
        op.record(y, move |dy, grads| {
            let dx = zip(context, [&dy, &x], grads.dtype(1), |dy, x| dy * silu_derivative(x));
            grads.give(0, dx);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn gradients() {
        testing::gradcheck(&[testing::random(&[3, 5], 1)], |_, v| v[0].silu());
    }

    #[test]
    fn large_arguments_do_not_overflow() {
        assert_eq!(silu(1e4), 1e4);
        assert_eq!(silu(-1e4).abs(), 0.0);
        assert_eq!(silu_derivative(1e4), 1.0);
        assert_eq!(silu_derivative(-1e4).abs(), 0.0);
    }
}
