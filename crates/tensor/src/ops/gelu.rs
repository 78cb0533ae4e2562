//! GELU in its exact form, y = x·Φ(x) with the normal distribution Φ(x) = (1 + erf(x/√2)) / 2, hence
//! dx = dy·(Φ(x) + x·φ(x)) with the density φ(x) = exp(−x²/2) / √(2π). (Hendrycks and Gimpel, arXiv:1606.08415)

use super::elementwise::{map, zip};
use crate::{Op, Var};
use std::f32::consts::{FRAC_1_SQRT_2, PI};

/// Φ(x).
fn normal_distribution(x: f32) -> f32 {
    0.5 * (1.0 + libm::erff(x * FRAC_1_SQRT_2))
}

/// x·Φ(x).
pub(crate) fn gelu(x: f32) -> f32 {
    x * normal_distribution(x)
}

/// The derivative of [`gelu`].
pub(crate) fn gelu_derivative(x: f32) -> f32 {
    normal_distribution(x) + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

impl<'t> Var<'t> {
    /// Any shape; the output has the same.
    pub fn gelu(&self) -> Var<'t> {
        let op = Op::new("gelu", &[self]);
        let (context, x) = (self.context(), self.value().clone());
        let y = map(context, &x, gelu);
        op.record(y, move |dy, grads| {
            grads.give(0, zip(context, &dy, &x, |dy, x| dy * gelu_derivative(x)));
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn gradients() {
        testing::gradcheck(&[testing::random(&[3, 5], 1)], |_, v| v[0].gelu());
    }

    #[test]
    fn large_arguments_do_not_overflow() {
        assert_eq!(gelu(1e4), 1e4);
        assert_eq!(gelu(-1e4).abs(), 0.0);
        assert_eq!(gelu_derivative(1e4), 1.0);
        assert_eq!(gelu_derivative(-1e4).abs(), 0.0);
    }
}
