//! Causal attention, o = softmax(q·kᵀ / √D, over the keys not after the query)·v, a head at a time.
//! (Vaswani et al., arXiv:1706.03762)
//!
//! Queries are taken in blocks, and a block looks only at the keys up to its last query: half of the
//! (T, T) scores are never computed, and only a (block, T) piece exists at a time. Forward keeps
//! ℓ = log Σ exp(scores), one number a query; backward computes the probabilities again from it, as in
//! FlashAttention (Dao et al., arXiv:2205.14135): with s = q·kᵀ/√D and p = exp(s − ℓ),
//!
//! dv = pᵀ·do, dp = do·vᵀ, ds = p ∘ (dp − δ) with δ = ⟨do, o⟩ a query, dq = ds·k/√D, dk = dsᵀ·q/√D.
//!
//! ds is the gradient of softmax, ds_i = Σ_j dp_j·∂p_j/∂s_i with ∂p_j/∂s_i = p_j·([i = j] − p_i), so ds_i = p_i·(dp_i − Σ_j p_j·dp_j).
//! The sum needs no row of dp: Σ_j p_j·dp_j = Σ_j p_j·⟨do, v_j⟩ = ⟨do, Σ_j p_j·v_j⟩ = ⟨do, o⟩.
//!
//! Heads run in parallel; inside a head every sum has one order.

use crate::kernels::gemm::{Mat, MatMut, gemm_serial, whole_tiles};
use crate::kernels::lanes;
use crate::pool::Buffer;
use crate::{Context, Op, Tensor, Var};
use rayon::prelude::*;

/// Queries in a block, or a few more. Large blocks compute more scores in vain, at their end where keys come after
/// queries; small ones read keys and values more often.
const BLOCK: usize = 48;

/// Queries in a block of this sequence.
fn block_rows(context: Context, time: usize) -> usize {
    whole_tiles(context, BLOCK).min(time)
}

/// One head's keys and values, (capacity, D) each, of which the first T rows count, with what is needed to look at
/// them. Without a cache the capacity is T.
#[derive(Clone, Copy)]
struct Head<'a> {
    context: Context,
    d_head: usize,
    k: &'a [f32],
    v: &'a [f32],
}

impl<'a> Head<'a> {
    /// The first `len` rows of `x`, (T, D).
    fn rows(&self, x: &'a [f32], len: usize) -> Mat<'a> {
        Mat::new(x, len, self.d_head)
    }

    fn scale(&self) -> f32 {
        1.0 / (self.d_head as f32).sqrt()
    }

    /// q (block, D) at positions `first`… → o (block, D) and, a row, ℓ. The scores (block, keys) go into `p`, and a
    /// number a row after them.
    fn forward_block(&self, q: &[f32], first: usize, p: &mut [f32], o: &mut [f32], l: &mut [f32]) {
        let (rows, keys, scale) = (l.len(), first + l.len(), self.scale());
        let (p, sums) = p[..rows * (keys + 1)].split_at_mut(rows * keys);
        let q = Mat::new(q, rows, self.d_head);
        let scores = MatMut::new(p, rows, keys);
        gemm_serial(self.context, q, self.rows(self.k, keys).t(), scores, false);
        // exp(score − largest) is not divided by its sum here: the row of o is, which is shorter.
        self.context.kernels.vectorize(
            #[inline(always)]
            || {
                for (r, (row, l)) in p.chunks_exact_mut(keys).zip(l.iter_mut()).enumerate() {
                    let (seen, masked) = row.split_at_mut(first + r + 1);
                    let max = lanes::max(seen);
                    seen.iter_mut().for_each(|s| *s = lanes::exp((*s - max) * scale));
                    masked.fill(0.0);
                    sums[r] = lanes::sum(seen);
                    *l = max * scale + sums[r].ln();
                }
            },
        );
        let p = Mat::new(p, rows, keys);
        let target = MatMut::new(&mut *o, rows, self.d_head);
        gemm_serial(self.context, p, self.rows(self.v, keys), target, false);
        for (o, sum) in o.chunks_exact_mut(self.d_head).zip(sums) {
            let inverse = 1.0 / *sum;
            o.iter_mut().for_each(|o| *o *= inverse);
        }
    }
}

/// What backward reads of one head's queries: (T, D), (T, D), (T, D), (T).
struct Queries<'a> {
    q: &'a [f32],
    o: &'a [f32],
    d_o: &'a [f32],
    l: &'a [f32],
}

/// One head's gradients, (T, D) each.
struct HeadGrads<'a> {
    dq: &'a mut [f32],
    dk: &'a mut [f32],
    dv: &'a mut [f32],
}

