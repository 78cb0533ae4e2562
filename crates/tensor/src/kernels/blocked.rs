//! The loops around the micro-kernel (K. Goto and R. van de Geijn, *Anatomy of High-Performance Matrix
//! Multiplication*, 2008).
//!
//! A block of A (`mc` × `kc`) is packed and stays in the second-level cache, a panel of B (`kc` × `nr`) in the
//! first; the micro-kernel adds their product to C tile by tile. Blocks along K follow one another in order
//! for every element of C, so that the sums do not depend on how C was cut for the threads.

use super::gemm::{Mat, MatMut};
use super::{GemmKernel, MAX_TILE};
use crate::pool::Buffer;
use rayon::prelude::*;
use std::cell::RefCell;
use std::ops::Range;

/// Columns of C that are computed with one packing of A: whole panels on every table, and few enough for their
/// part of C to stay in cache while the blocks along K are added up.
const NC: usize = 1024;
/// Fewer columns are not worth a packing of A.
const SMALLEST_NC: usize = 256;
/// Fewer rows are not worth reading the packed B.
const SMALLEST_MC: usize = 48;
/// Floats of B that are packed at a time for all threads (4 MB): they stay in the third-level cache.
const SLAB: usize = 1 << 20;
/// Tiles a thread, so that those who finish early find something left.
const TILES_A_THREAD: usize = 4;

/// C ← (C +) A·B for sizes that are not 0.
pub(super) fn gemm(
    table: &GemmKernel,
    round: bool,
    a: Mat<'_>,
    b: Mat<'_>,
    c: MatMut<'_>,
    accumulate: bool,
    parallel: bool,
) {
    let (start, row_stride) = c.into_raw();
    let c = Target { start, row_stride };
    let product = Product { table, round, a, b, c, accumulate };
    if parallel { product.parallel() } else { product.serial() }
}

/// Runs the micro-kernel `times` times on the same packed panels of zeros, which stay in cache, and returns how
/// many floating-point operations that were.
pub(super) fn spin(table: &GemmKernel, times: usize) -> f64 {
    let &GemmKernel { mr, nr, kc, micro, begin, end, .. } = table;
    let slots = table.slots(kc);
    let mut panels = Buffer::scratch((mr + nr) * slots);
    panels.as_mut_slice().fill(0.0);
    let (b, a) = panels.as_slice().split_at(nr * slots);
    let mut tile = [0.0; MAX_TILE];
    // SAFETY: whoever holds a table may use its instruction set; the panels have kc terms, the tile mr·nr floats.
    unsafe {
        begin();
        for _ in 0..times {
            micro(kc, a.as_ptr(), b.as_ptr(), tile.as_mut_ptr(), nr, true);
        }
        end();
    }
    std::hint::black_box(tile);
    (2 * mr * nr * kc * times) as f64
}

/// Where C lies. The tiles that threads write to are disjoint.
#[derive(Clone, Copy)]
struct Target {
    start: *mut f32,
    row_stride: usize,
}

// SAFETY: the pointer comes from a `MatMut`, which its product owns until it ends, and each thread writes to
// tiles of its own.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

struct Product<'a> {
    table: &'a GemmKernel,
    /// Whether operands are rounded to bf16.
    round: bool,
    a: Mat<'a>,
    b: Mat<'a>,
    c: Target,
    accumulate: bool,
}

thread_local! {
    /// Room for packed blocks, kept from product to product.
    static SCRATCH: RefCell<Buffer> = RefCell::new(Buffer::scratch(0));
}

/// Lends this thread's scratch memory. `f` must not come back here, so it must not wait for other tasks.
fn with_scratch<R>(len: usize, f: impl FnOnce(&mut [f32]) -> R) -> R {
    SCRATCH.with_borrow_mut(|buffer| {
        if buffer.as_slice().len() < len {
            *buffer = Buffer::scratch(len);
        }
        f(&mut buffer.as_mut_slice()[..len])
    })
}

/// 0..`len` in steps of `step`; the last range may be shorter.
fn ranges(len: usize, step: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    (0..len).step_by(step).map(move |start| start..len.min(start + step))
}

/// `range` in steps.
fn steps(range: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    ranges(range.len(), step).map(move |r| range.start + r.start..range.start + r.end)
}

