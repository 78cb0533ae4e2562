//! Packing for units that multiply tiles of bfloat16 (Intel AMX): operands are rounded to nearest
//! even on the way, and two neighbouring terms k, k + 1 share a 32-bit word, the first in the low
//! half.
//!
//! A tile is 16 rows of 16 words, 1 kB. In a tile of A, word (i, p) holds the terms 2p and 2p + 1
//! of row i; in a tile of B, word (p, j) holds those of column j. Each is the other's transpose, so
//! that both are packed alike. A panel is 32 rows of A (or columns of B): for every 32 terms its
//! two tiles, one after the other. What is missing in the last rows and terms is zero. Vector units
//! that multiply pairs of terms (AVX-512 BF16) take the same words in panels of another shape
//! ([`pack_pairs`]).

use crate::matrix::element::Element;
use crate::matrix::view::View;
use crate::matrix::{Mat, with_view};
use crate::memory::cache::prefetch;
use bytemuck::{Pod, Zeroable};
use half::bf16;

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
fn pair<E: Element>(first: E, second: E) -> u32 {
    u32::from(first.to_bf16()) | u32::from(second.to_bf16()) << 16
}

/// A row of a tile.
pub(super) type Words = [u32; TILE];

/// The steps of packing numbers of a type, which an instruction set may have something better for
/// than plain Rust. All are to be inlined into a function that is compiled for it.
pub(super) trait Steps<E: Element>: Copy {
    /// Swaps rows and columns.
    fn transpose(self, tile: &mut Tile);

    /// 32 terms of a row, in pairs.
    #[inline(always)]
    fn row(self, terms: &[E; TERMS]) -> Words {
        std::array::from_fn(|p| pair(terms[2 * p], terms[2 * p + 1]))
    }

    /// Two terms of 16 rows, each row's in a word.
    #[inline(always)]
    fn pairs(self, first: &[E; TILE], second: &[E; TILE]) -> Words {
        std::array::from_fn(|i| pair(first[i], second[i]))
    }
}

/// Packs the rows of `source` (for B: of Bᵀ) in panels of 32. `panels` begins at a multiple of 64
/// bytes and has room for exactly the panels. To be inlined into a function that is compiled for an
/// instruction set.
#[inline(always)]
pub(super) fn pack(
    source: Mat<'_>,
    panels: &mut [f32],
    order: Order,
    steps: impl Steps<f32> + Steps<bf16>,
) {
    let tiles: &mut [Tile] = bytemuck::cast_slice_mut(panels);
    let (strips, blocks) = (2 * source.rows().div_ceil(PANEL), source.cols().div_ceil(TERMS));
    debug_assert_eq!(tiles.len(), strips * blocks);
    // A strip is 16 rows. The tile of strip s and block b of terms:
    let place = |s: usize, b: usize| s / 2 * 2 * blocks + 2 * b + s % 2;
    with_view!(source, view => {
        if view.row_stride() == 1 {
            for b in 0..blocks {
                read_terms(view, b * TERMS, tiles, strips, |s| place(s, b), order, steps);
            }
        } else {
            for s in 0..strips {
                for b in 0..blocks {
                    ask_for(view, (s + 1) * TILE, b * TERMS);
                    read(view, s * TILE, b * TERMS, &mut tiles[place(s, b)], order, steps);
                }
            }
        }
    });
}

/// Asks for the cache lines of a tile's elements, which may lie beyond the matrix.
#[inline(always)]
fn ask_for<E: Element>(source: View<'_, E>, row: usize, term: usize) {
    let (lines, step, len) = if source.col_stride() == 1 {
        (TILE, source.row_stride(), TERMS)
    } else {
        (TERMS, source.col_stride(), TILE)
    };
    let first = row * source.row_stride() + term * source.col_stride();
    for start in (0..lines).map(|line| first + line * step) {
        prefetch(source.data(), start..start + len);
    }
}

