//! Packing for units that multiply tiles of bfloat16 (Intel AMX): operands are rounded to nearest
//! even on the way, and two numbers that are neighbours along K share a 32-bit word, the first in
//! the low half.
//!
//! A tile is 16 rows of 16 words, 1 kB. In a tile of A, word (i, p) holds the columns 2p and 2p + 1
//! of row i; in a tile of B, word (p, j) holds the rows 2p and 2p + 1 of column j. Each is the
//! other's transpose, so that one function packs both; for example two rows of three, with
//! tiles of 2 × 2 words:
//!
//! ```text
//!     source, rows of A or columns of B        tile of A            tile of B
//!     a0 a1 a2        (a3 is filled with 0)    [a0 a1] [a2 0]       [a0 a1] [b0 b1]
//!     b0 b1 b2                                 [b0 b1] [b2 0]       [a2  0] [b2  0]
//! ```
//!
//! A panel is 32 rows of A (or columns of B): for every 32 numbers along K its two tiles, one after
//! the other. Missing rows, and missing numbers at the end of K, are zeros. Vector units that
//! multiply pairs (AVX-512 BF16) take the same words in panels of another shape ([`pack_pairs`]).

use crate::matrix::element::Element;
use crate::matrix::view::View;
use crate::matrix::{Mat, with_view};
use crate::memory::cache::{prefetch, prefetch_to_level_2};
use bytemuck::{Pod, Zeroable};
use half::{bf16, f16};

/// Rows of a tile, and words in each.
pub(super) const TILE: usize = 16;
/// Numbers along K that a tile holds.
pub(super) const TILE_K: usize = 2 * TILE;
/// Rows of A, or columns of B, in a panel.
pub(super) const PANEL: usize = 2 * TILE;

/// The words of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C, align(64))]
pub(super) struct Tile(pub(super) [[u32; TILE]; TILE]);

/// The order of the words of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TileOrder {
    /// Word (i, p): the pairs of a row side by side, as in A.
    Rows,
    /// Word (p, j): the pairs of a row one below the other, as in B.
    Pairs,
}

/// Returns two neighbours along K in one word.
#[inline(always)]
fn pair<E: Element>(first: E, second: E) -> u32 {
    u32::from(first.to_bf16()) | u32::from(second.to_bf16()) << 16
}

/// A row of a tile.
pub(super) type Words = [u32; TILE];

/// The steps of packing, for which an instruction set may have better instructions than those of
/// plain Rust. All are inlined into a function that is compiled for the instruction set.
pub(super) trait Steps<E: Element>: Copy {
    /// Swaps rows and columns.
    fn transpose(self, tile: &mut Tile);

    /// Returns 32 numbers of a row, in pairs.
    #[inline(always)]
    fn row(self, numbers: &[E; TILE_K]) -> Words {
        std::array::from_fn(|p| pair(numbers[2 * p], numbers[2 * p + 1]))
    }

    /// Returns two columns of 16 rows, those of each row in a word.
    #[inline(always)]
    fn pairs(self, first: &[E; TILE], second: &[E; TILE]) -> Words {
        std::array::from_fn(|i| pair(first[i], second[i]))
    }
}

/// Packs the rows of `source` (for B: of Bᵀ) in panels of 32. `panels` begins a cache line and is
/// as long as the panels. To be inlined into a function that is compiled for an instruction set.
#[inline(always)]
pub(super) fn pack(
    source: Mat<'_>,
    panels: &mut [f32],
    order: TileOrder,
    steps: impl Steps<f32> + Steps<bf16> + Steps<f16>,
) {
    let tiles: &mut [Tile] = bytemuck::cast_slice_mut(panels);
    let (strips, blocks) = (2 * source.rows().div_ceil(PANEL), source.cols().div_ceil(TILE_K));
    debug_assert_eq!(tiles.len(), strips * blocks);
    // A strip is 16 rows, a block is 32 columns. The place of the tile of strip s and block b:
    let place = |s: usize, b: usize| s / 2 * 2 * blocks + 2 * b + s % 2;
    with_view!(source, view => {
        if view.row_stride == 1 {
            for b in 0..blocks {
                read_columns(view, b * TILE_K, tiles, strips, |s| place(s, b), order, steps);
            }
        } else {
            for s in 0..strips {
                for b in 0..blocks {
                    prefetch_tile(view, (s + 1) * TILE, b * TILE_K);
                    read(view, s * TILE, b * TILE_K, &mut tiles[place(s, b)], order, steps);
                }
            }
        }
    });
}

/// Prefetches the elements of a tile, which may lie beyond the matrix.
#[inline(always)]
fn prefetch_tile<E: Element>(source: View<'_, E>, row: usize, col: usize) {
    let (lines, step, len) = if source.col_stride == 1 {
        (TILE, source.row_stride, TILE_K)
    } else {
        (TILE_K, source.col_stride, TILE)
    };
    let first = row * source.row_stride + col * source.col_stride;
    for start in (0..lines).map(|line| first + line * step) {
        prefetch(source.data, start..start + len);
    }
}

