//! One head of causal attention, its queries taken in blocks, as in FlashAttention (Dao et al.,
//! arXiv:2205.14135).
//!
//! A block of queries looks only at the keys up to its last query: half of the (T, T) scores are
//! never computed, and only a (block, T) piece of them exists at a time, backward as well. A piece
//! holds whole rows of scores, which fit into the second-level cache of a CPU, so that softmax
//! needs no running maximum and no rescaling, unlike in FlashAttention, whose tiles cut the keys,
//! too.
//!
//! Forward keeps ℓ = log Σ exp(scores), one number per query; backward computes the probabilities
//! again from it, as FlashAttention does: with s = q·kᵀ/√D and p = exp(s − ℓ),
//!
//! dv = pᵀ·do, dp = do·vᵀ, ds = p ∘ (dp − δ) with δ = ⟨p, dp⟩ per query, dq = ds·k/√D, dk =
//! dsᵀ·q/√D.
//!
//! ds is the gradient of softmax, ds_i = Σ_j dp_j·∂p_j/∂s_i with ∂p_j/∂s_i = p_j·([i = j] − p_i),
//! so ds_i = p_i·(dp_i − Σ_j p_j·dp_j). FlashAttention takes δ as ⟨do, o⟩, which is the same number
//! and needs no row of dp. But if o is rounded, a row of ds no longer sums to 0, and where p is
//! peaked or values have much in common, dq and dk are off by many times the rounding. Here the
//! rows of p and dp are whole, so that δ comes from them.

use crate::gemm::panels::Panels;
use crate::gemm::{Beta, Threads, gemm, whole_tiles};
use crate::matrix::{Mat, MatMut};
use crate::memory::pool::Buffer;
use crate::simd::{self, LANES};
use crate::{Context, Role, vectorize};

/// Queries per block, or a few more. Large blocks compute more scores in vain, at their end where
/// keys come after queries; small ones read keys and values more often.
const BLOCK: usize = 48;

/// Scratch memory from which a task takes pieces, each of which begins a cache line.
pub(super) struct Scratch<'a>(pub(super) &'a mut [f32]);

impl<'a> Scratch<'a> {
    pub(super) fn take(&mut self, len: usize) -> &'a mut [f32] {
        let (piece, rest) = std::mem::take(&mut self.0).split_at_mut(whole_lines(len));
        self.0 = rest;
        &mut piece[..len]
    }
}

/// Returns `len` rounded up to whole cache lines.
pub(super) fn whole_lines(len: usize) -> usize {
    len.next_multiple_of(16)
}

/// Returns the floats from one row of scores to the next, for this many keys: whole vectors, as a
/// remainder would be computed one by one.
fn row_stride(keys: usize) -> usize {
    keys.next_multiple_of(LANES)
}

/// The sizes of one head's attention, forward or backward.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) context: Context,
    /// Queries.
    pub(super) time: usize,
    /// Keys and values: those before the queries, and those of the queries themselves.
    pub(super) len: usize,
    /// D.
    pub(super) d_head: usize,
}

impl Shape {
    /// Returns the queries per block: whole tiles of the micro-kernel.
    fn block(&self) -> usize {
        whole_tiles(self.context, BLOCK).min(self.time).max(1)
    }

    /// Returns the blocks of queries: the first row of each, and its number of rows.
    fn blocks(&self) -> impl DoubleEndedIterator<Item = (usize, usize)> {
        let (time, block) = (self.time, self.block());
        (0..time.div_ceil(block)).map(move |i| (i * block, block.min(time - i * block)))
    }

    /// Returns 1/√D, the factor of the scores.
    fn scale(&self) -> f32 {
        1.0 / (self.d_head as f32).sqrt()
    }
}

/// Returns the floats that xᵀ takes, packed once for the products of all blocks of queries; 0 if
/// there is one block.
fn panels_len(shape: &Shape, x: Mat<'_>) -> usize {
    if shape.time <= shape.block() { 0 } else { Panels::len(shape.context, x.t()) }
}

