//! The heads among the channels: read where they are, or copied and rotated to their positions.

use super::query_blocks::Scratch;
use crate::matrix::Mat;
use crate::matrix::element::{self, Element, Slice, with_any_element_type};
use crate::memory::cache::prefetch;
use crate::memory::pool::Buffer;
use crate::ops::rope::{FORWARD, RopeTable};
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
    /// Returns the layout of `x` (B, T, C), whose first row is at position `start`, and checks that
    /// `rope` has its heads and positions.
    #[track_caller]
    pub(super) fn of(
        context: Context,
        x: &Tensor,
        num_heads: usize,
        rope: Option<&RopeTable>,
        start: usize,
    ) -> Self {
        let &[_, time, channels] = x.shape() else {
            panic!("attention: shape {:?}, expected (B, T, C)", x.shape());
        };
        assert!(
            num_heads > 0 && channels > 0 && channels.is_multiple_of(num_heads),
            "attention: {channels} channels do not split into {num_heads} heads"
        );
        let d_head = channels / num_heads;
        if let Some(table) = rope {
            let rotated = table.d_head;
            assert!(rotated == d_head, "attention: heads of {d_head} channels, rope of {rotated}");
            table.assert_holds(start + time);
        }
        Self { context, num_heads, time, d_head }
    }

    pub(super) fn channels(&self) -> usize {
        self.num_heads * self.d_head
    }

    /// Returns the rows of head `index` of `x` (B, T, C), counted over all sequences: D of C
    /// channels each.
    ///
    /// The step from row to row is a page or two, which the hardware's prefetchers do not follow,
    /// so that rows are prefetched here.
    #[inline(always)]
    fn rows<'x, E: Element>(&self, x: &'x [E], index: usize) -> impl Iterator<Item = &'x [E]> {
        const AHEAD: usize = 16;
        let (channels, d_head) = (self.channels(), self.d_head);
        let (sequence, head) = (index / self.num_heads, index % self.num_heads);
        let sequence = &x[sequence * self.time * channels..][..self.time * channels];
        // A row holds the channels of all heads one after the other, so that the rows of one head
        // lie a whole row apart.
        let starts = (head * d_head..sequence.len()).step_by(channels);
        starts.map(
            #[inline(always)]
            move |start| {
                // Near the end this lies beyond the sequence: to prefetch there reads nothing and
                // is harmless.
                let soon = start + AHEAD * channels;
                prefetch(sequence, soon..soon + d_head);
                &sequence[start..][..d_head]
            },
        )
    }

    /// Returns head `index` of `x` as a matrix (T, D), rotated if there is a `rope`.
    ///
    /// Products read bf16 where it is. `f32` is copied to `scratch` first, as its rows lie far
    /// apart and products read them several times; so is what is to be rotated.
    pub(super) fn matrix<'a>(
        &self,
        x: &'a Tensor,
        index: usize,
        rope: Option<&RopeTable>,
        scratch: &'a mut [f32],
    ) -> Mat<'a> {
        let Self { num_heads, time, d_head, .. } = *self;
        if let (Slice::Bf16(x), None) = (x.data(), rope) {
            // A head is a matrix whose row stride is the width of a whole row; it begins in the
            // first row of its sequence, at its channels.
            let first = index / num_heads * time * self.channels() + index % num_heads * d_head;
            return Mat::with_row_stride(&x[first..], time, d_head, self.channels());
        }
        self.copy_head(x, index, rope, 0, scratch);
        Mat::new(scratch, time, d_head)
    }

    /// Copies head `index` of `x` to `out` (T, D), rotated if there is a `rope`; the first row is
    /// at position `start`.
    pub(super) fn copy_head(
        &self,
        x: &Tensor,
        index: usize,
        rope: Option<&RopeTable>,
        start: usize,
        out: &mut [f32],
    ) {
        // The rotation reads `f32`: a row of bf16 is widened here first. One buffer serves all
        // rows.
        let mut widened = Buffer::scratch(self.d_head);
        let widened = widened.as_mut_slice();
        with_any_element_type!(x, |E| vectorize!(self.context.kernels, {
            let rows = self.rows(x.elements::<E>(), index).zip(out.chunks_exact_mut(self.d_head));
            match rope {
                None => {
                    for (x, out) in rows {
                        element::load(out, x);
                    }
                }
                // A loop, not `for_each`: the compiler would not inline the rotation into that.
                Some(table) => {
                    for ((x, out), position) in rows.zip(start..) {
                        element::load(widened, x);
                        table.rotate(position, widened, out, FORWARD);
                    }
                }
            }
        }));
    }

    /// Returns `x` (B, T, C) in bf16 with every head rotated to its position.
    fn rotated(&self, x: &Tensor, table: &RopeTable) -> Tensor {
        /// Rows per task.
        const ROWS: usize = 16;
        let (channels, d_head, data) = (self.channels(), self.d_head, x.data());
        let mut rotated = Role::Operand.scratch(self.context, x.shape());
        // The tasks are rows, not heads: whole rows are read and written front to back, and all
        // heads of a row have the same position and so the same angles.
        let tasks = rotated.elements_mut::<bf16>().par_chunks_mut(ROWS * channels).enumerate();
        tasks.for_each(|(task, rotated)| {
            let mut buffer = Buffer::scratch(2 * channels);
            let (from, to) = buffer.as_mut_slice().split_at_mut(channels);
            vectorize!(self.context.kernels, {
                for (row, rotated) in (task * ROWS..).zip(rotated.chunks_exact_mut(channels)) {
                    let from = data.in_f32(row * channels..(row + 1) * channels, from);
                    for (from, to) in from.chunks_exact(d_head).zip(to.chunks_exact_mut(d_head)) {
                        // Rows are counted over all sequences, and positions begin anew in each.
                        table.rotate(row % self.time, from, to, FORWARD);
                    }
                    element::store(rotated, to);
                }
            });
        });
        rotated
    }
}

/// q, k and v, (B, T, C) each, in the form from which forward and backward take their heads.
pub(super) struct Inputs {
    qkv: [Tensor; 3],
    /// The rotation of q and k that is still to be done.
    rope: Option<RopeTable>,
}

impl Inputs {
    /// Returns the tensors as they are; heads are rotated whenever they are read.
    pub(super) fn new(qkv: [&Tensor; 3], rope: Option<&RopeTable>) -> Self {
        Self { qkv: qkv.map(Tensor::clone), rope: rope.cloned() }
    }

    /// Returns the tensors rotated and stored as operands, for a context that rounds these: the
    /// work is done once for forward and backward, and heads are read where they are.
    pub(super) fn operands(
        heads: HeadLayout,
        [q, k, v]: [&Tensor; 3],
        rope: Option<&RopeTable>,
    ) -> Self {
        // Scores depend on the positions of queries and keys only: values are never rotated.
        let stored = |x| Role::Operand.store(heads.context, x);
        let rotated = |x| rope.map_or_else(|| stored(x), |table| heads.rotated(x, table));
        Self { qkv: [rotated(q), rotated(k), stored(v)], rope: None }
    }

    /// Returns head `index` of q, k and v as matrices (T, D), where they are or in `scratch`.
    pub(super) fn matrices<'a>(
        &'a self,
        heads: HeadLayout,
        index: usize,
        scratch: &mut Scratch<'a>,
    ) -> [Mat<'a>; 3] {
        let ([q, k, v], rope) = (&self.qkv, self.rope.as_ref());
        [(q, rope), (k, rope), (v, None)]
            .map(|(x, rope)| heads.matrix(x, index, rope, scratch.take(heads.time * heads.d_head)))
    }
}