/// The tiles of 32 terms of all strips of a matrix whose rows of a term lie side by side: two terms
/// after the other from front to back, as the memory is read best.
#[inline(always)]
fn read_terms<E: Element>(
    source: View<'_, E>,
    first: usize,
    tiles: &mut [Tile],
    strips: usize,
    place: impl Fn(usize) -> usize,
    order: Order,
    steps: impl Steps<E>,
) {
    /// Terms that are asked for before they are read.
    const AHEAD: usize = 8;
    let whole = if first + TERMS <= source.cols() { source.rows() / TILE } else { 0 };
    if whole > 0 {
        let rows = |k: usize| k * source.col_stride()..k * source.col_stride() + source.rows();
        let term = |k: usize| source.data()[rows(k)].as_chunks::<TILE>().0;
        for p in 0..TILE {
            let k = first + 2 * p;
            prefetch(source.data(), rows(k + AHEAD));
            prefetch(source.data(), rows(k + AHEAD + 1));
            for (s, (first, second)) in term(k).iter().zip(term(k + 1)).enumerate() {
                tiles[place(s)].0[p] = steps.pairs(first, second);
            }
        }
        if order == Order::RowsOfTerms {
            (0..whole).for_each(|s| steps.transpose(&mut tiles[place(s)]));
        }
    }
    for s in whole..strips {
        read(source, s * TILE, first, &mut tiles[place(s)], order, steps);
    }
}

/// Packs the rows of `source` in panels of `WIDTH` rows for units that multiply pairs of terms: for
/// every two terms the `WIDTH` words of the rows.
#[inline(always)]
pub(super) fn pack_pairs<const WIDTH: usize>(
    source: Mat<'_>,
    panels: &mut [f32],
    steps: impl Steps<f32> + Steps<bf16>,
) {
    with_view!(source, view => pack_pairs_of::<WIDTH, _>(view, panels, steps));
}

#[inline(always)]
fn pack_pairs_of<const WIDTH: usize, E: Element>(
    source: View<'_, E>,
    panels: &mut [f32],
    steps: impl Steps<E>,
) {
    let words: &mut [u32] = bytemuck::cast_slice_mut(panels);
    let pairs = source.cols().div_ceil(2);
    let mut tile = Tile::zeroed();
    // Some terms go to all panels, as in `pack`.
    for block in 0..pairs.div_ceil(TILE) {
        let first = block * TILE;
        for (index, panel) in words.chunks_exact_mut((WIDTH * pairs).max(1)).enumerate() {
            let (rows, _) = panel[first * WIDTH..].as_chunks_mut::<WIDTH>();
            for strip in (0..WIDTH).step_by(TILE) {
                let row = index * WIDTH + strip;
                ask_for(source, row, 2 * first + TERMS);
                read(source, row, 2 * first, &mut tile, Order::PairsOfTerms, steps);
                for (to, from) in rows.iter_mut().zip(&tile.0) {
                    let to = &mut to[strip..WIDTH.min(strip + TILE)];
                    to.copy_from_slice(&from[..to.len()]);
                }
            }
        }
    }
}

/// The tile of 16 rows and 32 terms of `source` from `row` and `term` on, with zeros where there
/// are none.
#[inline(always)]
fn read<E: Element>(
    source: View<'_, E>,
    row: usize,
    term: usize,
    tile: &mut Tile,
    order: Order,
    steps: impl Steps<E>,
) {
    let rows = row..(row + TILE).min(source.rows());
    let terms = term..(term + TERMS).min(source.cols());
    if rows.is_empty() {
        *tile = Tile::zeroed();
        return;
    }
    let full = rows.len() == TILE && terms.len() == TERMS;
    let part = source.block(rows, terms);
    let found = if full && part.col_stride() == 1 {
        for (i, words) in tile.0.iter_mut().enumerate() {
            let row = part.data()[i * part.row_stride()..].first_chunk();
            *words = steps.row(row.expect("a full tile has 32 terms"));
        }
        Order::RowsOfTerms
    } else if full && part.row_stride() == 1 {
        for (p, words) in tile.0.iter_mut().enumerate() {
            let term = |k: usize| {
                let rows = part.data()[k * part.col_stride()..].first_chunk();
                rows.expect("a full tile has 16 rows")
            };
            *words = steps.pairs(term(2 * p), term(2 * p + 1));
        }
        Order::PairsOfTerms
    } else {
        let at = |i: usize, k: usize| {
            if i < part.rows() && k < part.cols() { part.at(i, k) } else { E::default() }
        };
        for (i, words) in tile.0.iter_mut().enumerate() {
            for (p, word) in words.iter_mut().enumerate() {
                *word = pair(at(i, 2 * p), at(i, 2 * p + 1));
            }
        }
        Order::RowsOfTerms
    };
    if found != order {
        steps.transpose(tile);
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
