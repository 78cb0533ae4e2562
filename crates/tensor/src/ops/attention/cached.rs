//! Attention to a cache of keys and values, without a gradient, for generation.

use super::head_layout::HeadLayout;
use super::query_blocks::{self, Shape};
use crate::gemm::column_blocks::par_column_blocks;
use crate::matrix::Mat;
use crate::memory::pool::Buffer;
use crate::ops::rope::RopeTable;
use crate::{Context, Role, Tensor};
use rayon::prelude::*;

/// Returns the attention of the queries `q` (B, T, C), which are at positions from `start` on, to
/// all positions up to their own: (B, T, C), as [`Var::causal_attention`](crate::Var) does.
///
/// `keys` and `values` (B, H, capacity, D) hold all these positions (see [`write_heads`]).
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn attend_to_cache(
    context: Context,
    q: &Tensor,
    rope: Option<&RopeTable>,
    [keys, values]: [&Tensor; 2],
    start: usize,
) -> Tensor {
    let &[batch, num_heads, capacity, d_head] = keys.shape() else {
        panic!("attend_to_cache: keys {:?}, expected (B, H, capacity, D)", keys.shape());
    };
    let heads = HeadLayout::of(context, q, num_heads, rope, start);
    // The queries are the last `time` of `len` positions, and only so many of the cache's
    // `capacity` have been written.
    let (time, len) = (heads.time, start + heads.time);
    let [q_shape, k_shape, v_shape] = [q, keys, values].map(Tensor::shape);
    let fits = q_shape[0] == batch && heads.d_head == d_head && len <= capacity;
    assert!(
        fits && k_shape == v_shape,
        "attend_to_cache: q {q_shape:?} from position {start}, keys {k_shape:?}, values {v_shape:?}"
    );
    let shape = Shape { context, time, len, d_head };
    // A head's part of the cache; at least 1, as chunks cannot have no elements.
    let size = (capacity * d_head).max(1);
    let o = Tensor::build(q.shape(), |o| {
        par_column_blocks(o, time, heads.channels(), d_head)
            .zip(keys.as_slice().par_chunks(size).zip(values.as_slice().par_chunks(size)))
            .enumerate()
            .for_each(|(index, (mut o, (k, v)))| {
                // ℓ, one number per query, would be for the backward pass, which generation does
                // not have: it goes into scratch memory and is dropped.
                let mut buffer = Buffer::scratch(time * d_head + time);
                let (q_head, l) = buffer.as_mut_slice().split_at_mut(time * d_head);
                // Keys were rotated when they were written to the cache, so that a step rotates its
                // new rows alone.
                heads.copy_head(q, index, rope, start, q_head);
                // Heads run in parallel and write to disjoint columns of the same rows of o.
                let write = |row, from: &[f32]| o.row_mut(row).copy_from_slice(from);
                let q = Mat::new(q_head, time, d_head);
                // Positions of a head are contiguous in the cache: its keys and values are matrices
                // as they lie, of the first `len` positions.
                let [k, v] = [k, v].map(|x| Mat::new(x, len, d_head));
                query_blocks::forward(shape, [q, k, v], l, write);
            });
    });
    Role::Operand.store(context, &o)
}

/// Writes the heads of `x` (B, T, C) to the positions from `start` on of `cache` (B, H, capacity,
/// D), rotated to their positions if there is a `rope`.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn write_heads(
    context: Context,
    x: &Tensor,
    rope: Option<&RopeTable>,
    cache: &mut Tensor,
    start: usize,
) {
    let &[batch, num_heads, capacity, d_head] = cache.shape() else {
        panic!("write_heads: a cache of shape {:?}, expected (B, H, capacity, D)", cache.shape());
    };
    let heads = HeadLayout::of(context, x, num_heads, rope, start);
    let fits = x.shape()[0] == batch && heads.d_head == d_head && start + heads.time <= capacity;
    let (x_shape, shape) = (x.shape(), cache.shape());
    assert!(fits, "write_heads: {x_shape:?} from position {start} into {shape:?}");
    let head_caches = cache.as_mut_slice().chunks_exact_mut((capacity * d_head).max(1));
    // The cache keeps heads apart, so that attention reads the keys of a head front to back at
    // every step; the new rows are scattered once, here.
    for (index, cache) in head_caches.enumerate() {
        heads.copy_head(x, index, rope, start, &mut cache[start * d_head..][..heads.time * d_head]);
    }
}