/// Packs 32 columns of all strips of a matrix whose columns are contiguous: pair after pair of
/// columns from front to back, as memory is read best.
#[inline(always)]
fn read_columns<E: Element>(
    source: View<'_, E>,
    first: usize,
    tiles: &mut [Tile],
    strips: usize,
    place: impl Fn(usize) -> usize,
    order: TileOrder,
    steps: impl Steps<E>,
) {
    /// Columns between the one that is read and the one that is prefetched.
    const AHEAD: usize = 8;
    let whole = if first + TILE_K <= source.cols { source.rows / TILE } else { 0 };
    if whole > 0 {
        let rows = |k: usize| k * source.col_stride..k * source.col_stride + source.rows;
        let column = |k: usize| source.data[rows(k)].as_chunks::<TILE>().0;
        for p in 0..TILE {
            let k = first + 2 * p;
            prefetch(source.data, rows(k + AHEAD));
            prefetch(source.data, rows(k + AHEAD + 1));
            for (s, (first, second)) in column(k).iter().zip(column(k + 1)).enumerate() {
                tiles[place(s)].0[p] = steps.pairs(first, second);
            }
        }
        if order == TileOrder::Rows {
            (0..whole).for_each(|s| steps.transpose(&mut tiles[place(s)]));
        }
    }
    for s in whole..strips {
        read(source, s * TILE, first, &mut tiles[place(s)], order, steps);
    }
}

/// Packs the rows of `source` in panels of `WIDTH` rows for units that multiply pairs: for every
/// two columns the `WIDTH` words of the rows.
#[inline(always)]
pub(super) fn pack_pairs<const WIDTH: usize>(
    source: Mat<'_>,
    panels: &mut [f32],
    steps: impl Steps<f32> + Steps<bf16> + Steps<f16>,
) {
    with_view!(source, source => {
        let words: &mut [u32] = bytemuck::cast_slice_mut(panels);
        let pairs = source.cols.div_ceil(2);
        let blocks = pairs.div_ceil(TILE);
        if source.col_stride == 1 {
            for (index, panel) in words.chunks_exact_mut((WIDTH * pairs).max(1)).enumerate() {
                for block in 0..blocks {
                    // As in `pack::pack_transposing`: the rows of the next panel, each as a whole.
                    for i in block * WIDTH / blocks..(block + 1) * WIDTH / blocks {
                        let start = ((index + 1) * WIDTH + i) * source.row_stride;
                        prefetch_to_level_2(source.data, start..start + source.cols);
                    }
                    pack_block::<WIDTH, _>(source, index * WIDTH, block, panel, steps);
                }
            }
        } else {
            // The same columns go to all panels before the next ones, as in `pack::pack_copying`.
            for block in 0..blocks {
                for (index, panel) in words.chunks_exact_mut((WIDTH * pairs).max(1)).enumerate() {
                    for strip in (0..WIDTH).step_by(TILE) {
                        prefetch_tile(source, index * WIDTH + strip, (block + 1) * TILE_K);
                    }
                    pack_block::<WIDTH, _>(source, index * WIDTH, block, panel, steps);
                }
            }
        }
    });
}

/// Packs 32 columns of the `WIDTH` rows from `row` on.
#[inline(always)]
fn pack_block<const WIDTH: usize, E: Element>(
    source: View<'_, E>,
    row: usize,
    block: usize,
    panel: &mut [u32],
    steps: impl Steps<E>,
) {
    let mut tile = Tile::zeroed();
    let (rows, _) = panel[block * TILE * WIDTH..].as_chunks_mut::<WIDTH>();
    for strip in (0..WIDTH).step_by(TILE) {
        read(source, row + strip, block * TILE_K, &mut tile, TileOrder::Pairs, steps);
        for (to, from) in rows.iter_mut().zip(&tile.0) {
            let to = &mut to[strip..WIDTH.min(strip + TILE)];
            to.copy_from_slice(&from[..to.len()]);
        }
    }
}

/// Reads the tile of 16 rows and 32 columns of `source` from `row` and `col` on, with zeros where
/// the matrix has ended.
#[inline(always)]
fn read<E: Element>(
    source: View<'_, E>,
    row: usize,
    col: usize,
    tile: &mut Tile,
    order: TileOrder,
    steps: impl Steps<E>,
) {
    let rows = row..(row + TILE).min(source.rows);
    let cols = col..(col + TILE_K).min(source.cols);
    if rows.is_empty() {
        *tile = Tile::zeroed();
        return;
    }
    let full = rows.len() == TILE && cols.len() == TILE_K;
    let part = source.block(rows, cols);
    let found = if full && part.col_stride == 1 {
        for (i, words) in tile.0.iter_mut().enumerate() {
            let row = part.data[i * part.row_stride..].first_chunk();
            *words = steps.row(row.expect("a full tile has 32 columns"));
        }
        TileOrder::Rows
    } else if full && part.row_stride == 1 {
        for (p, words) in tile.0.iter_mut().enumerate() {
            let column = |k: usize| {
                let rows = part.data[k * part.col_stride..].first_chunk();
                rows.expect("a full tile has 16 rows")
            };
            *words = steps.pairs(column(2 * p), column(2 * p + 1));
        }
        TileOrder::Pairs
    } else {
        // Rounded by the same instruction as a full tile: a number has one rounding, whatever
        // stands beside it.
        for (i, words) in tile.0.iter_mut().enumerate() {
            let mut row = [E::default(); TILE_K];
            if i < part.rows {
                for (k, x) in row[..part.cols].iter_mut().enumerate() {
                    *x = part.at(i, k);
                }
            }
            *words = steps.row(&row);
        }
        TileOrder::Rows
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
