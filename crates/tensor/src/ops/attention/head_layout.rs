//! Heads among the channels: where they are, or copied and turned by their positions.

use crate::gemm::Mat;
use crate::matrix::element::{self, Element, Slice};
use crate::memory::cache::prefetch;
use crate::memory::pool::Buffer;
use crate::ops::rope::{RopeTable, Rotation};
use crate::{Context, Role, Tensor, vectorize};
use half::bf16;
use rayon::prelude::*;

/// Sequences of rows whose channels are heads.
#[derive(Clone, Copy)]
pub(super) struct HeadLayout {
    pub(super) context: Context,
    pub(super) num_heads: usize,
    /// T.
    pub(super) time: usize,
    /// D.
    pub(super) d_head: usize,
}

impl HeadLayout {
    /// Those of `x` (B, T, C).
    #[track_caller]
    pub(super) fn of(
        context: Context,
        x: &Tensor,
        num_heads: usize,
        rope: Option<&RopeTable>,
    ) -> Self {
        let &[_, time, channels] = x.shape() else {
            panic!("attention: shape {:?}, expected (B, T, C)", x.shape());
        };
        assert!(
            num_heads > 0 && channels > 0 && channels.is_multiple_of(num_heads),
            "attention: {channels} channels do not split into {num_heads} heads"
        );
        let d_head = channels / num_heads;
        let turned = rope.map_or(d_head, RopeTable::d_head);
        assert!(turned == d_head, "attention: heads of {d_head} channels by a rope of {turned}");
        Self { context, num_heads, time, d_head }
    }

    pub(super) fn channels(&self) -> usize {
        self.num_heads * self.d_head
    }

    /// The rows of head `index` of `x` (B, T, C), counted over all sequences; they are D of C
    /// channels each. Rows that come soon are asked for, as the hardware does not foresee steps of
    /// a page or two.
    #[inline(always)]
    pub(super) fn rows<'x, E: Element>(
        &self,
        x: &'x [E],
        index: usize,
    ) -> impl Iterator<Item = &'x [E]> {
        const AHEAD: usize = 16;
        let (channels, d_head) = (self.channels(), self.d_head);
        let (sequence, head) = (index / self.num_heads, index % self.num_heads);
        let sequence = &x[sequence * self.time * channels..][..self.time * channels];
        let starts = (head * d_head..sequence.len()).step_by(channels);
        starts.map(
            #[inline(always)]
            move |start| {
                let soon = start + AHEAD * channels;
                prefetch(sequence, soon..soon + d_head);
                &sequence[start..][..d_head]
            },
        )
    }

    /// Head `index` of `x` (T, D), turned if there is a `rope`: where it is if it is rounded and
    /// not to be turned, or else copied to `room`, as its rows lie far apart.
    fn matrix_of<'a>(
        &self,
        x: &'a Tensor,
        index: usize,
        rope: Option<&RopeTable>,
        room: &'a mut [f32],
    ) -> Mat<'a> {
        let Self { num_heads, time, d_head, .. } = *self;
        if let (Slice::Bf16(x), None) = (x.data(), rope) {
            let first = index / num_heads * time * self.channels() + index % num_heads * d_head;
            return Mat::of_bf16_with_row_stride(&x[first..], time, d_head, self.channels());
        }
        self.load(x, index, rope.map(|table| (table, 0)), room);
        Mat::new(room, time, d_head)
    }

    /// Head `index` of `x` (T, D): where it is, or copied to `room`.
    pub(super) fn matrix<'a>(&self, x: &'a Tensor, index: usize, room: &'a mut [f32]) -> Mat<'a> {
        self.matrix_of(x, index, None, room)
    }

    /// `x` (B, T, C) with every head turned to its position, rounded.
    fn turned(&self, x: &Tensor, table: &RopeTable) -> Tensor {
        /// Rows of a task.
        const ROWS: usize = 16;
        let (channels, d_head, data) = (self.channels(), self.d_head, x.data());
        let mut turned = Role::Operand.scratch(self.context, x.shape());
        let tasks = turned.elements_mut::<bf16>().par_chunks_mut(ROWS * channels).enumerate();
        tasks.for_each(|(task, turned)| {
            let mut buffer = Buffer::scratch(2 * channels);
            let (from, to) = buffer.as_mut_slice().split_at_mut(channels);
            vectorize!(self.context.kernels, {
                for (row, turned) in (task * ROWS..).zip(turned.chunks_exact_mut(channels)) {
                    let from = data.in_f32(row * channels..(row + 1) * channels, from);
                    for (from, to) in from.chunks_exact(d_head).zip(to.chunks_exact_mut(d_head)) {
                        table.rotate(row % self.time, from, to, Rotation::Forward);
                    }
                    element::store(turned, to);
                }
            });
        });
        turned
    }

    /// Copies head `index` of `x` to `out` (T, D), the first row turned to position `start`.
    pub(super) fn load(
        &self,
        x: &Tensor,
        index: usize,
        rope: Option<(&RopeTable, usize)>,
        out: &mut [f32],
    ) {
        match x.data() {
            Slice::F32(x) => self.load_rows(x, index, rope, out),
            Slice::Bf16(x) => self.load_rows(x, index, rope, out),
        }
    }

    fn load_rows<E: Element>(
        &self,
        x: &[E],
        index: usize,
        rope: Option<(&RopeTable, usize)>,
        out: &mut [f32],
    ) {
        let mut room = Buffer::scratch(self.d_head);
        let room = room.as_mut_slice();
        vectorize!(self.context.kernels, {
            let rows = self.rows(x, index).zip(out.chunks_exact_mut(self.d_head));
            match rope {
                None => {
                    for (x, out) in rows {
                        element::load(out, x);
                    }
                }
                // In a loop, as the compiler would not inline the rotation into the iterator's
                // own.
                Some((table, start)) => {
                    for ((x, out), position) in rows.zip(start..) {
                        element::load(room, x);
                        table.rotate(position, room, out, Rotation::Forward);
                    }
                }
            }
        });
    }
}

