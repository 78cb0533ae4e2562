//! Panels of a weight in 8 bits, widened to `f32`. Its layout has outputs side by side, as panels
//! have, so that nothing is transposed.

use crate::isa::rows::BLOCK;
use crate::isa::rows::GROUP;
use crate::matrix::element::Element;
use crate::matrix::int8::Int8Matrix;
use half::bf16;
use std::ops::Range;

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
