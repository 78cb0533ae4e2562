//! Products by a weight in 8 bits, which is widened to `f32` panel by panel, where panels are
//! packed: no more than a slab of it exists in `f32` at a time.

use super::batched::Batch;
use super::driver::Product;
use super::plan::{Beta, Method, Operands, Order, Strategy, Threads, plan};
use crate::isa::rows::BLOCK;
use crate::matrix::element::{DType, Element};
use crate::matrix::int8::{GROUP, Int8Matrix};
use crate::matrix::{Mat, MatMut};
use crate::{Context, Precision};
use half::bf16;
use std::ops::Range;

/// Computes C ← A·Wᵀ for A (M, K), a weight W (N, K) in 8 bits and C (M, N), in `f32`, with the
/// bits of the product by the widened weight.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_int8(context: Context, a: Mat<'_>, w: &Int8Matrix, mut c: MatMut<'_>) {
    let (m, k, n) = (a.rows(), w.inputs(), w.outputs());
    assert!(
        a.cols() == k && c.rows == m && c.cols == n,
        "gemm_int8: A is {a:?}, the weight ({n}, {k}), C is {c:?}"
    );
    let context = context.with_precision(Precision::F32);
    let (b, b_order) = (DType::F32, Order::Int8);
    let operands = Operands { m, k, n, a: a.dtype(), b, b_order };
    let Strategy { method, threads } = plan(context, operands, Threads::All);
    match method {
        Method::Empty => Beta::Zero.scale(&mut c),
        _ => Product::new(context, Batch::by_int8(a, w, c), Beta::Zero, threads).run(method),
    }
}

/// Widens these outputs of the inputs `k`, which begin a group, to panels of `nr` outputs: for each
/// input the numbers of its outputs side by side, and zeros beyond the last.
#[inline(always)]
pub(super) fn pack(
    w: &Int8Matrix,
    k: Range<usize>,
    outputs: Range<usize>,
    panels: &mut [f32],
    nr: usize,
) {
    debug_assert!(k.start.is_multiple_of(GROUP));
    let first_groups = k.start / GROUP..k.end.div_ceil(GROUP);
    // Blocks of outputs and panels may begin at different outputs: a piece lies in one of each.
    let starts = outputs.step_by(nr).zip(panels.chunks_exact_mut((nr * k.len()).max(1)));
    for (first, panel) in starts {
        let mut start = first;
        while start < first + nr {
            let (block, lane) = (start / BLOCK, start % BLOCK);
            let len = (BLOCK - lane).min(first + nr - start);
            let panel = Columns { data: &mut *panel, nr, first: start - first };
            if block * BLOCK < w.outputs() {
                let lanes = lane..lane + len;
                let groups = first_groups.clone();
                match len {
                    BLOCK => widen::<BLOCK>(w, block, lanes, groups, k.len(), panel),
                    8 => widen::<8>(w, block, lanes, groups, k.len(), panel),
                    _ => unreachable!("panels and blocks of {BLOCK} begin at multiples of 8"),
                }
            } else {
                panel.data.chunks_exact_mut(nr).for_each(|row| row[panel.first..][..len].fill(0.0));
            }
            start += len;
        }
    }
}

/// Some columns of a panel.
struct Columns<'a> {
    data: &'a mut [f32],
    nr: usize,
    first: usize,
}

/// Widens `W` outputs of a block.
#[inline(always)]
fn widen<const W: usize>(
    w: &Int8Matrix,
    block: usize,
    lanes: Range<usize>,
    groups: Range<usize>,
    k_len: usize,
    panel: Columns<'_>,
) {
    let (bytes, scales) = w.block(block);
    // Words of four inputs each. The bytes begin a cache line.
    let words: &[i32] = bytemuck::cast_slice(bytes);
    let words = &words[groups.start * GROUP / 4 * BLOCK..groups.end * GROUP / 4 * BLOCK];
    let scales = scales[groups.start * BLOCK..groups.end * BLOCK].chunks_exact(BLOCK);
    let mut rows = panel.data.chunks_exact_mut(panel.nr).take(k_len);
    for (words, scales) in words.chunks_exact(GROUP / 4 * BLOCK).zip(scales) {
        let from: &[bf16; W] = scales[lanes.clone()].first_chunk().expect("lanes of a block");
        let mut scales = [0.0; W];
        for j in 0..W {
            scales[j] = Element::to_f32(from[j]);
        }
        for words in words.chunks_exact(BLOCK) {
            let words: &[i32; W] = words[lanes.clone()].first_chunk().expect("as above");
            for i in 0..4 {
                let Some(row) = rows.next() else { return };
                let row = row[panel.first..].first_chunk_mut::<W>().expect("columns of a panel");
                *row = widen_byte(words, i, &scales);
            }
        }
    }
}

/// Returns byte `i` of each word, with its sign, times the scales. One loop per step: the compiler
/// makes vectors of these.
#[inline(always)]
fn widen_byte<const W: usize>(words: &[i32; W], i: usize, scales: &[f32; W]) -> [f32; W] {
    let mut bytes = [0; W];
    for j in 0..W {
        bytes[j] = i32::from_le(words[j]) << (24 - 8 * i);
    }
    for byte in &mut bytes {
        *byte >>= 24;
    }
    let mut widened = [0.0; W];
    for j in 0..W {
        widened[j] = bytes[j] as f32;
    }
    for j in 0..W {
        widened[j] *= scales[j];
    }
    widened
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::{Beta, gemm};
    use crate::{isa, testing};

    #[test]
    fn the_product_has_the_bits_of_that_by_the_widened_weight() {
        for kernels in isa::available() {
            let context = Context::detect().with_kernels(kernels);
            let most = kernels.gemm.mc + 3;
            for (m, k, n) in [
                (1, 32, 16),
                (5, 600, 70),
                (3, 33, 17),
                (most, 530, 1000),
                (2, 1, 1),
                (0, 32, 16),
                (3, 0, 16),
            ] {
                let a = testing::random(&[m, k], 1);
                let w = Int8Matrix::quantize(context, &testing::random(&[n, k], 2)).unwrap();
                let mut found = vec![f32::NAN; m * n];
                gemm_int8(context, a.matrix(), &w, MatMut::new(&mut found, m, n));
                let (wide, mut expected) = (w.dequantize(), vec![f32::NAN; m * n]);
                let c = MatMut::new(&mut expected, m, n);
                gemm(context, a.matrix(), wide.matrix().t(), c, Beta::Zero, Threads::All);
                assert!(found == expected, "{kernels:?} {m}×{k}×{n}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "gemm_int8: A is")]
    fn sizes_that_do_not_fit_are_refused() {
        let context = Context::detect();
        let w = Int8Matrix::quantize(context, &testing::random(&[8, 4], 2)).unwrap();
        let (a, mut c) = ([0.0; 10], [0.0; 16]);
        gemm_int8(context, Mat::new(&a, 2, 5), &w, MatMut::new(&mut c, 2, 8));
    }
}