/// What the heads of q, k and v, (B, T, C) each, are taken from.
pub(super) struct Inputs {
    qkv: [Tensor; 3],
    /// By which q and k are yet to be turned.
    rope: Option<RopeTable>,
}

impl Inputs {
    /// As they are.
    pub(super) fn new(qkv: [&Tensor; 3], rope: Option<&RopeTable>) -> Self {
        Self { qkv: qkv.map(Tensor::clone), rope: rope.cloned() }
    }

    /// Turned and rounded, for a context in bf16.
    pub(super) fn rounded(
        heads: HeadLayout,
        [q, k, v]: [&Tensor; 3],
        rope: Option<&RopeTable>,
    ) -> Self {
        let operand = |x| Role::Operand.store(heads.context, x);
        let turned = |x| rope.map_or_else(|| operand(x), |table| heads.turned(x, table));
        Self { qkv: [turned(q), turned(k), operand(v)], rope: None }
    }

    /// Head `index` of q, k and v, counted over all sequences, (T, D) each: where they are, or
    /// copied to `room` (3, T, D).
    pub(super) fn matrices<'a>(
        &'a self,
        heads: HeadLayout,
        index: usize,
        room: &'a mut [f32],
    ) -> [Mat<'a>; 3] {
        let ([q, k, v], rope) = (&self.qkv, self.rope.as_ref());
        let size = heads.time * heads.d_head;
        let (q_room, room) = room.split_at_mut(size);
        let (k_room, v_room) = room.split_at_mut(size);
        [
            heads.matrix_of(q, index, rope, q_room),
            heads.matrix_of(k, index, rope, k_room),
            heads.matrix_of(v, index, None, v_room),
        ]
    }
}
