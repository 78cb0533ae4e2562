//! Tools for tests: seeded tensors and comparison.

use crate::Tensor;

/// Returns ‖a − b‖ / ‖b‖ in `f64`; the norm of the difference alone if b is zero.
///
/// # Panics
/// If a and b differ in length.
#[track_caller]
pub fn relative_error(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "relative_error: lengths differ");
    let square = |x: f64| x * x;
    let difference: f64 = a.iter().zip(b).map(|(&a, &b)| square(f64::from(a) - f64::from(b))).sum();
    let norm: f64 = b.iter().map(|&b| square(f64::from(b))).sum();
    if norm == 0.0 { difference.sqrt() } else { (difference / norm).sqrt() }
}

/// Returns the larger of two errors, and NaN if either is NaN, so that a maximum over errors does
/// not lose one.
pub fn worse(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// Returns a tensor of reproducible numbers that are roughly uniform in (−1, 1).
pub fn random(shape: &[usize], seed: u64) -> Tensor {
    // The seed is mixed before it is used, as consecutive states would give overlapping sequences.
    let mut state = mix(seed);
    Tensor::build(shape, |out| {
        for x in out {
            state = state.wrapping_add(GOLDEN_GAMMA);
            *x = (mix(state) >> 40) as f32 / (1u64 << 23) as f32 - 1.0;
        }
    })
}

const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// Returns the output function of SplitMix64 at `z`. (Steele, Lea and Flood, "Fast splittable
/// pseudorandom number generators", 2014)
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_is_reproducible_and_centred() {
        let a = random(&[10_000], 5);
        assert_eq!(a.as_slice(), random(&[10_000], 5).as_slice());
        let mean: f32 = a.as_slice().iter().sum::<f32>() / 10_000.0;
        assert!(mean.abs() < 0.02 && a.as_slice().iter().all(|x| x.abs() <= 1.0));
    }
}
