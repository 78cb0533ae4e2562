//! Reductions in one fixed order: sums, dot products, and the largest element.
//!
//! Floating-point addition is not associative, so the bits of a sum depend on its order. Here the
//! order follows from the length alone: element i belongs to lane i mod [`LANES`], each lane adds
//! its elements from the first to the last, and the lanes are added pairwise at the end. Lanes are
//! independent, so they fill vectors of any width with the same bits. (The order of sums in matrix
//! products is fixed by `gemm`'s driver.)

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectorize;

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