impl Product<'_> {
    /// All of C on this thread: both operands are packed block by block.
    fn serial(&self) {
        let &GemmKernel { mr, nr, kc, mc, .. } = self.table;
        let (m, k, n) = (self.a.rows(), self.a.cols(), self.b.cols());
        let depth = self.table.slots(kc.min(k));
        let a_len = mc.min(m.next_multiple_of(mr)) * depth;
        let b_len = NC.min(n).next_multiple_of(nr) * depth;
        with_scratch(a_len + b_len, |scratch| {
            let (b_panels, a_panels) = scratch.split_at_mut(b_len);
            for cols in ranges(n, NC) {
                for terms in ranges(k, kc) {
                    let b_panels = &mut b_panels
                        [..cols.len().next_multiple_of(nr) * self.table.slots(terms.len())];
                    self.pack_b(terms.clone(), cols.clone(), b_panels);
                    for rows in ranges(m, mc) {
                        let a_panels = self.pack_a(rows.clone(), terms.clone(), a_panels);
                        self.block(rows, cols.clone(), terms.clone(), a_panels, b_panels);
                    }
                }
            }
        });
    }

    /// C cut into tiles for the threads. B is packed by all of them, slab by slab; A by each for its tile.
    fn parallel(&self) {
        let &GemmKernel { nr, kc, .. } = self.table;
        let (k, n) = (self.b.rows(), self.b.cols());
        let slab_cols = n.min(2 * NC);
        let slab_terms = k.min((SLAB / slab_cols).next_multiple_of(kc));
        let mut buffer =
            Buffer::scratch(slab_cols.next_multiple_of(nr) * self.table.slots(slab_terms));
        for cols in ranges(n, slab_cols) {
            for terms in ranges(k, slab_terms) {
                let panels = &mut buffer.as_mut_slice()
                    [..cols.len().next_multiple_of(nr) * self.table.slots(terms.len())];
                self.pack_slab(&terms, &cols, panels);
                self.multiply_slab(terms, cols.clone(), panels);
            }
        }
    }

    /// Packs a part of B in parallel: for each block of terms, its panels side by side.
    fn pack_slab(&self, terms: &Range<usize>, cols: &Range<usize>, mut panels: &mut [f32]) {
        /// Columns that are packed by one task; whole panels on every table.
        const COLS: usize = 128;
        let &GemmKernel { nr, kc, .. } = self.table;
        let mut tasks = Vec::new();
        for terms in steps(terms.clone(), kc) {
            for cols in steps(cols.clone(), COLS) {
                let len = cols.len().next_multiple_of(nr) * self.table.slots(terms.len());
                let (own, rest) = panels.split_at_mut(len);
                panels = rest;
                tasks.push((terms.clone(), cols, own));
            }
        }
        tasks.into_par_iter().for_each(|(terms, cols, panels)| self.pack_b(terms, cols, panels));
    }

    /// Adds the product of A's columns and B's rows `terms`, for the columns `cols` of C, tile by tile.
    fn multiply_slab(&self, terms: Range<usize>, cols: Range<usize>, panels: &[f32]) {
        let &GemmKernel { mr, nr, kc, mc, .. } = self.table;
        let m = self.a.rows();
        let padded_cols = cols.len().next_multiple_of(nr);
        let (tile_rows, tile_cols) = self.tile_shape(cols.len());
        let tiles: Vec<_> = ranges(m, tile_rows)
            .flat_map(|rows| steps(cols.clone(), tile_cols).map(move |cols| (rows.clone(), cols)))
            .collect();
        tiles.into_par_iter().with_max_len(1).for_each(|(tile_rows, tile_cols)| {
            let a_len = mc.min(tile_rows.len().next_multiple_of(mr)) * self.table.slots(kc);
            with_scratch(a_len, |scratch| {
                for rows in steps(tile_rows, mc) {
                    for block in steps(terms.clone(), kc) {
                        let slots = self.table.slots(block.len());
                        let first = self.table.slots(block.start - terms.start) * padded_cols
                            + (tile_cols.start - cols.start) * slots;
                        let len = tile_cols.len().next_multiple_of(nr) * slots;
                        let b_panels = &panels[first..first + len];
                        let a_panels = self.pack_a(rows.clone(), block.clone(), scratch);
                        self.block(rows.clone(), tile_cols.clone(), block, a_panels, b_panels);
                    }
                }
            });
        });
    }

    /// Rows and columns of the tiles of `n` columns of C that are handed to threads.
    fn tile_shape(&self, n: usize) -> (usize, usize) {
        let &GemmKernel { mr, nr, mc, .. } = self.table;
        let m = self.a.rows();
        let wanted = TILES_A_THREAD * rayon::current_num_threads();
        let (mut down, mut across) = (m.div_ceil(mc), n.div_ceil(NC));
        if down * across < wanted {
            down = wanted.div_ceil(across).min(m.div_ceil(SMALLEST_MC)).max(down);
        }
        while down * across < wanted && n / (2 * across) >= SMALLEST_NC {
            across *= 2;
        }
        (m.div_ceil(down).next_multiple_of(mr), n.div_ceil(across).next_multiple_of(nr))
    }

    /// Packs a block of A into the beginning of `scratch` and returns it.
    fn pack_a<'s>(
        &self,
        rows: Range<usize>,
        terms: Range<usize>,
        scratch: &'s mut [f32],
    ) -> &'s [f32] {
        let len = rows.len().next_multiple_of(self.table.mr) * self.table.slots(terms.len());
        let panels = &mut scratch[..len];
        // SAFETY: whoever holds a table may use its instruction set.
        unsafe { (self.table.pack_a)(self.a.block(rows, terms), panels, self.round) };
        panels
    }

    fn pack_b(&self, terms: Range<usize>, cols: Range<usize>, panels: &mut [f32]) {
        // SAFETY: whoever holds a table may use its instruction set.
        unsafe { (self.table.pack_b)(self.b.block(terms, cols).t(), panels, self.round) };
    }

    /// Adds the product of a packed block of A and packed panels of B to C; overwrites C at the first terms,
    /// unless the whole product accumulates.
    fn block(
        &self,
        rows: Range<usize>,
        cols: Range<usize>,
        terms: Range<usize>,
        a_panels: &[f32],
        b_panels: &[f32],
    ) {
        let &GemmKernel { mr, nr, micro, begin, end, .. } = self.table;
        let (k, slots) = (terms.len(), self.table.slots(terms.len()));
        let accumulate = self.accumulate || terms.start > 0;
        // The panels are what lets the micro-kernel read without checks.
        assert!(a_panels.len() == rows.len().next_multiple_of(mr) * slots);
        assert!(b_panels.len() == cols.len().next_multiple_of(nr) * slots);
        assert!(rows.end <= self.a.rows() && cols.end <= self.b.cols());
        // SAFETY: whoever holds a table may use its instruction set.
        unsafe { begin() };
        for (cols, b) in steps(cols, nr).zip(b_panels.chunks_exact(nr * slots)) {
            for (rows, a) in steps(rows.clone(), mr).zip(a_panels.chunks_exact(mr * slots)) {
                let (a, b) = (a.as_ptr(), b.as_ptr());
                // SAFETY: rows and columns lie in C, as was checked above.
                let c = unsafe { self.c.start.add(rows.start * self.c.row_stride + cols.start) };
                if rows.len() == mr && cols.len() == nr {
                    // SAFETY: the table may be used, the panels have the size, the tile lies in C and is ours.
                    unsafe { micro(k, a, b, c, self.c.row_stride, accumulate) };
                } else {
                    let mut tile = [0.0; MAX_TILE];
                    // SAFETY: as above, but the tile is a local one of mr·nr elements.
                    unsafe { micro(k, a, b, tile.as_mut_ptr(), nr, false) };
                    for (i, sums) in tile.chunks_exact(nr).take(rows.len()).enumerate() {
                        // SAFETY: these columns of this row lie in C, and no other thread has them.
                        let c = unsafe {
                            std::slice::from_raw_parts_mut(c.add(i * self.c.row_stride), cols.len())
                        };
                        for (c, &sum) in c.iter_mut().zip(sums) {
                            *c = if accumulate { *c + sum } else { sum };
                        }
                    }
                }
            }
        }
        // SAFETY: as above.
        unsafe { end() };
    }
}
