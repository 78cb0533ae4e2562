//! The loops inside a tile of C, which one thread multiplies: panels of B, blocks of terms, panels
//! of A.

use super::{A_PANELS, Product, SUMS, Slab, with_scratch};
use crate::gemm::batched::Place;
use crate::gemm::partition::Span;
use crate::isa::{GemmKernel, Job, MAX_TILE, MicroKernel, Strides, store_row};
use crate::matrix::Elements;
use crate::matrix::element;
use crate::matrix::view::View;
use crate::memory::cache::prefetch;
use crate::vectorize;
use half::bf16;
use std::ops::Range;

/// Blocks of terms that are multiplied at a time. A tile of C stays in cache while they are added
/// up.
const DEPTH: usize = 2;
/// The same where C is to be rounded, which takes all terms at once.
pub(super) const ROUNDED_DEPTH: usize = 4;

/// Some rows and terms of A, as a micro-kernel reads them.
enum Block<'a> {
    /// In panels.
    Packed(&'a [f32]),
    /// Where they are, in whole panels of rows.
    Rows(MicroKernel, View<'a, bf16>),
}

impl Block<'_> {
    /// The `mr` rows from `row` on, to be multiplied by a panel of B: the micro-kernel for it,
    /// where they begin, and the strides of both with that of C.
    #[inline]
    fn panel(
        &self,
        table: &GemmKernel,
        row: usize,
        terms: usize,
        c_row: usize,
    ) -> (MicroKernel, *const f32, Strides) {
        let strides = table.panels(c_row);
        match self {
            Self::Packed(panels) => {
                let slots = table.slots(terms);
                let a = panels[row * slots..][..table.mr * slots].as_ptr();
                (table.micro, a, strides)
            }
            Self::Rows(micro, rows) => {
                let a = rows.block(row..row + table.mr, 0..terms).data().as_ptr().cast();
                (*micro, a, Strides { a_row: rows.row_stride(), ..strides })
            }
        }
    }

    /// Asks for the rows from `row` on, a panel of them, if they lie where the hardware does not
    /// foresee them.
    #[inline]
    fn ask_for(&self, table: &GemmKernel, row: usize) {
        if let Self::Rows(_, rows) = self {
            for start in (row..rows.rows().min(row + table.mr)).map(|i| i * rows.row_stride()) {
                prefetch(rows.data(), start..start + rows.cols());
            }
        }
    }
}

