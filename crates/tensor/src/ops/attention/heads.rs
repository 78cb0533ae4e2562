//! Copying heads out of the channels, turned by their positions.

use super::RopeTable;
use crate::elements::{self, Data, Element};
use crate::kernels::gemm::Mat;
use crate::kernels::prefetch;
use crate::pool::Buffer;
use crate::{Context, DType, Tensor};
use half::bf16;
use rayon::prelude::*;

/// Sequences of rows whose channels are heads.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub(super) context: Context,
    pub(super) num_heads: usize,
    /// T.
    pub(super) time: usize,
    /// D.
    pub(super) d_head: usize,
}

impl Heads {
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

    /// The rows of head `index` of `x` (B, T, C), counted over all sequences; they are D of C channels each. Rows that come
    /// soon are asked for, as the hardware does not foresee steps of a page or two.
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

    /// Head `index` of `x` (T, D): where it is if `x` is rounded, or else copied to `room`, as its rows lie far apart.
    pub(super) fn matrix<'a>(&self, x: &'a Tensor, index: usize, room: &'a mut [f32]) -> Mat<'a> {
        let Self { num_heads, time, d_head, .. } = *self;
        match x.data() {
            Data::F32(_) => {
                self.load(x, index, None, room);
                Mat::new(room, time, d_head)
            }
            Data::Bf16(x) => {
                let first = index / num_heads * time * self.channels() + index % num_heads * d_head;
                Mat::of_bf16_with_row_stride(&x[first..], time, d_head, self.channels())
            }
        }
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
            Data::F32(x) => self.load_rows(x, index, rope, out),
            Data::Bf16(x) => self.load_rows(x, index, rope, out),
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
        self.context.kernels.vectorize(
            #[inline(always)]
            || {
                let rows = self.rows(x, index).zip(out.chunks_exact_mut(self.d_head));
                match rope {
                    None => {
                        for (x, out) in rows {
                            elements::load(out, x);
                        }
                    }
                    // In a loop, as the compiler would not inline the rotation into the iterator's own.
                    Some((table, start)) => {
                        for ((x, out), position) in rows.zip(start..) {
                            elements::load(room, x);
                            table.turn(position, room, out);
                        }
                    }
                }
            },
        );
    }
}

/// What the heads of q, k and v are taken from.
pub(super) enum Inputs {
    /// (B, T, C) each, and the table by which q and k are yet to be turned.
    Channels([Tensor; 3], Option<RopeTable>),
    /// (B, H, T, D) each, turned, as products read them.
    Heads([Tensor; 3]),
}

impl Inputs {
    /// Rounds the heads, for a context in bf16.
    pub(super) fn rounded(heads: Heads, [q, k, v]: [&Tensor; 3], rope: Option<&RopeTable>) -> Self {
        let (context, size) = (heads.context, heads.time * heads.d_head);
        let round = |x: &Tensor, rope: Option<&RopeTable>| {
            let mut rounded = Tensor::scratch_of(DType::Bf16, x.shape());
            let rounded_heads = rounded.elements_mut::<bf16>().par_chunks_mut(size.max(1));
            rounded_heads.enumerate().for_each(|(index, rounded)| {
                let mut buffer = Buffer::scratch(size);
                let rope = rope.map(|table| (table, 0));
                heads.load(x, index, rope, buffer.as_mut_slice());
                context.kernels.vectorize(
                    #[inline(always)]
                    || elements::store(rounded, buffer.as_slice()),
                );
            });
            rounded
        };
        Self::Heads([round(q, rope), round(k, rope), round(v, None)])
    }

    /// Floats that [`Inputs::matrices`] needs.
    pub(super) fn room(&self, heads: Heads) -> usize {
        match self {
            Self::Channels(..) => 3 * heads.time * heads.d_head,
            Self::Heads(_) => 0,
        }
    }

    /// Head `index` of q, k and v, counted over all sequences, (T, D) each: where they are, or copied to `room`.
    pub(super) fn matrices<'a>(
        &'a self,
        heads: Heads,
        index: usize,
        room: &'a mut [f32],
    ) -> [Mat<'a>; 3] {
        let Heads { time, d_head, .. } = heads;
        let size = time * d_head;
        match self {
            Self::Channels([q, k, v], rope) => {
                let rope = rope.as_ref().map(|table| (table, 0));
                let (q_head, kv) = room.split_at_mut(size);
                let (k_head, v_head) = kv.split_at_mut(size);
                heads.load(q, index, rope, q_head);
                heads.load(k, index, rope, k_head);
                heads.load(v, index, None, v_head);
                [q_head, k_head, v_head].map(|head| Mat::new(head, time, d_head))
            }
            Self::Heads(inputs) => inputs.each_ref().map(|x| {
                let head = &x.elements::<bf16>()[index * size..(index + 1) * size];
                Mat::of_bf16(head, time, d_head)
            }),
        }
    }
}
