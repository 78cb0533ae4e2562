//! Attention of the newest tokens of several texts, each to the keys and values of its own text:
//! o = softmax(q·kᵀ / √D)·v for each head (see `ops/attention`).
#![allow(unsafe_code)]

use super::runner::{Runner, Sizes, at_least};
use super::text::Text;
use crate::isa::rows::{BLOCK, DenseJob, MAX_ROWS, Tile, WeightedRows};
use crate::ops::RopeTable;
use crate::ops::rope::FORWARD;
use crate::{Kernels, simd, vectorize};

/// The keys and values of one text in one layer, and the rows that are appended to them.
pub struct TextCache<'c> {
    /// (H, capacity, D)
    pub keys: &'c mut [f32],
    /// (H, capacity, D)
    pub values: &'c mut [f32],
    /// The positions before the rows.
    pub len: usize,
    /// Rows of this text, at the positions from `len` on.
    pub rows: usize,
}

/// The heads of a layer.
#[derive(Clone, Copy)]
pub struct Heads<'r> {
    /// H.
    pub num_heads: usize,
    /// D.
    pub d_head: usize,
    /// The rotation of queries and keys.
    pub rope: Option<&'r RopeTable>,
}

/// A result (N, C) of which threads write the channels of their heads.
struct Output(*mut f32);

// SAFETY: each head of a row belongs to one thread, and the memory outlives the region.
unsafe impl Sync for Output {}

impl Runner {
    /// Rotates and appends the keys k and the values v (N, C) of all texts to their caches, and
    /// writes to o (N, C) the attention of the queries q (N, C) to all positions up to their own.
    /// The N rows are those of the texts, one text after the other.
    ///
    /// # Panics
    /// If sizes do not fit.
    #[track_caller]
    pub fn attention<'c>(
        &mut self,
        heads: Heads<'_>,
        caches: impl Iterator<Item = TextCache<'c>>,
        [q, k, v]: [&[f32]; 3],
        o: &mut [f32],
    ) {
        let Heads { num_heads, d_head, rope } = heads;
        let channels = num_heads * d_head;
        let mut texts = std::mem::take(&mut self.texts);
        texts.0.clear();
        let (mut rows, mut positions, mut longest) = (0, 0, 0);
        for TextCache { keys, values, len, rows: own } in caches {
            let head_size = keys.len() / num_heads;
            let end = len + own;
            assert!(
                keys.len() == values.len() && end * d_head <= head_size,
                "attention: {end} positions of {num_heads} heads of {d_head} in a cache of {}",
                keys.len()
            );
            if let Some(table) = rope {
                table.assert_holds(end);
            }
            let (keys, values) = (keys.as_mut_ptr(), values.as_mut_ptr());
            texts.0.push(Text { keys, values, head_size, len, first_row: rows, rows: own });
            rows += own;
            positions += own * end;
            longest = longest.max(end);
        }
        let sizes = [q.len(), k.len(), v.len(), o.len()];
        assert_eq!(sizes, [rows * channels; 4], "attention: {rows} rows of {channels} channels");
        self.reserve(Sizes { scores: longest, query: d_head, ..Sizes::default() });
        let output = Output(o.as_mut_ptr());
        let all = &texts;
        let (threads, tasks) =
            (self.threads_for(2 * positions * channels), all.0.len() * num_heads);
        self.share(threads, tasks, |scratch, take| {
            let output = &output; // All of it: its field alone is not `Sync`.
            let mut tile = [[0.0; BLOCK]; MAX_ROWS];
            for task in std::iter::from_fn(take).flatten() {
                let (text, head) = (&all.0[task / num_heads], task % num_heads);
                // SAFETY: each task, a head of a text, is taken by one thread; the sizes of the
                // cache were checked above, and the caches are borrowed until the region ends.
                let [keys, values] = unsafe {
                    [text.keys, text.values].map(|cache| {
                        std::slice::from_raw_parts_mut(
                            cache.add(head * text.head_size),
                            text.head_size,
                        )
                    })
                };
                for row in 0..text.rows {
                    let at = (text.first_row + row) * channels + head * d_head;
                    // SAFETY: the channels of this head in this row; o has so many.
                    let o = unsafe { std::slice::from_raw_parts_mut(output.0.add(at), d_head) };
                    let [q, k, v] = [q, k, v].map(|x| &x[at..at + d_head]);
                    let position = text.len + row;
                    rotate(rope, position, k, &mut keys[position * d_head..][..d_head]);
                    values[position * d_head..][..d_head].copy_from_slice(v);
                    let end = (position + 1) * d_head;
                    let query = at_least(&mut scratch.query, d_head);
                    rotate(rope, position, q, query);
                    let scores = at_least(&mut scratch.scores, position + 1);
                    let cached = [&keys[..end], &values[..end]];
                    attend(self.context.kernels, query, cached, scores, &mut tile, o);
                }
            }
        });
        self.texts = texts;
    }
}

/// Writes x (D), rotated to `position` if there is a `rope`, to y.
fn rotate(rope: Option<&RopeTable>, position: usize, x: &[f32], y: &mut [f32]) {
    match rope {
        Some(table) => table.rotate(position, x, y, FORWARD),
        None => y.copy_from_slice(x),
    }
}

/// Writes the attention of q (D) to `keys` and `values` (T, D) to o (D); `scores` (T) and `tile`
/// are scratch.
fn attend(
    kernels: &Kernels,
    q: &[f32],
    [keys, values]: [&[f32]; 2],
    scores: &mut [f32],
    tile: &mut Tile,
    o: &mut [f32],
) {
    let (d_head, scale) = (q.len(), 1.0 / (q.len() as f32).sqrt());
    for (scores, keys) in scores.chunks_mut(BLOCK).zip(keys.chunks(BLOCK * d_head)) {
        let (x, w, outputs) = (q.as_ptr(), keys.as_ptr(), scores.len());
        let job = DenseJob { k: d_head, x, x_stride: d_head, rows: 1, w, outputs };
        // SAFETY: whoever holds a table may use its instruction set; these are `outputs` keys.
        unsafe { (kernels.rows.f32)(job, tile) };
        scores.copy_from_slice(&tile[0][..outputs]);
    }
    let sum = vectorize!(kernels, {
        let greatest = simd::max(scores);
        simd::map_sum(scores, |score| simd::exp((score - greatest) * scale))
    });
    let (count, p, v) = (scores.len(), scores.as_ptr(), values.as_ptr());
    debug_assert!(values.len() == count * d_head && o.len() == d_head);
    // SAFETY: whoever holds a table may use its instruction set; the slices have these sizes.
    unsafe {
        (kernels.rows.weighted_sum)(WeightedRows { count, p, v, width: d_head, o: o.as_mut_ptr() });
    }
    let inverse = 1.0 / sum;
    vectorize!(kernels, o.iter_mut().for_each(|o| *o *= inverse));
}