impl Product<'_> {
    /// Adds the product of some rows of A and some panels of the slab of B to C.
    pub(super) fn multiply_tile(&self, rows: &Span, panels: Range<usize>, slab: &Slab<'_>) {
        let &GemmKernel { mr, nr, .. } = self.table;
        let depth = slab.terms.iter().map(Span::len).max().unwrap_or(0);
        let room = rows.len().next_multiple_of(mr) * self.table.slots(depth);
        let (blocks, sums) = match self.grid.is_rounded() {
            true => (ROUNDED_DEPTH, rows.len() * nr),
            false => (DEPTH, 0),
        };
        with_scratch(&A_PANELS, blocks.min(slab.terms.len()) * room, |scratch| {
            for (terms, index) in slab.terms.chunks(blocks).zip(0..) {
                let rooms = terms.iter().zip(scratch.chunks_exact_mut(room));
                let a: Vec<_> = rooms.map(|(terms, room)| self.block(rows, terms, room)).collect();
                with_scratch(&SUMS, sums, |sums| {
                    self.multiply_blocks(rows, (index * blocks, &a), panels.clone(), slab, sums);
                });
            }
        });
    }

    /// A block of A, packed into the beginning of `room` if need be.
    fn block<'b>(&'b self, rows: &Span, terms: &Span, room: &'b mut [f32]) -> Block<'b> {
        let &GemmKernel { mr, terms_a_step, bf16_rows, pack_a, .. } = self.table;
        let a = self.grid.a(rows.part, terms.part).block(rows.range.clone(), terms.range.clone());
        if let (Some(micro), Elements::Bf16(a)) = (bf16_rows, a.0) {
            let whole = a.rows().is_multiple_of(mr) && a.cols().is_multiple_of(terms_a_step);
            if whole && a.rows_begin_lines() {
                let rows = Block::Rows(micro, a);
                rows.ask_for(self.table, 0);
                return rows;
            }
        }
        let packed = &mut room[..rows.len().next_multiple_of(mr) * self.table.slots(terms.len())];
        // SAFETY: whoever holds a table may use its instruction set.
        unsafe { pack_a(a, packed, self.round()) };
        Block::Packed(packed)
    }

    /// Adds the product of blocks of A, from block `first` of terms on, and packed panels of B to
    /// C; overwrites C at the first terms, unless the whole product accumulates. What is rounded
    /// waits in `sums` for it, a panel at a time.
    fn multiply_blocks(
        &self,
        rows: &Span,
        (first, a): (usize, &[Block<'_>]),
        panels: Range<usize>,
        slab: &Slab<'_>,
        sums: &mut [f32],
    ) {
        let &GemmKernel { mr, nr, begin, end, .. } = self.table;
        let terms = first..first + a.len();
        // SAFETY: whoever holds a table may use its instruction set.
        unsafe { begin() };
        let b_panel = |t: usize, p: usize| {
            let len = nr * self.table.slots(slab.terms[t].len());
            &slab.packed[t * slab.room + (slab.first_panel + p) * len..][..len]
        };
        for p in panels.clone() {
            let cols = &slab.panels[p];
            let (place, c_stride) = self.grid.c((rows.part, cols.part), &rows.range, &cols.range);
            let (c, row_stride) = match place {
                Place::F32(c) => (c, c_stride),
                Place::Bf16(_) => (sums.as_mut_ptr(), nr),
            };
            for (t, a) in terms.clone().zip(a) {
                let Span { part, range } = &slab.terms[t];
                let accumulate = self.accumulate || *part > 0 || range.start > 0;
                let (k, b) = (range.len(), b_panel(t, p).as_ptr());
                // The panel that comes next is fetched meanwhile, a piece with every tile.
                let next = match (terms.contains(&(t + 1)), panels.contains(&(p + 1))) {
                    (true, _) => b_panel(t + 1, p),
                    (false, true) => b_panel(terms.start, p + 1),
                    (false, false) => &[],
                };
                let piece = next.len().div_ceil(rows.len().div_ceil(mr));
                for (row, tile) in (0..rows.len()).step_by(mr).zip(0..) {
                    prefetch(next, tile * piece..(tile + 1) * piece);
                    if p == panels.start {
                        a.ask_for(self.table, row + mr);
                    }
                    // SAFETY: the rows from this one on lie in C, as `Grid::c` checked, or in the
                    // buffer.
                    let c = unsafe { c.add(row * row_stride) };
                    let (micro, a, strides) = a.panel(self.table, row, k, row_stride);
                    let size = (mr.min(rows.len() - row), cols.len());
                    // SAFETY: as above, the tile lies there; no other thread has it, as threads
                    // have tiles of their own; both panels have these terms; we are between begin
                    // and end.
                    unsafe {
                        self.micro(micro, Job { k, a, b, c, strides, accumulate }, size);
                    }
                }
            }
            if let Place::Bf16(c) = place {
                // SAFETY: these rows and columns lie in C, as `Grid::c` checked, and no other
                // thread has them.
                unsafe { self.round_into((c, c_stride), cols.len(), sums) };
            }
        }
        // SAFETY: as above.
        unsafe { end() };
    }

    /// Rounds rows of `nr` sums into rows of C that have so many columns.
    ///
    /// # Safety
    /// These elements of C can be written by this thread alone.
    unsafe fn round_into(&self, (c, row_stride): (*mut bf16, usize), cols: usize, sums: &[f32]) {
        vectorize!(self.context.kernels, {
            for (i, sums) in sums.chunks_exact(self.table.nr).enumerate() {
                // SAFETY: the caller grants it.
                let c = unsafe { std::slice::from_raw_parts_mut(c.add(i * row_stride), cols) };
                element::store(c, sums);
            }
        });
    }

    /// Runs a micro-kernel for a tile of C that may lack rows or columns.
    ///
    /// # Safety
    /// That of [`MicroKernel`], but of C only `size` can be read and written.
    #[inline]
    unsafe fn micro(&self, micro: MicroKernel, job: Job, (rows, cols): (usize, usize)) {
        let &GemmKernel { mr, nr, .. } = self.table;
        if rows == mr && cols == nr {
            // SAFETY: the caller grants it.
            return unsafe { micro(job) };
        }
        let mut tile = [0.0; MAX_TILE];
        let strides = Strides { c_row: nr, ..job.strides };
        // SAFETY: as above, but the tile is a local one of mr·nr elements.
        unsafe { micro(Job { c: tile.as_mut_ptr(), strides, accumulate: false, ..job }) };
        for (i, sums) in tile.chunks_exact(nr).take(rows).enumerate() {
            // SAFETY: these columns of this row lie in C, and no other thread has them.
            let c =
                unsafe { std::slice::from_raw_parts_mut(job.c.add(i * job.strides.c_row), cols) };
            store_row(c, sums, job.accumulate);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::batched::Grid;
    use crate::gemm::{Mat, MatMut, gemm, table};
    use crate::isa::tests::model;
    use crate::{Precision, testing};

    /// Whether A is multiplied where it is.
    fn is_read_in_place(context: crate::Context, a: Mat<'_>) -> bool {
        let b = testing::random(&[a.cols(), 1], 1);
        let mut c = vec![0.0; a.rows()];
        let grid = Grid::new(&[a], &[b.matrix()], vec![MatMut::new(&mut c, a.rows(), 1)]);
        let table = table(context);
        let product = Product { context, table, grid, accumulate: false, parallel: false };
        let [rows, terms] = [a.rows(), a.cols()].map(|len| Span { part: 0, range: 0..len });
        let mut room = vec![0.0; 2 * (a.rows() + table.mr) * (a.cols() + table.terms_a_step)];
        let aligned = room.as_ptr().align_offset(64);
        matches!(product.block(&rows, &terms, &mut room[aligned..]), Block::Rows(..))
    }

    #[test]
    fn rounded_rows_are_multiplied_where_they_are_with_the_same_bits() {
        let mut in_place = 0;
        for context in model::contexts().filter(|context| context.precision == Precision::Bf16) {
            let n = 70;
            for (m, k, row_stride) in [
                (64, 64, 64),
                (320, 192, 192),
                (32, 32, 160), // rows far apart
                (96, 608, 608),
                (70, 64, 64), // no whole panels
                (64, 40, 64), // no whole steps
                (64, 64, 72), // rows that begin in the middle of lines
            ] {
                let source = testing::random(&[m, row_stride], 1);
                let rounded = source.to_bf16(context);
                let a = Mat::of_bf16_with_row_stride(rounded.elements(), m, k, row_stride);
                let source = Mat::with_row_stride(source.as_slice(), m, k, row_stride);
                let has_kernel = table(context).bf16_rows.is_some();
                let whole = (m, k) != (70, 64) && k != 40 && row_stride != 72;
                assert_eq!(is_read_in_place(context, a), has_kernel && whole, "{m}×{k}");
                in_place += usize::from(has_kernel && whole);

                let b = testing::random(&[n, k], 2);
                let product = |a: Mat<'_>| {
                    let mut c = testing::random(&[m, n], 3);
                    gemm(context, a, b.matrix().t(), MatMut::new(c.as_mut_slice(), m, n), true);
                    c
                };
                let (found, packed) = (product(a), product(source));
                assert!(
                    found.as_slice() == packed.as_slice(),
                    "{:?} {m}×{k}: other bits than those of packed rows",
                    context.kernels.isa()
                );
            }
        }
        assert!(in_place >= 4, "the model of the unit reads rows where they are");
    }
}
