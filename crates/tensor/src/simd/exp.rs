//! Branch-free elementary functions: eˣ and the logistic function.

/// Returns eˣ with a relative error of at most 2·10⁻⁷; ∞ from 88.38 on, subnormal from −87.34 down,
/// 0 below −87.69, and NaN for NaN.
///
/// With n = round(x / ln 2) and r = x − n·ln 2, |r| ≤ ½·ln 2, the result is 2ⁿ·eʳ. ln 2 is split
/// into a short head, whose product with n is exact, and a tail (W. J. Cody and W. Waite, *Software
/// Manual for the Elementary Functions*, ch. 6). eʳ = 1 + r + r²·p(r), where p is the polynomial of
/// degree 4 that keeps the largest relative error of eʳ smallest (3·10⁻⁹). Its terms are added in
/// pairs, so that fewer steps wait for one another (G. Estrin, *Organization of Computer Systems*,
/// 1960): a loop over eˣ spends most of its time waiting.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const LN2_HEAD: f32 = 355.0 / 512.0;
    const LN2_TAIL: f32 = (std::f64::consts::LN_2 - 355.0 / 512.0) as f32;
    /// Adding 1.5·2²³ leaves no bit for a fraction: the sum is rounded to an integer, which then
    /// stands in the low bits.
    const ROUNDER: f32 = 12_582_912.0;

    // Comparisons, unlike `f32::min` and `max`, let NaN through.
    let x = if x > 89.0 { 89.0 } else { x };
    let x = if x < -88.0 { -88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = (x - n * LN2_HEAD) - n * LN2_TAIL;

    let r_2 = r * r;
    let low = 0.166_665_2 * r + 0.499_999_94;
    let high = 0.001_381_446_5 * r_2 + (0.008_368_781 * r + 0.041_668_393);
    let e_r = (high * r_2 + low) * r_2 + r + 1.0;

    // n + 127 is the exponent of 2ⁿ; the bits of the rounder are shifted out. −127 ≤ n ≤ 128, and
    // the exponents 0 and 255 at the ends are those of 0 and ∞.
    e_r * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

/// Returns 1 / (1 + e⁻ˣ) with a relative error of at most 4·10⁻⁷ for x > −87.
#[inline(always)]
pub fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{testing::worse, vectorize};

    #[test]
    fn exp_is_accurate_over_its_range() {
        for table in crate::isa::available() {
            let mut worst = 0.0f64;
            for start in (-87_300..88_300).step_by(100) {
                let x: Vec<f32> = (0..100).map(|i| (start + i) as f32 * 1e-3 + 3e-4).collect();
                let mut y = vec![0.0; x.len()];
                vectorize!(table, y.iter_mut().zip(&x).for_each(|(y, &x)| *y = exp(x)));
                for (&x, &y) in x.iter().zip(&y) {
                    let exact = f64::from(x).exp();
                    worst = worse(worst, (f64::from(y) / exact - 1.0).abs());
                }
            }
            assert!(worst <= 2e-7, "{:?}: relative error {worst:e}", table.isa());
        }
    }

    #[test]
    fn exp_at_the_ends_of_its_range() {
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f32::INFINITY), f32::INFINITY);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert!(exp(f32::NAN).is_nan());
        assert_eq!(exp(88.38), f32::INFINITY);
        assert!(exp(88.37).is_finite());
        assert_eq!([-87.69, -88.1, -104.0, -1e30].map(exp), [0.0; 4]);
        for x in [-87.35f32, -87.5, -87.67] {
            let error = f64::from(exp(x)) - f64::from(x).exp();
            assert!(error.abs() <= f64::from(f32::from_bits(1)), "exp({x}) is off by {error:e}");
        }
    }

    #[test]
    fn sigmoid_is_accurate_and_saturates() {
        for i in -8600..2000 {
            let x = i as f32 * 0.01;
            let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
            let error = (f64::from(sigmoid(x)) / exact - 1.0).abs();
            assert!(error <= 4e-7, "sigmoid({x}): relative error {error:e}");
        }
        assert_eq!(sigmoid(f32::INFINITY), 1.0);
        assert_eq!(sigmoid(f32::NEG_INFINITY), 0.0);
        assert!(sigmoid(f32::NAN).is_nan());
    }
}
