//! Causal attention with several heads: o = softmax(q·kᵀ / √D, over the keys not after the
//! query)·v, a head at a time. (Vaswani et al., arXiv:1706.03762) Heads lie side by side in the
//! channels: head h has channels h·D to h·D + D − 1.
//!
//! Queries are taken in blocks, and a block looks only at the keys up to its last query: half of
//! the (T, T) scores are never computed, and only a (block, T) piece exists at a time, backward as
//! well, as in FlashAttention (Dao et al., arXiv:2205.14135); [`query_blocks`] has the formulas.
//!
//! A task copies its head out of the channels, turning queries and keys by their positions
//! ([`RopeTable`]) on the way, works on the copy, which at usual lengths stays in its second-level
//! cache, and copies what comes out back: the gradient of a rotation is a rotation back, and that
//! of picking channels is putting them back. So neither heads nor rotations are operations of their
//! own. In bf16 precision products read what is rounded where it is, without a copy: v, the
//! gradient of o, and in training q and k, which a pass over whole rows turns and rounds for
//! forward and backward.
//!
//! Heads run in parallel; inside a head every sum has one order.

mod head_layout;
mod query_blocks;

use self::head_layout::{HeadLayout, Inputs};
use self::query_blocks::{Saved, Shape};
use super::rope::{RopeTable, Rotation};
use crate::gemm::Mat;
use crate::gemm::column_blocks::par_column_blocks;
use crate::matrix::element::{self, Element, with_element_type};
use crate::memory::pool::Buffer;
use crate::{Context, Op, Role, Tensor, Var, vectorize};
use rayon::prelude::*;

/// Writes o (B, T, C), and ℓ (B, H, T) for backward.
fn forward<E: Element>(heads: HeadLayout, inputs: &Inputs, o: &mut Tensor, l: &mut Tensor) {
    let HeadLayout { context, time, d_head, .. } = heads;
    let shape = Shape { context, time, len: time, d_head };
    par_column_blocks(o.elements_mut::<E>(), time, heads.channels(), d_head)
        .zip(l.as_mut_slice().par_chunks_mut(time.max(1)))
        .enumerate()
        .for_each(|(index, (mut o, l))| {
            let mut buffer = Buffer::scratch(3 * time * d_head);
            let qkv = inputs.matrices(heads, index, buffer.as_mut_slice());
            let write = |row, from: &[f32]| {
                vectorize!(context.kernels, element::store(o.row_mut(row), from));
            };
            query_blocks::forward(shape, qkv, l, write);
        });
}

/// Writes the gradients of q, k and v (B, T, C), as they were before they were rotated, from that
/// of o and what forward read and wrote.
fn backward<E: Element>(
    heads: HeadLayout,
    inputs: &Inputs,
    rope: Option<&RopeTable>,
    [l, d_o]: [&Tensor; 2],
    grads: &mut [Tensor; 3],
) {
    let HeadLayout { context, time, d_head, .. } = heads;
    let shape = Shape { context, time, len: time, d_head };
    let size = time * d_head;
    let [dq, dk, dv] = grads
        .each_mut()
        .map(|dx| par_column_blocks(dx.elements_mut::<E>(), time, heads.channels(), d_head));
    dq.zip(dk).zip(dv).enumerate().for_each(|(index, ((dq, dk), dv))| {
        let mut buffer = Buffer::scratch(7 * size + d_head);
        let (qkv, rest) = buffer.as_mut_slice().split_at_mut(3 * size);
        let (matrices, turned) = rest.split_at_mut(4 * size);
        let mut matrices = matrices.chunks_exact_mut(size);
        let [do_head, dq_head, dk_head, dv_head] =
            std::array::from_fn(|_| matrices.next().expect("the buffer has room for four"));
        let [q, k, v] = inputs.matrices(heads, index, qkv);
        let d_o = heads.matrix(d_o, index, do_head);
        let saved = Saved { q, k, v, d_o, l: &l.as_slice()[index * time..][..time] };
        query_blocks::backward(shape, &saved, [&mut *dq_head, &mut *dk_head, &mut *dv_head]);
        vectorize!(context.kernels, {
            let grads = [(dq, dq_head, rope), (dk, dk_head, rope), (dv, dv_head, None)];
            for (mut dx, from, rope) in grads {
                for (position, from) in from.chunks_exact(d_head).enumerate() {
                    let from = match rope {
                        None => from,
                        Some(table) => {
                            table.rotate(position, from, turned, Rotation::Back);
                            &*turned
                        }
                    };
                    element::store(dx.row_mut(position), from);
                }
            }
        });
    });
}

