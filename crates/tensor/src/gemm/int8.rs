//! Products by a weight in 8 bits, of many rows of input, which are rounded to 8 bits likewise: the
//! kernels and the order of sums of generation (`isa/rows`).
//!
//! A block of outputs stays in the first-level cache for all rows. Four products of bytes are added
//! by one instruction per lane, so that 250 rows were multiplied 1.7 times as fast as by weights
//! widened to `f32`, on a Zen 4.

use super::column_blocks::par_column_blocks;
use crate::isa::rows::{BLOCK, GROUP, Int8Job, MAX_ROWS};
use crate::matrix::int8::{Int8Matrix, quantize_rows};
use crate::memory::pool::Buffer;
use crate::{Context, vectorize};
use rayon::prelude::*;

/// Computes Y ← X·Wᵀ for X (M, K), a weight W (N, K) in 8 bits and Y (M, N).
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
#[allow(unsafe_code)]
pub fn gemm_int8(context: Context, x: &[f32], w: &Int8Matrix, y: &mut [f32]) {
    let (k, n, groups) = (w.inputs(), w.outputs(), w.groups());
    if n == 0 || k == 0 {
        return y.fill(0.0);
    }
    let rows = y.len() / n;
    assert!(
        x.len() == rows * k && y.len() == rows * n,
        "gemm_int8: {} inputs, the weight ({n}, {k}), {} outputs",
        x.len(),
        y.len()
    );
    let size = groups * GROUP;
    let mut bytes = Buffer::scratch(rows * size / size_of::<f32>());
    let mut scales = Buffer::scratch(rows * groups);
    let (bytes, scales) = (bytemuck::cast_slice_mut(bytes.as_mut_slice()), scales.as_mut_slice());
    bytes
        .par_chunks_mut(MAX_ROWS * size)
        .zip(scales.par_chunks_mut(MAX_ROWS * groups))
        .zip(x.par_chunks(MAX_ROWS * k))
        .for_each(|((bytes, scales), x)| {
            vectorize!(context.kernels, quantize_rows(x, k, bytes, scales));
        });
    let (bytes, scales): (&[i8], &[f32]) = (bytes, scales);
    par_column_blocks(y, rows, n, BLOCK).enumerate().for_each(|(block, mut y)| {
        let (w, w_scales) = w.block(block);
        let mut tile = [[0.0; BLOCK]; MAX_ROWS];
        for first in (0..rows).step_by(MAX_ROWS) {
            let count = MAX_ROWS.min(rows - first);
            let job = Int8Job {
                groups,
                x_scales: scales[first * groups..][..count * groups].as_ptr(),
                x: bytes[first * size..][..count * size].as_ptr(),
                rows: count,
                w_scales: w_scales.as_ptr(),
                w: w.as_ptr(),
            };
            // SAFETY: whoever holds a table may use its instruction set; the slices have these
            // sizes.
            unsafe { (context.kernels.rows.int8)(job, &mut tile) };
            for (row, tile) in (first..).zip(&tile[..count]) {
                let y = y.row_mut(row);
                y.copy_from_slice(&tile[..y.len()]);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{isa, testing};

    #[test]
    fn a_row_has_the_same_bits_on_every_table_and_whatever_rows_are_computed_with_it() {
        for (m, k, n) in [(1, 32, 16), (5, 600, 70), (70, 33, 17), (2, 1, 1), (0, 32, 16)] {
            let x = testing::random(&[m, k], 1);
            let context = Context::detect();
            let weight = testing::random(&[n, k], 2);
            let w = Int8Matrix::quantize(context, &weight).unwrap();
            let product = |context, x: &[f32]| {
                let mut y = vec![f32::NAN; x.len() / k * n];
                gemm_int8(context, x, &w, &mut y);
                y
            };
            let all = product(context, x.as_slice());
            for kernels in isa::available() {
                let context = context.with_kernels(kernels);
                for (x, y) in x.as_slice().chunks(k).zip(all.chunks(n)) {
                    assert_eq!(product(context, x), y, "{kernels:?} {m}×{k}×{n}");
                }
            }
            for (x, y) in x.as_slice().chunks(k).zip(all.chunks(n)) {
                for (w, y) in weight.as_slice().chunks(k).zip(y) {
                    let exact: f32 = x.iter().zip(w).map(|(x, w)| x * w).sum();
                    assert!((y - exact).abs() <= 0.02 * (k as f32).sqrt(), "{y} {exact}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "gemm_int8: 10 inputs")]
    fn sizes_that_do_not_fit_are_refused() {
        let context = Context::detect();
        let w = Int8Matrix::quantize(context, &testing::random(&[8, 4], 2)).unwrap();
        gemm_int8(context, &[0.0; 10], &w, &mut [0.0; 16]);
    }
}
