//! Packing for units that multiply tiles of bfloat16 (Intel AMX): operands are rounded to nearest even on the
//! way, and two neighbouring terms k, k + 1 share a 32-bit word, the first in the low half.
//!
//! A tile is 16 rows of 16 words, 1 kB. In a tile of A, word (i, p) holds the terms 2p and 2p + 1 of row i; in a
//! tile of B, word (p, j) holds those of column j. Each is the other's transpose, so that both are packed alike.
//! A panel is 32 rows of A (or columns of B): for every 32 terms its two tiles, one after the other. What is
//! missing in the last rows and terms is zero.

use super::gemm::Mat;
use super::pack::round_to_bf16;
use bytemuck::{Pod, Zeroable};

/// Rows of a tile, and words in each.
pub(super) const TILE: usize = 16;
/// Terms that a tile holds.
pub(super) const TERMS: usize = 2 * TILE;
/// Rows of A, or columns of B, in a panel.
pub(super) const PANEL: usize = 2 * TILE;

/// The words of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Tile(pub(super) [[u32; TILE]; TILE]);

/// How the words of a tile lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Word (i, p): a row's terms side by side, as in A.
    RowsOfTerms,
    /// Word (p, j): pairs of terms one under the other, as in B.
    PairsOfTerms,
}

/// The terms 2p and 2p + 1 in one word.
#[inline(always)]
fn pair(first: f32, second: f32) -> u32 {
    (round_to_bf16(first).to_bits() >> 16) | round_to_bf16(second).to_bits()
}

/// Packs the rows of `source` (for B: of Bᵀ) in panels of 32. `panels` begins at a multiple of 64 bytes and has
/// room for exactly the panels. To be inlined into a function that is compiled for an instruction set, which
/// knows a fast `transpose` of a tile.
#[inline(always)]
pub(super) fn pack(
    source: Mat<'_>,
    panels: &mut [f32],
    order: Order,
    transpose: impl Fn(&mut Tile) + Copy,
) {
    let tiles: &mut [Tile] = bytemuck::cast_slice_mut(panels);
    let (strips, blocks) = (2 * source.rows().div_ceil(PANEL), source.cols().div_ceil(TERMS));
    debug_assert_eq!(tiles.len(), strips * blocks);
    // A strip is 16 rows. The tile of strip s and block b of terms:
    let place = |s: usize, b: usize| s / 2 * 2 * blocks + 2 * b + s % 2;
    if source.row_stride() == 1 {
        // The rows of a term lie side by side: some terms go to all panels, so that each page is visited once.
        for b in 0..blocks {
            for s in 0..strips {
                pack_tile(source, s, b, &mut tiles[place(s, b)], order, transpose);
            }
        }
    } else {
        for s in 0..strips {
            for b in 0..blocks {
                pack_tile(source, s, b, &mut tiles[place(s, b)], order, transpose);
            }
        }
    }
}

#[inline(always)]
fn pack_tile(
    source: Mat<'_>,
    strip: usize,
    block: usize,
    tile: &mut Tile,
    order: Order,
    transpose: impl Fn(&mut Tile),
) {
    let whole = |start: usize, len: usize, end: usize| start.min(end)..(start + len).min(end);
    let rows = whole(strip * TILE, TILE, source.rows());
    let terms = whole(block * TERMS, TERMS, source.cols());
    let full = rows.len() == TILE && terms.len() == TERMS;
    let part = if rows.is_empty() { None } else { Some(source.block(rows, terms)) };
    let found = match part {
        None => {
            *tile = Tile::zeroed();
            return;
        }
        Some(part) if full && part.col_stride() == 1 => {
            for (i, words) in tile.0.iter_mut().enumerate() {
                let row = &part.data()[i * part.row_stride()..][..TERMS];
                for (word, terms) in words.iter_mut().zip(row.as_chunks::<2>().0) {
                    *word = pair(terms[0], terms[1]);
                }
            }
            Order::RowsOfTerms
        }
        Some(part) if full && part.row_stride() == 1 => {
            for (p, words) in tile.0.iter_mut().enumerate() {
                let term = |k: usize| &part.data()[k * part.col_stride()..][..TILE];
                let (first, second) = (term(2 * p), term(2 * p + 1));
                for ((word, &first), &second) in words.iter_mut().zip(first).zip(second) {
                    *word = pair(first, second);
                }
            }
            Order::PairsOfTerms
        }
        Some(part) => {
            let at = |i: usize, k: usize| {
                if i < part.rows() && k < part.cols() { part.at(i, k) } else { 0.0 }
            };
            for (i, words) in tile.0.iter_mut().enumerate() {
                for (p, word) in words.iter_mut().enumerate() {
                    *word = pair(at(i, 2 * p), at(i, 2 * p + 1));
                }
            }
            Order::RowsOfTerms
        }
    };
    if found != order {
        transpose(tile);
    }
}

