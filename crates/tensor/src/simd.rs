//! Plain Rust loops and functions that the compiler turns into vector code: reductions with many
//! independent partial results, and branch-free elementary functions.
//!
//! All loops are `inline(always)`, so that inside [`vectorize!`](crate::vectorize) they are
//! compiled for the table's instruction set; only the few steps that end a reduction are not. None
//! of them fuses a product with a sum, and every reduction has one fixed order, so that the results
//! have the same bits on every instruction set.

/// Evaluates an expression, plain Rust, compiled for the instruction set of a kernel table, so that
/// its loops vectorise.
///
/// ```
/// # let (kernels, mut x) = (tensor::isa::active(), [1.0f32, 2.0]);
/// tensor::vectorize!(kernels, x.iter_mut().for_each(|x| *x *= 2.0));
/// # assert_eq!(x, [2.0, 4.0]);
/// ```
/// Code is compiled for an instruction set only where the compiler inlines it into a function that
/// has the set enabled, and it reliably inlines a closure only if the closure says so. The macro
/// writes that closure, so that no caller can forget the attribute and run scalar code. Functions
/// that the expression calls have to be `#[inline(always)]` as well. The results have the same bits
/// on every table: the compiler neither reorders sums nor fuses them with products.
#[macro_export]
macro_rules! vectorize {
    ($kernels:expr, $body:expr) => {
        $kernels.run_vectorized(
            #[inline(always)]
            || $body,
        )
    };
}

/// Independent partial results of a reduction: eight vectors of 4 floats, four of 8 or two of 16,
/// whose additions need not wait for one another. All instruction sets use this number, as it fixes
/// the order of the sum.
pub const LANES: usize = 32;

/// Folds the lanes pairwise: lane i + 16 into lane i, then lane i + 8, and so on.
///
/// It is out of line, as the compiler would otherwise shorten the vectors of the loop before it to
/// the two floats of the last step.
#[inline(never)]
fn fold(mut lanes: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        let (low, high) = lanes.split_at_mut(half);
        for (a, b) in low.iter_mut().zip(&high[..half]) {
            *a = f(*a, *b);
        }
        half /= 2;
    }
    lanes[0]
}

/// Reduces `x`: element i goes into lane i mod [`LANES`], and the lanes are folded at the end. The
/// last chunk is filled up with `neutral` elements, as lanes that are indexed one by one would not
/// stay in registers.
#[inline(always)]
fn reduce(
    x: &[f32],
    neutral: f32,
    step: impl Fn(f32, f32) -> f32,
    join: impl Fn(f32, f32) -> f32,
) -> f32 {
    let mut lanes = [neutral; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] = step(lanes[i], chunk[i]);
        }
    }
    if !rest.is_empty() {
        let chunk = filled(rest, neutral);
        for i in 0..LANES {
            lanes[i] = step(lanes[i], chunk[i]);
        }
    }
    fold(lanes, join)
}

/// Returns a chunk that begins with `rest`.
#[inline(always)]
fn filled<B: Copy>(rest: &[B], filling: B) -> [B; LANES] {
    let mut chunk = [filling; LANES];
    chunk[..rest.len()].copy_from_slice(rest);
    chunk
}

#[inline(always)]
fn plus(a: f32, b: f32) -> f32 {
    a + b
}

/// Returns the larger number; `a` if `b` is NaN.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// Returns Σ x_i.
#[inline(always)]
pub fn sum(x: &[f32]) -> f32 {
    reduce(x, 0.0, plus, plus)
}

/// Replaces x_i by f(x_i) and returns their sum, with the bits of [`sum`].
#[inline(always)]
pub fn map_sum(x: &mut [f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = x.as_chunks_mut::<LANES>();
    for chunk in chunks {
        for i in 0..LANES {
            chunk[i] = f(chunk[i]);
            lanes[i] += chunk[i];
        }
    }
    for (x, lane) in rest.iter_mut().zip(&mut lanes) {
        *x = f(*x);
        *lane += *x;
    }
    fold(lanes, plus)
}

/// Returns Σ x_i².
#[inline(always)]
pub fn sum_squares(x: &[f32]) -> f32 {
    reduce(x, 0.0, |sum, x| sum + x * x, plus)
}

/// Returns the largest element, ignoring NaN; −∞ if there is none.
#[inline(always)]
pub fn max(x: &[f32]) -> f32 {
    reduce(x, f32::NEG_INFINITY, larger, larger)
}

/// Returns Σ a_i·b_i over the length of the shorter slice.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    dot_map(a, b, |b| b)
}

/// Returns Σ a_i·map(b_i) over the length of the shorter slice, for a b of another type; `map` must
/// make its default value zero.
#[inline(always)]
pub fn dot_map<B: Copy + Default>(a: &[f32], b: &[B], map: impl Fn(B) -> f32) -> f32 {
    let len = a.len().min(b.len());
    let (a_chunks, a_rest) = a[..len].as_chunks::<LANES>();
    let (b_chunks, b_rest) = b[..len].as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for i in 0..LANES {
            lanes[i] += a[i] * map(b[i]);
        }
    }
    if !a_rest.is_empty() {
        let (a, b) = (filled(a_rest, 0.0), filled(b_rest, B::default()));
        for i in 0..LANES {
            lanes[i] += a[i] * map(b[i]);
        }
    }
    fold(lanes, plus)
}

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
    use crate::testing::worse;

    /// A fixed sequence of numbers in −1 ≤ x < 1 without a pattern.
    fn noise(len: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..len).map(|_| next()).collect()
    }

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

    #[test]
    fn reductions_agree_with_f64_at_every_length() {
        let (a, b) = (noise(100), noise(200)[100..].to_vec());
        for len in 0..=100 {
            let (a, b) = (&a[..len], &b[..len]);
            let in_f64 = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                a.iter().zip(b).map(|(&a, &b)| f(a.into(), b.into())).sum()
            };
            assert!((f64::from(sum(a)) - in_f64(&|a, _| a)).abs() <= 1e-5);
            assert!((f64::from(sum_squares(a)) - in_f64(&|a, _| a * a)).abs() <= 1e-5);
            assert!((f64::from(dot(a, b)) - in_f64(&|a, b| a * b)).abs() <= 1e-5);
            let mut doubled = a.to_vec();
            assert_eq!(map_sum(&mut doubled, |x| 2.0 * x), 2.0 * sum(a));
            assert!(doubled.iter().zip(a).all(|(&y, &x)| y == 2.0 * x));
            let largest = a.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(max(a), largest);
        }
    }

    #[test]
    fn reductions_have_the_same_bits_on_every_table() {
        let (a, b) = (noise(1000), noise(2000)[1000..].to_vec());
        for table in crate::isa::available() {
            let results = vectorize!(table, [sum(&a), sum_squares(&a), max(&a), dot(&a, &b)]);
            assert_eq!(results, [sum(&a), sum_squares(&a), max(&a), dot(&a, &b)]);
        }
    }

    #[test]
    fn max_passes_over_what_is_not_a_number() {
        assert_eq!(max(&[f32::NAN, 1.0, f32::NAN]), 1.0);
        assert_eq!(max(&[]), f32::NEG_INFINITY);
        assert_eq!(max(&[f32::NEG_INFINITY]), f32::NEG_INFINITY);
    }
}
