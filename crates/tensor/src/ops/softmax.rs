//! Softmax over the last axis, y_i = exp(x_i − m) / Σ_j exp(x_j − m) with m the row's maximum,
//! which cancels but keeps exp from overflowing. Since ∂y_j/∂x_i = y_j·(δ_ij − y_i), dx_i = Σ_j
//! dy_j·y_j·(δ_ij − y_i) = y_i·(dy_i − Σ_j dy_j·y_j): with s = ⟨dy, y⟩ per row, dx = y ∘ (dy − s).

use crate::simd;
use crate::{Context, Op, Tensor, Var, vectorize};
use rayon::prelude::*;

/// Terms per block that is summed in `f32`; the sums of blocks are added in `f64`, so that a large
/// vocabulary costs no digits.
const BLOCK: usize = 1024;

/// Returns (m, Σ exp(x − m)) of a row, m its maximum.
#[inline(always)]
pub(crate) fn sum_exp(row: &[f32]) -> (f32, f64) {
    let max = simd::max(row);
    let mut sum = 0.0;
    for block in row.chunks(BLOCK) {
        let mut terms = [0.0; BLOCK];
        for (term, &x) in terms.iter_mut().zip(block) {
            *term = simd::exp(x - max);
        }
        sum += f64::from(simd::sum(&terms[..block.len()]));
    }
    (max, sum)
}

/// Replaces each x of a row by exp(x − m), and returns (m, Σ exp(x − m)) with the bits of
/// [`sum_exp`].
#[inline(always)]
pub(crate) fn exp_row(row: &mut [f32]) -> (f32, f64) {
    let max = simd::max(row);
    let mut sum = 0.0;
    for block in row.chunks_mut(BLOCK) {
        for x in block.iter_mut() {
            *x = simd::exp(*x - max);
        }
        sum += f64::from(simd::sum(block));
    }
    (max, sum)
}

/// Replaces a row by its softmax.
#[inline(always)]
fn softmax_row(row: &mut [f32]) {
    let (_, sum) = exp_row(row);
    let inverse = 1.0 / sum as f32;
    for x in row.iter_mut() {
        *x *= inverse;
    }
}

fn backward(context: Context, y: &Tensor, dy: &Tensor) -> Tensor {
    let width = y.last_dim().max(1);
    Tensor::build(y.shape(), |dx| {
        let rows = y.as_slice().par_chunks(width).zip(dy.as_slice().par_chunks(width));
        dx.par_chunks_mut(width).zip(rows).for_each(|(dx, (y, dy))| {
            vectorize!(context.kernels, {
                let s = simd::dot(y, dy);
                for ((dx, &y), &dy) in dx.iter_mut().zip(y).zip(dy) {
                    *dx = y * (dy - s);
                }
            });
        });
    })
}

impl<'t> Var<'t> {
    /// Returns the softmax over the last axis of a tensor of any shape.
    pub fn softmax(&self) -> Var<'t> {
        let op = Op::new("softmax", &[self]);
        let context = self.context();
        let mut y = self.value().to_f32();
        let width = y.last_dim().max(1);
        let rows = y.as_mut_slice().par_chunks_mut(width);
        rows.for_each(|row| vectorize!(context.kernels, softmax_row(row)));
        let kept = y.clone();
        op.record(y, move |dy, grads| grads.give(0, backward(context, &kept, &dy)))
    }
}

#[cfg(test)]
mod tests {
    use crate::ops::tests::gradcheck;
    use crate::{Context, Tape, Tensor, testing};

    #[test]
    fn gradients() {
        for shape in [[3, 5], [2, 40], [4, 1]] {
            gradcheck(&[testing::random(&shape, 1)], |_, v| v[0].softmax());
        }
    }

    #[test]
    fn huge_logits_stay_finite() {
        let tape = Tape::new(Context::detect());
        let y = tape.leaf(Tensor::from_slice(&[1, 3], &[1e4, -1e4, 1e4])).softmax();
        assert_eq!(y.value().as_slice(), &[0.5, 0.0, 0.5]);
    }
}