impl Head<'_> {
    fn backward(&self, queries: &Queries<'_>, grads: HeadGrads<'_>) {
        let (d, context, scale) = (self.d_head, self.context, self.scale());
        let time = queries.l.len();
        let block = block_rows(context, time);
        let mut p_buffer = Buffer::scratch(block * time);
        let mut ds_buffer = Buffer::scratch(block * time);
        grads.dk.fill(0.0);
        grads.dv.fill(0.0);
        for first in (0..time).step_by(block.max(1)) {
            let rows = block.min(time - first);
            let keys = first + rows;
            let own = first * d..keys * d;
            let q = Mat::new(&queries.q[own.clone()], rows, d);
            let d_o = Mat::new(&queries.d_o[own.clone()], rows, d);
            let p = &mut p_buffer.as_mut_slice()[..rows * keys];
            let ds = &mut ds_buffer.as_mut_slice()[..rows * keys];
            let (k, v) = (self.rows(self.k, keys), self.rows(self.v, keys));
            gemm_serial(context, q, k.t(), MatMut::new(p, rows, keys), false);
            gemm_serial(context, d_o, v.t(), MatMut::new(ds, rows, keys), false);
            context.kernels.vectorize(
                #[inline(always)]
                || {
                    let matrix_rows = p.chunks_exact_mut(keys).zip(ds.chunks_exact_mut(keys));
                    for (r, (p, ds)) in matrix_rows.enumerate() {
                        let position = first + r;
                        let row = position * d..(position + 1) * d;
                        let delta = lanes::dot(&queries.d_o[row.clone()], &queries.o[row]);
                        let l = queries.l[position];
                        for (p, ds) in p[..=position].iter_mut().zip(&mut ds[..=position]) {
                            *p = lanes::exp(*p * scale - l);
                            // ds/√D of the formulas above, so that dq and dk need no factor.
                            *ds = *p * (*ds - delta) * scale;
                        }
                        p[position + 1..].fill(0.0);
                        ds[position + 1..].fill(0.0);
                    }
                },
            );
            let (p, ds) = (Mat::new(p, rows, keys), Mat::new(ds, rows, keys));
            let first_keys = |x| MatMut::new(x, keys, d);
            gemm_serial(context, ds, k, MatMut::new(&mut grads.dq[own], rows, d), false);
            gemm_serial(context, ds.t(), q, first_keys(&mut *grads.dk), true);
            gemm_serial(context, p.t(), d_o, first_keys(&mut *grads.dv), true);
        }
    }
}

/// All heads' forward: q (B, H, T, D), the last T of `len` positions; k and v (B, H, capacity, D), of which
/// `len` positions count. Returns o (B, H, T, D) and ℓ (B, H, T).
#[track_caller]
fn forward(context: Context, q: &Tensor, k: &Tensor, v: &Tensor, len: usize) -> (Tensor, Tensor) {
    let &[batch, num_heads, time, d_head] = q.shape() else {
        panic!("causal_attention: q has shape {:?}, expected (B, H, T, D)", q.shape());
    };
    let capacity = k.shape().get(2).copied().unwrap_or(0);
    assert!(
        k.shape() == [batch, num_heads, capacity, d_head]
            && v.shape() == k.shape()
            && time <= len
            && len <= capacity,
        "causal_attention: q {:?}, k {:?}, v {:?}, {len} positions",
        q.shape(),
        k.shape(),
        v.shape()
    );
    let mut l = Tensor::scratch(&[batch, num_heads, time]);
    let o = Tensor::build(q.shape(), |o| {
        let (queries, keys) = ((time * d_head).max(1), (capacity * d_head).max(1));
        o.par_chunks_mut(queries)
            .zip(l.as_mut_slice().par_chunks_mut(time.max(1)))
            .zip(q.as_slice().par_chunks(queries))
            .zip(k.as_slice().par_chunks(keys).zip(v.as_slice().par_chunks(keys)))
            .for_each(|(((o, l), q), (k, v))| {
                let head = Head { context, d_head, k, v };
                let block = block_rows(context, time).max(1);
                let mut p = Buffer::scratch(block * (len + 1));
                let blocks = q.chunks(block * d_head).zip(o.chunks_mut(block * d_head));
                for (i, ((q, o), l)) in blocks.zip(l.chunks_mut(block)).enumerate() {
                    head.forward_block(q, len - time + i * block, p.as_mut_slice(), o, l);
                }
            });
    });
    (o, l)
}