/// Swaps rows and columns.
#[cfg(test)]
pub(super) fn transpose(tile: &mut Tile) {
    for i in 0..TILE {
        for j in 0..i {
            (tile.0[i][j], tile.0[j][i]) = (tile.0[j][i], tile.0[i][j]);
        }
    }
}

/// What the unit computes, in plain Rust, as a table of its own: the same panels, so that packing, edges and
/// blocking are tested on any machine.
#[cfg(test)]
pub(super) mod model {
    use super::super::{GemmKernel, Kernels, portable};
    use super::*;

    pub(in super::super) static KERNELS: Kernels = Kernels {
        isa: super::super::Isa::Portable,
        gemm: portable::GEMM,
        gemm_bf16: Some(GemmKernel {
            mr: PANEL,
            nr: PANEL,
            kc: 2 * TERMS,
            mc: 2 * PANEL,
            terms_a_step: TERMS,
            terms_a_slot: 2,
            micro,
            pack_a,
            pack_b,
            begin: || (),
            end: || (),
        }),
    };

    unsafe fn pack_a(source: Mat<'_>, panels: &mut [f32], _round: bool) {
        pack(source, panels, Order::RowsOfTerms, transpose);
    }

    unsafe fn pack_b(source: Mat<'_>, panels: &mut [f32], _round: bool) {
        pack(source, panels, Order::PairsOfTerms, transpose);
    }

    /// D ← D + A·B for tiles, term by term.
    fn multiply(d: &mut [[f32; TILE]; TILE], a: &Tile, b: &Tile) {
        let halves = |word: u32| [f32::from_bits(word << 16), f32::from_bits(word & 0xffff_0000)];
        for (d, a) in d.iter_mut().zip(&a.0) {
            for (&a, b) in a.iter().zip(&b.0) {
                for (d, &b) in d.iter_mut().zip(b) {
                    let ([a0, a1], [b0, b1]) = (halves(a), halves(b));
                    *d += a0 * b0;
                    *d += a1 * b1;
                }
            }
        }
    }

    unsafe fn micro(
        k: usize,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        c_row_stride: usize,
        accumulate: bool,
    ) {
        assert!((a as usize | b as usize).is_multiple_of(64), "panels are aligned");
        let tiles = 2 * k.div_ceil(TERMS);
        // SAFETY: the caller grants the panels.
        let (a, b) = unsafe {
            (
                std::slice::from_raw_parts(a.cast::<Tile>(), tiles),
                std::slice::from_raw_parts(b.cast::<Tile>(), tiles),
            )
        };
        for i in 0..2 {
            for j in 0..2 {
                let mut d = [[0.0; TILE]; TILE];
                for (a, b) in a.chunks_exact(2).zip(b.chunks_exact(2)) {
                    multiply(&mut d, &a[i], &b[j]);
                }
                for (r, d) in d.iter().enumerate() {
                    // SAFETY: the caller grants 32 floats in each of 32 rows.
                    let row = unsafe {
                        let start = c.add((i * TILE + r) * c_row_stride + j * TILE);
                        std::slice::from_raw_parts_mut(start, TILE)
                    };
                    for (c, &d) in row.iter_mut().zip(d) {
                        *c = if accumulate { *c + d } else { d };
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
