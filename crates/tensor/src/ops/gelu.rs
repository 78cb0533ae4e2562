//! GELU in its exact form, y = x·Φ(x) with the normal distribution Φ(x) = ½·erfc(−x/√2), hence dx =
//! dy·(Φ(x) + x·φ(x)) with the density φ(x) = exp(−x²/2) / √(2π). (Hendrycks and Gimpel,
//! arXiv:1606.08415)
//!
//! With u = |x| the tail of the distribution is Φ(−u) = 1 − Φ(u) = exp(−u²/2)·m(u), where m falls
//! slowly from ½ as 1/(u·√(2π)). So Φ has all its digits for negative x too, where 1 + erf(x/√2)
//! would cancel, and function and derivative share an exponential.

use super::elementwise::{elementwise, unary};
use crate::simd::exp;
use crate::{Role, Var};

/// Returns (Φ(x), √(2π)·φ(x)), with a relative error of at most 10⁻⁶ for x > −12.9; below, Φ is
/// subnormal.
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    let u = x.abs();
    let u = if u > 20.0 { 20.0 } else { u }; // the density is 0 there; NaN passes
    // u² = head² + (u − head)·(u + head). The head has half the digits, so that its square is
    // exact: a rounding error of u² would become one of the exponential, u²/2 times as large.
    let head = f32::from_bits(u.to_bits() & 0xffff_f000);
    let density = exp(-0.5 * (head * head)) * exp(-0.5 * ((u - head) * (u + head)));
    let tail = density * scaled_tail(u);
    (if x < 0.0 { tail } else { 1.0 - tail }, density)
}

/// Returns m(u) = exp(u²/2)·Φ(−u) for u ≥ 0, with a relative error of at most 3·10⁻⁷.
///
/// m(u)·(u + 3) is taken as a polynomial in s = (u − 3)/(u + 3), which maps the half line 0 ≤ u < ∞
/// to −1 ≤ s < 1 (M. Shepherd and J. Laframboise, *Chebyshev Approximation of (1 + 2x)·exp(x²)·erfc
/// x in 0 ≤ x < ∞*, 1981). This one is the minimax polynomial of degree 8 for the relative error in
/// u < 14.6, beyond which Φ(−u) is 0; its error is 5.3·10⁻⁸.
#[inline(always)]
fn scaled_tail(u: f32) -> f32 {
    let inverse = 1.0 / (u + 3.0);
    let s = (u - 3.0) * inverse;
    let p = -2.622_639_4e-4;
    let p = p * s - 8.966_865e-4;
    let p = p * s + 1.074_446e-3;
    let p = p * s + 6.919_231_3e-3;
    let p = p * s - 1.048_011_1e-2;
    let p = p * s - 4.725_512e-2;
    let p = p * s + 2.300_194e-1;
    let p = p * s - 5.093_323_6e-1;
    let p = p * s + 7.290_836_6e-1;
    p * inverse
}

/// Returns x·Φ(x).
#[inline(always)]
pub(crate) fn gelu(x: f32) -> f32 {
    x * normal(x).0
}

/// Returns the derivative of [`gelu`].
#[inline(always)]
pub(crate) fn gelu_derivative(x: f32) -> f32 {
    const ONE_OVER_ROOT_TAU: f32 = 0.398_942_3;
    let (distribution, density) = normal(x);
    distribution + x * (density * ONE_OVER_ROOT_TAU)
}

impl<'t> Var<'t> {
    /// Returns GELU of each element of a tensor of any shape, an operand of products.
    pub fn gelu(&self) -> Var<'t> {
        elementwise!(unary("gelu", self, Role::Operand; |x| gelu(x), |x| gelu_derivative(x)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::gradcheck;
    use crate::testing::{self, worse};
    use crate::{Context, Tape, Tensor, isa};
    use std::f64::consts::{FRAC_1_SQRT_2, TAU};

    #[test]
    fn gradients() {
        gradcheck(&[testing::random(&[3, 5], 1)], |_, v| v[0].gelu());
    }

    /// Φ(x) in `f64`.
    fn distribution(x: f64) -> f64 {
        0.5 * libm::erfc(-x * FRAC_1_SQRT_2)
    }

    #[test]
    fn both_tails_have_all_their_digits() {
        let (mut worst, mut worst_derivative) = (0.0, 0.0);
        for x in (-12_900..13_000).map(|i| i as f32 * 1e-3 + 3e-4) {
            let exact = f64::from(x) * distribution(x.into());
            worst = worse(worst, (f64::from(gelu(x)) / exact - 1.0).abs());
            // The derivative has a zero at −0.75, near which it is a difference of terms of 0.2.
            let x_phi = f64::from(x) * (-0.5 * f64::from(x).powi(2)).exp() / TAU.sqrt();
            let exact = distribution(x.into()) + x_phi;
            let error = (f64::from(gelu_derivative(x)) - exact).abs();
            worst_derivative = worse(worst_derivative, error / x_phi.abs().max(exact.abs()));
        }
        println!("relative errors: {worst:.1e}, of the derivative {worst_derivative:.1e}");
        assert!(worst <= 1e-6, "{worst:e}");
        assert!(worst_derivative <= 1e-6, "{worst_derivative:e}");
    }

    #[test]
    fn every_table_has_the_same_bits() {
        let x = Tensor::build(&[4001], |x| {
            x.iter_mut().zip(-2000..).for_each(|(x, i)| *x = i as f32 * 7.3e-3);
        });
        let y = |kernels| {
            let tape = Tape::inference(Context::detect().with_kernels(kernels));
            tape.constant(x.clone()).gelu().into_value()
        };
        let all: Vec<Tensor> = isa::available().into_iter().map(y).collect();
        assert!(all.iter().all(|y| y.as_slice() == all[0].as_slice()));
    }

    #[test]
    fn large_arguments_do_not_overflow() {
        assert_eq!(gelu(1e4), 1e4);
        assert_eq!(gelu(f32::INFINITY), f32::INFINITY);
        assert_eq!(gelu(-1e4).abs(), 0.0);
        assert_eq!(gelu_derivative(1e4), 1.0);
        assert_eq!(gelu_derivative(-1e4).abs(), 0.0);
        assert!(gelu(f32::NAN).is_nan() && gelu_derivative(f32::NAN).is_nan());
    }
}
