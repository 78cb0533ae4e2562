//! Causal attention with several heads: o = softmax(q·kᵀ / √D, over the keys not after the
//! query)·v for each head. (Vaswani et al., arXiv:1706.03762) Heads lie side by side in the
//! channels: head h has channels h·D to h·D + D − 1.
//!
//! | file | holds |
//! |---|---|
//! | [`query_blocks`] | one head, forward and backward, its queries taken in blocks |
//! | [`head_layout`] | the heads among the channels |
//! | [`cached`] | attention to a cache of keys and values, for generation |
//!
//! A task copies its head out of the channels, on the way rotating queries and keys to their
//! positions ([`RopeTable`]), works on the copy, which at usual lengths stays in its second-level
//! cache, and copies the result back. The gradient of a rotation is the rotation back, and that of
//! picking channels is putting them back, so that neither heads nor rotations need operations of
//! their own. In bf16 precision products read rounded operands where they are, without a copy: v,
//! the gradient of o, and in training q and k, which one pass over whole rows rotates and rounds
//! for forward and backward.
//!
//! Heads run in parallel; inside a head every sum has one order.

pub mod cached;
mod head_layout;
mod query_blocks;

use self::head_layout::{HeadLayout, Inputs};
use self::query_blocks::{Saved, Scratch, Shape, whole_lines};
use super::rope::{BACK, RopeTable};
use crate::gemm::column_blocks::par_column_blocks;
use crate::matrix::element::{self, Element, with_element_type};
use crate::memory::pool::Buffer;
use crate::{Op, Role, Tensor, Var, vectorize};
use rayon::prelude::*;

/// Writes o (B, T, C), and ℓ (B, H, T) for backward.
fn forward<E: Element>(heads: HeadLayout, inputs: &Inputs, o: &mut Tensor, l: &mut Tensor) {
    let HeadLayout { context, time, d_head, .. } = heads;
    let shape = Shape { context, time, len: time, d_head };
    par_column_blocks(o.elements_mut::<E>(), time, heads.channels(), d_head)
        .zip(l.as_mut_slice().par_chunks_mut(time.max(1)))
        .enumerate()
        .for_each(|(index, (mut o, l))| {
            let mut buffer = Buffer::scratch(3 * whole_lines(time * d_head));
            let qkv = inputs.matrices(heads, index, &mut Scratch(buffer.as_mut_slice()));
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
        // Copies of this head's q, k, v and do, then its dq, dk and dv, and a row to rotate.
        let mut buffer = Buffer::scratch(7 * whole_lines(size) + whole_lines(d_head));
        let mut scratch = Scratch(buffer.as_mut_slice());
        let [q, k, v] = inputs.matrices(heads, index, &mut scratch);
        let d_o = heads.matrix(d_o, index, None, scratch.take(size));
        let [dq_head, dk_head, dv_head] = [(); 3].map(|()| scratch.take(size));
        let rotated = scratch.take(d_head);
        let saved = Saved { q, k, v, d_o, l: &l.as_slice()[index * time..][..time] };
        query_blocks::backward(shape, &saved, [&mut *dq_head, &mut *dk_head, &mut *dv_head]);
        vectorize!(context.kernels, {
            let grads = [(dq, dq_head, rope), (dk, dk_head, rope), (dv, dv_head, None)];
            for (mut dx, from, rope) in grads {
                for (position, from) in from.chunks_exact(d_head).enumerate() {
                    let from = match rope {
                        None => from,
                        Some(table) => {
                            table.rotate(position, from, rotated, BACK);
                            &*rotated
                        }
                    };
                    element::store(dx.row_mut(position), from);
                }
            }
        });
    });
}

impl<'t> Var<'t> {
    /// Returns the attention of the queries `self` to `k` and `v`, an operand of products. q, k, v
    /// and the output are (B, T, C), whose channels are `num_heads` heads. With `rope`, queries and
    /// keys are first rotated to their positions, which start at 0.
    ///
    /// # Panics
    /// If the shapes differ, C does not split into the heads, or the table is for heads of another
    /// size or for fewer positions.
    #[track_caller]
    pub fn causal_attention(
        &self,
        k: &Var<'t>,
        v: &Var<'t>,
        num_heads: usize,
        rope: Option<&RopeTable>,
    ) -> Var<'t> {
        let [q_shape, k_shape, v_shape] = [self, k, v].map(|x| x.shape());
        assert!(
            q_shape == k_shape && k_shape == v_shape,
            "causal_attention: q {q_shape:?}, k {k_shape:?}, v {v_shape:?}; expected one (B, T, C)"
        );
        let heads = HeadLayout::of(self.context(), self.value(), num_heads, rope, 0);
        // Two products over the half of (T, T) that is not masked; backward computes the first one
        // again, and four more.
        let product = (self.value().len() * heads.time) as f64;
        let op = Op::new("attention", &[self, k, v]).flops(2.0 * product, 5.0 * product);
        let op = op.output(Role::Operand).gradient(Role::Operand);
        let values = [self.value(), k.value(), v.value()];
        let inputs = match op.needs_grad() && Role::Operand.is_rounded(heads.context) {
            true => Inputs::operands(heads, values, rope),
            false => Inputs::new(values, rope),
        };
        let mut o = op.scratch(self.shape());
        let mut l = Tensor::scratch(&[self.shape()[0], num_heads, heads.time]);
        with_element_type!(o, |E| forward::<E>(heads, &inputs, &mut o, &mut l));
        let rope = rope.cloned();
        op.record(o, move |d_o, grads| {
            let mut dx = grads.scratch([0, 1, 2], d_o.shape());
            with_element_type!(dx[0], |E| {
                backward::<E>(heads, &inputs, rope.as_ref(), [&l, &d_o], &mut dx);
            });
            dx.into_iter().enumerate().for_each(|(input, dx)| grads.give(input, dx));
        })
    }
}

#[cfg(test)]
mod tests;
