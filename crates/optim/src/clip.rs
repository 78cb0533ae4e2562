//! Gradient clipping by the global norm: all gradients together are one long vector, which is
//! scaled down to a given length if it is longer.
//!
//! With g the gradients of all parameters and m the largest norm, g ← g · min(1, m/(‖g‖₂ + 10⁻⁶)),
//! as in PyTorch's `clip_grad_norm_`. The optimizer applies the scale in its pass over the
//! gradients. Reference: R. Pascanu, T. Mikolov and Y. Bengio, *On the difficulty of training
//! recurrent neural networks*, arXiv:1211.5063.

use rayon::prelude::*;
use tensor::{Context, Tensor, vectorize};

/// Elements that one task sums. It is a constant, so that the order of the sum does not depend on
/// the number of threads.
const CHUNK: usize = 1 << 15;
/// Partial sums that advance side by side, so that the loop vectorises.
const LANES: usize = 16;

/// Returns the Euclidean norm of all `gradients` together, summed in `f64`.
pub fn global_norm(ctx: Context, gradients: &[Tensor]) -> f64 {
    let of_one = |gradient: &Tensor| {
        let sums: Vec<f64> = (gradient.as_slice().par_chunks(CHUNK))
            .map(|chunk| vectorize!(ctx.kernels, sum_of_squares(chunk)))
            .collect();
        sums.iter().sum::<f64>()
    };
    gradients.iter().map(of_one).sum::<f64>().sqrt()
}

#[inline(always)]
fn sum_of_squares(x: &[f32]) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let mut groups = x.chunks_exact(LANES);
    for group in &mut groups {
        for (lane, &x) in lanes.iter_mut().zip(group) {
            *lane += f64::from(x) * f64::from(x);
        }
    }
    let rest: f64 = groups.remainder().iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    lanes.iter().sum::<f64>() + rest
}

/// Returns the factor that scales gradients of the given global norm down to `max_norm`.
///
/// It is 1 if they are not longer, or if `max_norm` is 0, which turns clipping off. An infinite
/// norm gives 0 and NaN gives NaN, as in PyTorch; a caller has to check the norm first.
pub fn clip_scale(norm: f64, max_norm: f64) -> f64 {
    if max_norm <= 0.0 {
        return 1.0;
    }
    let scale = max_norm / (norm + 1e-6);
    if scale > 1.0 { 1.0 } else { scale }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_norm_is_that_of_all_gradients_together() {
        let ctx = Context::detect();
        assert_eq!(global_norm(ctx, &[]), 0.0);
        let gradients = [Tensor::full(&[3, 3], 2.0), Tensor::scalar(8.0), Tensor::zeros(&[0])];
        assert_eq!(global_norm(ctx, &gradients), 10.0); // √(9·4 + 64)
    }

    #[test]
    fn many_small_numbers_are_not_lost() {
        // A sum in f32 is off in the fourth digit here.
        let gradients = [Tensor::full(&[4_000_000], 1e-3)];
        let norm = global_norm(Context::detect(), &gradients);
        assert!((norm / (f64::from(1e-3f32) * 2000.0) - 1.0).abs() < 1e-12, "{norm}");
    }

    #[test]
    fn the_sum_has_one_order_for_any_number_of_threads() {
        let g: Vec<f32> =
            (0..300_007u64).map(|i| ((i * 7919) % 1013) as f32 * 1e-2 - 5.0).collect();
        let gradients = [Tensor::from_slice(&[g.len()], &g)];
        let norm_with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| global_norm(Context::detect(), &gradients))
        };
        assert_eq!(norm_with(1).to_bits(), norm_with(3).to_bits());
    }

    #[test]
    fn only_what_is_too_long_is_scaled() {
        assert_eq!(clip_scale(0.5, 1.0), 1.0);
        assert_eq!(clip_scale(4.0, 0.0), 1.0);
        assert!((clip_scale(4.0, 1.0) - 0.25).abs() < 1e-6);
        assert_eq!(clip_scale(f64::INFINITY, 1.0), 0.0);
        assert!(clip_scale(f64::NAN, 1.0).is_nan());
    }
}