/// Computes the attention of queries q (T, D) to k and v (len, D), of which the last T belong to
/// the queries: ℓ per query, and each row of o through `write`.
pub(super) fn forward(
    shape: Shape,
    [q, k, v]: [Mat<'_>; 3],
    l: &mut [f32],
    mut write: impl FnMut(usize, &[f32]),
) {
    let Shape { context, len, d_head, .. } = shape;
    let (block, scale, first) = (shape.block(), shape.scale(), len - shape.time);
    let sizes = [panels_len(&shape, k), block * row_stride(len), block, block * d_head];
    let mut buffer = Buffer::scratch(sizes.map(whole_lines).iter().sum());
    let mut scratch = Scratch(buffer.as_mut_slice());
    let [k_t, p, sums, o] = sizes.map(|size| scratch.take(size));
    let k_t = Panels::pack(context, k.t(), k_t, Threads::One);
    for (start, rows) in shape.blocks() {
        // The scores q·kᵀ of the block, with all keys up to its last query.
        let keys = first + start + rows;
        let stride = row_stride(keys);
        let p = &mut p[..rows * stride];
        let scores = MatMut::with_row_stride(&mut *p, rows, keys, stride);
        k_t.gemm(q.of_rows(start..start + rows), scores, Beta::Zero, Threads::One);
        // Their softmax, row by row and in place. The scale 1/√D is applied within exp. The sum
        // divides the row of o below instead of that of p, which is longer.
        vectorize!(context.kernels, {
            let numbers = l[start..].iter_mut().zip(sums.iter_mut());
            for (r, (p, (l, sum))) in p.chunks_exact_mut(stride).zip(numbers).enumerate() {
                // −∞ fills the last vector of keys that the query may see: exp gives 0 there.
                // Vectors of none but later keys are not computed at all.
                let seen = first + start + r + 1;
                let (row, masked) = p.split_at_mut(row_stride(seen));
                row[seen..].fill(f32::NEG_INFINITY);
                let max = simd::max(row);
                *sum = simd::map_sum(
                    row,
                    #[inline(always)]
                    |s| simd::exp((s - max) * scale),
                );
                masked.fill(0.0);
                *l = max * scale + sum.ln();
                Role::Operand.store_in_place(context, p);
            }
        });
        // o = p·v for the block.
        let target = MatMut::new(o, rows, d_head);
        let p = Role::Operand.matrix(context, p, [rows, keys], stride);
        gemm(context, p, v.of_rows(0..keys), target, Beta::Zero, Threads::One);
        for (r, (o, sum)) in o.chunks_exact_mut(d_head).zip(sums.iter()).take(rows).enumerate() {
            let inverse = 1.0 / *sum;
            o.iter_mut().for_each(|o| *o *= inverse);
            write(start + r, o);
        }
    }
}

/// One head of all that backward reads: matrices (T, D) and ℓ (T).
pub(super) struct Saved<'a> {
    pub(super) q: Mat<'a>,
    pub(super) k: Mat<'a>,
    pub(super) v: Mat<'a>,
    pub(super) d_o: Mat<'a>,
    pub(super) l: &'a [f32],
}

/// Writes one head's gradients of q, k and v, (T, D) each, of a whole sequence.
pub(super) fn backward(shape: Shape, saved: &Saved<'_>, [dq, dk, dv]: [&mut [f32]; 3]) {
    let Shape { context, time, d_head, .. } = shape;
    let (block, scale) = (shape.block(), shape.scale());
    let sizes = [panels_len(&shape, saved.k), block * row_stride(time)];
    let mut buffer = Buffer::scratch(2 * sizes.map(whole_lines).iter().sum::<usize>());
    let mut scratch = Scratch(buffer.as_mut_slice());
    let [k_t, v_t] = [saved.k, saved.v]
        .map(|x| Panels::pack(context, x.t(), scratch.take(sizes[0]), Threads::One));
    let [p, ds] = [sizes[1]; 2].map(|size| scratch.take(size));
    // From the last block on, which sees all keys and so writes all of dk and dv; the blocks before
    // it add to their first rows.
    for (start, rows) in shape.blocks().rev() {
        let (keys, beta) = (start + rows, Beta::accumulating(start + rows < time));
        let stride = row_stride(keys);
        let (p, ds) = (&mut p[..rows * stride], &mut ds[..rows * stride]);
        let [q, d_o] = [saved.q, saved.d_o].map(|x| x.of_rows(start..keys));
        // Scores and dp of the block, replaced in place by p and ds below.
        let scores = MatMut::with_row_stride(&mut *p, rows, keys, stride);
        k_t.gemm(q, scores, Beta::Zero, Threads::One);
        let dp = MatMut::with_row_stride(&mut *ds, rows, keys, stride);
        v_t.gemm(d_o, dp, Beta::Zero, Threads::One);
        vectorize!(context.kernels, {
            let matrix_rows = p.chunks_exact_mut(stride).zip(ds.chunks_exact_mut(stride));
            for (position, (p_row, ds_row)) in (start..).zip(matrix_rows) {
                let l = saved.l[position];
                // Whole vectors, with a few keys after the query, whose results are overwritten.
                let whole = row_stride(position + 1);
                for p in &mut p_row[..whole] {
                    *p = simd::exp(*p * scale - l);
                }
                p_row[position + 1..].fill(0.0);
                ds_row[position + 1..].fill(0.0);
                let (p, dp) = (&p_row[..whole], &mut ds_row[..whole]);
                let delta = simd::dot(p, dp);
                for (&p, dp) in p.iter().zip(dp) {
                    // ds/√D of the formulas above, so that dq and dk need no factor.
                    *dp = p * (*dp - delta) * scale;
                }
                Role::Operand.store_in_place(context, p_row);
                Role::Operand.store_in_place(context, ds_row);
            }
        });
        let operand = |x| Role::Operand.matrix(context, x, [rows, keys], stride);
        let [p, ds] = [operand(p), operand(ds)];
        let dq = MatMut::new(&mut dq[start * d_head..], rows, d_head);
        gemm(context, ds, saved.k.of_rows(0..keys), dq, Beta::Zero, Threads::One);
        gemm(context, ds.t(), q, MatMut::new(&mut *dk, keys, d_head), beta, Threads::One);
        gemm(context, p.t(), d_o, MatMut::new(&mut *dv, keys, d_head), beta, Threads::One);
    }
}