/// Attention of the newest positions to all that came before, without a gradient, for generation.
///
/// `q` (B, H, T, D) are the last T of `len` positions; `keys` and `values` (B, H, capacity, D) hold `len`
/// positions, the queries' own included. Returns (B, H, T, D).
#[track_caller]
pub fn attend_to_cache(
    context: Context,
    q: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    len: usize,
) -> Tensor {
    forward(context, q, keys, values, len).0
}

impl<'t> Var<'t> {
    /// `self` are the queries: q, k, v and the output are (B, H, T, D).
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn causal_attention(&self, k: &Var<'t>, v: &Var<'t>) -> Var<'t> {
        assert!(
            self.shape().len() == 4 && self.shape() == k.shape() && k.shape() == v.shape(),
            "causal_attention: q {:?}, k {:?}, v {:?}; expected the same (B, H, T, D)",
            self.shape(),
            k.shape(),
            v.shape()
        );
        let (context, time, d_head) = (self.context(), self.shape()[2], self.shape()[3]);
        // Two products over the half of (T, T) that is not masked; backward computes one of them again, and four.
        let product = (self.value().len() * time) as f64;
        let op = Op::new("attention", &[self, k, v]).flops(2.0 * product, 5.0 * product);
        let (q, kv) = (self.value().clone(), [k.value().clone(), v.value().clone()]);
        let (o, l) = forward(context, &q, &kv[0], &kv[1], time);
        let kept = o.clone();
        op.record(o, move |dy, grads| {
            let [dq, dk, dv] =
                backward(context, [&q, &kv[0], &kv[1]], &kept, &l, &dy, (time, d_head));
            grads.give(0, dq);
            grads.give(1, dk);
            grads.give(2, dv);
        })
    }
}

/// All heads' backward.
fn backward(
    context: Context,
    [q, k, v]: [&Tensor; 3],
    o: &Tensor,
    l: &Tensor,
    d_o: &Tensor,
    (time, d_head): (usize, usize),
) -> [Tensor; 3] {
    let size = (time * d_head).max(1);
    let mut dq = Tensor::scratch(q.shape());
    let mut dk = Tensor::scratch(q.shape());
    let mut dv = Tensor::scratch(q.shape());
    let outputs = (dq.as_mut_slice().par_chunks_mut(size))
        .zip(dk.as_mut_slice().par_chunks_mut(size))
        .zip(dv.as_mut_slice().par_chunks_mut(size));
    outputs.enumerate().for_each(|(i, ((dq, dk), dv))| {
        let head = |x: &'_ Tensor| -> std::ops::Range<usize> {
            debug_assert_eq!(x.len() % size, 0);
            i * size..(i + 1) * size
        };
        let k_v = Head { context, d_head, k: &k.as_slice()[head(k)], v: &v.as_slice()[head(v)] };
        let queries = Queries {
            q: &q.as_slice()[head(q)],
            o: &o.as_slice()[head(o)],
            d_o: &d_o.as_slice()[head(d_o)],
            l: &l.as_slice()[i * time..(i + 1) * time],
        };
        k_v.backward(&queries, HeadGrads { dq, dk, dv });
    });
    [dq, dk, dv]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tape, testing};

    fn random_qkv(shape: &[usize]) -> [Tensor; 3] {
        [1, 2, 3].map(|seed| testing::random(shape, seed))
    }

    #[test]
    fn gradients() {
        for shape in [[2, 2, 5, 4], [1, 1, 1, 2], [1, 2, BLOCK + 3, 2], [1, 1, 2 * BLOCK, 4]] {
            testing::gradcheck(&random_qkv(&shape), |_, v| v[0].causal_attention(&v[1], &v[2]));
        }
    }

    #[test]
    fn the_first_position_sees_only_itself() {
        let [q, k, v] = random_qkv(&[1, 1, 3, 4]);
        let o = attend_to_cache(Context::detect(), &q, &k, &v, 3);
        testing::assert_close("o_0", &o.as_slice()[..4], &v.as_slice()[..4], 1e-6);
    }

    #[test]
    fn a_cache_gives_what_the_whole_sequence_gives() {
        let [q, k, v] = random_qkv(&[1, 1, 70, 4]);
        let tape = Tape::inference(Context::detect());
        let var = |x: &Tensor| tape.constant(x.clone());
        let whole = var(&q).causal_attention(&var(&k), &var(&v)).into_value();
        for (start, end) in [(0, 70), (69, 70), (40, 70), (3, 9)] {
            let q = Tensor::from_slice(&[1, 1, end - start, 4], &q.as_slice()[start * 4..end * 4]);
            let o = attend_to_cache(Context::detect(), &q, &k, &v, end);
            testing::assert_close("o", o.as_slice(), &whole.as_slice()[start * 4..end * 4], 1e-6);
        }
    }
}