impl<'t> Var<'t> {
    /// `self` are the queries: q, k, v and the output are (B, T, C), whose channels are `num_heads`
    /// heads. With `rope`, queries and keys are turned by their positions, from 0 on, first. In
    /// bf16 precision the output is rounded.
    ///
    /// # Panics
    /// If the shapes differ, C does not split into the heads, or the table is one for other heads
    /// or fewer positions.
    #[track_caller]
    pub fn causal_attention(
        &self,
        k: &Var<'t>,
        v: &Var<'t>,
        num_heads: usize,
        rope: Option<&RopeTable>,
    ) -> Var<'t> {
        assert!(
            self.shape() == k.shape() && k.shape() == v.shape(),
            "causal_attention: q {:?}, k {:?}, v {:?}; expected the same (B, T, C)",
            self.shape(),
            k.shape(),
            v.shape()
        );
        let heads = HeadLayout::of(self.context(), self.value(), num_heads, rope);
        if let Some(table) = rope {
            table.assert_holds(heads.time);
        }
        // Two products over the half of (T, T) that is not masked; backward computes one of them
        // again, and four.
        let product = (self.value().len() * heads.time) as f64;
        let op = Op::new("attention", &[self, k, v]).flops(2.0 * product, 5.0 * product);
        let op = op.output(Role::Operand).gradient(Role::Operand);
        let values = [self.value(), k.value(), v.value()];
        let inputs = match op.needs_grad() && Role::Operand.is_rounded(heads.context) {
            true => Inputs::rounded(heads, values, rope),
            false => Inputs::new(values, rope),
        };
        let mut o = op.scratch(self.shape());
        let mut l = Tensor::scratch(&[self.shape()[0], num_heads, heads.time]);
        with_element_type!(o, E => forward::<E>(heads, &inputs, &mut o, &mut l));
        let rope = rope.cloned();
        op.record(o, move |d_o, grads| {
            let mut dx = grads.scratch([0, 1, 2], d_o.shape());
            with_element_type!(dx[0], E => {
                backward::<E>(heads, &inputs, rope.as_ref(), [&l, &d_o], &mut dx);
            });
            dx.into_iter().enumerate().for_each(|(input, dx)| grads.give(input, dx));
        })
    }
}

/// Attention of the newest positions to all that came before, without a gradient, for generation.
///
/// `q` (B, T, C) are the last T of `len` positions; `keys` and `values` (B, H, capacity, D) hold
/// `len` positions, the queries' own included (see [`write_heads`]). Returns (B, T, C), as
/// [`Var::causal_attention`] does.
///
/// # Panics
/// If the shapes do not fit.
#[track_caller]
pub fn attend_to_cache(
    context: Context,
    q: &Tensor,
    rope: Option<&RopeTable>,
    [keys, values]: [&Tensor; 2],
    len: usize,
) -> Tensor {
    let num_heads = keys.shape().get(1).copied().unwrap_or(0);
    let heads = HeadLayout::of(context, q, num_heads, rope);
    let HeadLayout { time, d_head, .. } = heads;
    let capacity = keys.shape().get(2).copied().unwrap_or(0);
    assert!(
        keys.shape() == [q.shape()[0], num_heads, capacity, d_head]
            && keys.shape() == values.shape()
            && time <= len
            && len <= capacity,
        "attend_to_cache: q {:?}, keys {:?}, values {:?}, {len} positions",
        q.shape(),
        keys.shape(),
        values.shape()
    );
    if let Some(table) = rope {
        table.assert_holds(len);
    }
    let (shape, first) = (Shape { context, time, len, d_head }, len - time);
    let o = Tensor::build(q.shape(), |o| {
        let caches = keys.as_slice().par_chunks((capacity * d_head).max(1));
        par_column_blocks(o, time, heads.channels(), d_head)
            .zip(caches.zip(values.as_slice().par_chunks((capacity * d_head).max(1))))
            .enumerate()
            .for_each(|(index, (mut o, (k, v)))| {
                let mut buffer = Buffer::scratch(time * d_head + time);
                let (q_head, l) = buffer.as_mut_slice().split_at_mut(time * d_head);
                heads.load(q, index, rope.map(|table| (table, first)), q_head);
                let write = |row, from: &[f32]| o.row_mut(row).copy_from_slice(from);
                let q = Mat::new(q_head, time, d_head);
                let [k, v] = [k, v].map(|x| Mat::new(x, len, d_head));
                query_blocks::forward(shape, [q, k, v], l, write);
            });
    });
    Role::Operand.store(context, &o)
}

/// Writes the heads of `x` (B, T, C) to the positions from `start` on of `cache` (B, H, capacity,
/// D), turned to their positions if there is a `rope`.
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
    let heads = HeadLayout::of(context, x, num_heads, rope);
    assert!(
        x.shape()[0] == batch && heads.d_head == d_head && start + heads.time <= capacity,
        "write_heads: {:?} from position {start} into {:?}",
        x.shape(),
        cache.shape()
    );
    if let Some(table) = rope {
        table.assert_holds(start + heads.time);
    }
    let rope = rope.map(|table| (table, start));
    let head_caches = cache.as_mut_slice().chunks_exact_mut((capacity * d_head).max(1));
    for (index, cache) in head_caches.enumerate() {
        heads.load(x, index, rope, &mut cache[start * d_head..][..heads.time * d_head]);
    }
}

#[cfg(test)]
mod tests;
