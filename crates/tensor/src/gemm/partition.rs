//! The partition of a product into pieces for threads and caches. It changes no sum.

use crate::isa::GemmKernel;
use std::ops::Range;

/// A tile with fewer columns is not worth packing A for it.
const SMALLEST_COLS: usize = 256;
/// A tile with fewer rows is not worth reading the packed B for it.
const SMALLEST_ROWS: usize = 48;
/// A tile of few rows with fewer columns is not worth packing A for it.
const SMALLEST_STREAMED_COLS: usize = 128;
/// Tiles per thread, so that threads that finish early find work left.
const TILES_PER_THREAD: usize = 4;

/// A piece of an axis: a range in one of the matrices that lie along it.
#[derive(Clone, Debug)]
pub(super) struct Span {
    pub(super) part: usize,
    pub(super) range: Range<usize>,
}

impl Span {
    pub(super) fn len(&self) -> usize {
        self.range.len()
    }
}

/// Splits an axis, along which matrices of these sizes lie, into spans of `step`; the last one of
/// each matrix may be shorter.
pub(super) fn spans(sizes: impl Iterator<Item = usize>, step: usize) -> Vec<Span> {
    let split = |(part, size): (usize, usize)| {
        let starts = (0..size).step_by(step);
        starts.map(move |start| Span { part, range: start..size.min(start.saturating_add(step)) })
    };
    sizes.enumerate().flat_map(split).collect()
}

/// Returns the rows and the panels of a tile that a thread is handed, for a C with `rows` rows and
/// `panels` panels.
pub(super) fn tile_shape(
    table: &GemmKernel,
    rows: usize,
    panels: usize,
    threads: usize,
) -> (usize, usize) {
    let &GemmKernel { mr, nr, mc, .. } = table;
    // Rows are split into blocks of mc, and more finely if these are too few for the threads;
    // columns are halved only after that, as every tile beside another packs the same rows of A.
    let wanted = if threads > 1 { TILES_PER_THREAD * threads } else { 1 };
    let (mut down, mut across) = (rows.div_ceil(mc), 1);
    if down < wanted {
        down = wanted.min(rows.div_ceil(SMALLEST_ROWS)).max(down);
    }
    while down * across < wanted && panels * nr / (2 * across) >= SMALLEST_COLS {
        across *= 2;
    }
    let most = rows.div_ceil(down).next_multiple_of(mr);
    // Tiles of this height may leave one thread alone with the last of them: of heights down to
    // three quarters, the one that gives the busiest thread the least work is taken.
    let steps = (most.div_ceil(mr).div_ceil(4) * 3..=most / mr).rev().map(|tiles| tiles * mr);
    let step = steps.min_by_key(|&step| largest_share(rows, step, across, threads));
    (step.unwrap_or(most), panels.div_ceil(across))
}

/// Returns the panels of a tile of a product whose B is streamed. Each tile packs all rows of A.
pub(super) fn streamed_panels(table: &GemmKernel, panels: usize, threads: usize) -> usize {
    let wanted = if threads > 1 { TILES_PER_THREAD * threads } else { 1 };
    panels.div_ceil(wanted).max(SMALLEST_STREAMED_COLS.div_ceil(table.nr))
}

/// Returns the rows of the busiest thread when tiles of `step` rows, `across` of them side by side,
/// are dealt out one by one.
fn largest_share(rows: usize, step: usize, across: usize, threads: usize) -> usize {
    let (whole, rest) = (rows / step * across, rows % step);
    let (rounds, left) = (whole / threads, whole % threads);
    // Threads that get no whole tile in the last round share the shorter ones.
    let shorter = if rest > 0 { across } else { 0 };
    let rest = rest * shorter.div_ceil(threads - left);
    rounds * step + if left > 0 { step.max(rest) } else { rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::portable;

    #[test]
    fn spans_cover_each_part() {
        let found = spans([5, 0, 3].into_iter(), 2);
        let found: Vec<_> = found.iter().map(|span| (span.part, span.range.clone())).collect();
        assert_eq!(found, [(0, 0..2), (0, 2..4), (0, 4..5), (2, 0..2), (2, 2..3)]);
    }

    /// Tiles of `shape` dealt out as threads become free, in order: the rows of the busiest thread.
    fn dealt(
        rows: usize,
        panels: usize,
        (tile_rows, tile_panels): (usize, usize),
        threads: usize,
    ) -> usize {
        let mut loads = vec![0; threads];
        for tile in spans([rows].into_iter(), tile_rows) {
            for _ in (0..panels).step_by(tile_panels) {
                *loads.iter_mut().min().unwrap() += tile.len();
            }
        }
        loads.into_iter().max().unwrap()
    }

    #[test]
    fn threads_have_equal_shares() {
        let table = &portable::KERNELS.gemm;
        for threads in [2, 3, 4, 8] {
            for rows in [1024, 1344, 2048, 8192, 10_000] {
                let panels = 64usize;
                let shape = tile_shape(table, rows, panels, threads);
                let across = panels.div_ceil(shape.1);
                let share = dealt(rows, panels, shape, threads);
                assert_eq!(share, largest_share(rows, shape.0, across, threads));
                let over = (share * threads) as f64 / (rows * across) as f64;
                assert!(over < 1.1, "{threads} threads, {rows} rows: {over}, {shape:?}");
            }
        }
    }

    #[test]
    fn streamed_tiles_keep_threads_busy_and_are_worth_packing_a_for() {
        let table = &portable::KERNELS.gemm;
        assert_eq!(streamed_panels(table, 1000, 1), 1000);
        assert_eq!(streamed_panels(table, 1000, 2), 1000 / (2 * TILES_PER_THREAD));
        assert_eq!(streamed_panels(table, 3, 8) * table.nr, SMALLEST_STREAMED_COLS);
    }

    #[test]
    fn one_row_or_one_thread_is_no_special_case() {
        let table = &portable::KERNELS.gemm;
        assert_eq!(tile_shape(table, 1, 1, 8), (table.mr, 1));
        let (rows, panels) = tile_shape(table, 1000, 10, 1);
        assert!(rows <= table.mc && rows % table.mr == 0);
        assert_eq!(panels, 10);
    }
}
