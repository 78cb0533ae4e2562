//! Soft capping of logits, y = c·tanh(x/c), which stays within ±c and is nearly x around 0. (Gemma
//! 2, arXiv:2408.00118, section 2) Since tanh′ = 1 − tanh², dx = dy·(1 − tanh²(x/c)).
//!
//! With t = exp(−2|z|) for z = x/c, tanh|z| = (1 − t)/(1 + t) and 1 − tanh²(z) = 4t/(1 + t)². The
//! second keeps its digits everywhere, but 1 − t cancels where z is small. There tanh z is
//! Lambert's continued fraction z/(1 + z²/(3 + z²/(5 + z²/7))), which is
//! z·(105 + 10z²)/(105 + 45z² + z⁴), with a relative error of about z⁸/10⁵: at most 4·10⁻⁸ for
//! |z| ≤ ½.

use super::elementwise::{elementwise, unary};
use crate::simd::exp;
use crate::{Role, Var};

/// Returns c·tanh(x/c).
#[inline(always)]
fn softcap(x: f32, cap: f32) -> f32 {
    let z = x / cap;
    let square = z * z;
    let small = z * (105.0 + 10.0 * square) / (105.0 + square * (45.0 + square));
    let t = exp(-2.0 * z.abs());
    let large = ((1.0 - t) / (1.0 + t)).copysign(z);
    cap * if z.abs() < 0.5 { small } else { large }
}

/// Returns the derivative of [`softcap`] in x.
#[inline(always)]
fn softcap_derivative(x: f32, cap: f32) -> f32 {
    let t = exp(-2.0 * (x / cap).abs());
    4.0 * t / ((1.0 + t) * (1.0 + t))
}

impl<'t> Var<'t> {
    /// Returns cap·tanh(x/cap) of each element x of a tensor of any shape.
    ///
    /// # Panics
    /// If the cap is not a positive, finite number.
    #[track_caller]
    pub fn softcap(&self, cap: f32) -> Var<'t> {
        assert!(cap > 0.0 && cap.is_finite(), "softcap: a cap of {cap}, expected a positive one");
        elementwise!(unary(
            "softcap", self, Role::Residual; |x| softcap(x, cap), |x| softcap_derivative(x, cap)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::tests::gradcheck;
    use crate::{Context, Tape, Tensor, isa, testing};

    #[test]
    fn gradients() {
        for shape in [&[3, 5][..], &[1], &[0, 4], &[20_000]] {
            for cap in [0.4, 30.0] {
                gradcheck(&[testing::random(shape, 1)], |_, v| v[0].softcap(cap));
            }
        }
    }

    #[test]
    fn agrees_with_a_naive_loop_on_every_table() {
        let x = testing::random(&[40_000], 2).map(|x| 12.0 * x * x * x);
        let exact = |x: f32| 2.0 * (f64::from(x) / 2.0).tanh();
        for kernels in isa::available() {
            let tape = Tape::inference(Context::detect().with_kernels(kernels));
            let y = tape.constant(x.clone()).softcap(2.0).into_value();
            for (&x, &y) in x.as_slice().iter().zip(y.as_slice()) {
                let error = (f64::from(y) / exact(x) - 1.0).abs();
                assert!(x == 0.0 || error < 4e-7, "{kernels:?}: {y} for {x}, error {error:.1e}");
            }
        }
    }

    #[test]
    fn edges() {
        let tape = Tape::new(Context::detect());
        assert_eq!(tape.leaf(Tensor::zeros(&[0, 4])).softcap(5.0).shape(), &[0, 4]);
        assert_eq!(tape.leaf(Tensor::zeros(&[1])).softcap(5.0).value().as_slice(), &[0.0]);
    }

    #[test]
    fn large_arguments_reach_the_cap_and_do_not_overflow() {
        for x in [1e4, 3e38, f32::INFINITY] {
            assert_eq!([softcap(x, 30.0), softcap(-x, 30.0)], [30.0, -30.0]);
            assert_eq!([softcap_derivative(x, 30.0), softcap_derivative(-x, 30.0)], [0.0; 2]);
        }
        assert!(softcap(f32::NAN, 30.0).is_nan() && softcap_derivative(f32::NAN, 30.0).is_nan());
    }

    #[test]
    #[should_panic(expected = "softcap: a cap of 0, expected a positive one")]
    fn a_cap_of_zero_is_refused() {
        Tape::inference(Context::detect()).constant(Tensor::zeros(&[1])).softcap(0.0);
    }
}
