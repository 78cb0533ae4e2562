//! The loops inside a tile of C, which one thread multiplies: panels of B (loop 2) and panels of A
//! (loop 1).

use super::product::{Packed, Product, Slab};
use super::scratch::{A_PANELS, B_PANEL, SUMS, with_scratch};
use crate::gemm::partition::Span;
use crate::gemm::plan::{Beta, ROUNDED_K_BLOCKS, reads_bf16_rows};
use crate::isa::{GemmKernel, Job, MicroKernel, Strides};
use crate::matrix::view::View;
use crate::matrix::{AnyView, element};
use crate::memory::cache::prefetch;
use crate::vectorize;
use half::bf16;
use std::ops::Range;

/// Blocks of K that are multiplied at a time. A tile of C stays in cache while their products are
/// added to it.
const K_BLOCKS: usize = 2;

/// Some rows and columns of A, as a micro-kernel reads them.
enum Block<'a> {
    /// In panels.
    Packed(&'a [f32]),
    /// In place, in whole panels of rows.
    Rows(MicroKernel, View<'a, bf16>),
}

/// Memory of one thread for a tile.
struct Own<'a> {
    /// For sums that are rounded when they are whole: `nr` per row.
    sums: &'a mut [f32],
    /// For a panel of B, if panels are packed one by one.
    panel: &'a mut [f32],
}

impl Block<'_> {
    /// Returns the micro-kernel for the `len` rows from `row` on, at most `mr`, and the rows that
    /// it computes; their first element, and the strides of a tile with them, a panel of B and C.
    #[inline]
    fn panel(
        &self,
        table: &GemmKernel,
        [row, len]: [usize; 2],
        k: usize,
        c_row: usize,
    ) -> ((usize, MicroKernel), *const f32, Strides) {
        let strides = table.panels(c_row);
        match self {
            Self::Packed(panels) => {
                let slots = table.slots(k);
                let a = panels[row * slots..][..table.mr * slots].as_ptr();
                (table.micro_for(len), a, strides)
            }
            Self::Rows(micro, rows) => {
                let a = rows.block(row..row + table.mr, 0..k).data.as_ptr().cast();
                ((table.mr, *micro), a, Strides { a_row: rows.row_stride, ..strides })
            }
        }
    }

    /// Prefetches the rows from `row` on, a panel of them. Those of a packed block follow one
    /// another, which the hardware foresees; rows that are read where they are lie on different
    /// pages.
    #[inline]
    fn prefetch_panel(&self, table: &GemmKernel, row: usize) {
        if let Self::Rows(_, rows) = self {
            for start in (row..rows.rows.min(row + table.mr)).map(|i| i * rows.row_stride) {
                prefetch(rows.data, start..start + rows.cols);
            }
        }
    }
}

impl Product<'_> {
    /// Adds the product of some rows of A and some panels of the slab of B to C.
    pub(super) fn multiply_tile(&self, rows: &Span, panels: Range<usize>, slab: &Slab<'_>) {
        let &GemmKernel { mr, nr, .. } = self.table;
        let depth = slab.k_blocks.iter().map(Span::len).max().unwrap_or(0);
        let block_len = rows.len().next_multiple_of(mr) * self.table.slots(depth);
        let (at_once, sums) = match self.batch.is_rounded() {
            true => (ROUNDED_K_BLOCKS, rows.len() * nr),
            false => (K_BLOCKS, 0),
        };
        let panel = match slab.packed {
            Packed::Whole { .. } => 0,
            Packed::OneByOne => nr * self.table.slots(depth),
        };
        with_scratch(&A_PANELS, at_once.min(slab.k_blocks.len()) * block_len, |scratch| {
            for (k_blocks, index) in slab.k_blocks.chunks(at_once).zip(0..) {
                let buffers = k_blocks.iter().zip(scratch.chunks_exact_mut(block_len));
                let a: Vec<_> = buffers.map(|(k, buffer)| self.block(rows, k, buffer)).collect();
                with_scratch(&SUMS, sums, |sums| {
                    with_scratch(&B_PANEL, panel, |panel| {
                        let own = Own { sums, panel };
                        self.multiply_blocks(rows, index * at_once, &a, panels.clone(), slab, own);
                    });
                });
            }
        });
    }

    /// Returns a block of A, packed into the beginning of `buffer` if need be.
    fn block<'b>(&'b self, rows: &Span, k_block: &Span, buffer: &'b mut [f32]) -> Block<'b> {
        let &GemmKernel { mr, bf16_rows, pack_a, .. } = self.table;
        let whole = self.batch.a(rows.part, k_block.part);
        let a = whole.block(rows.range.clone(), k_block.range.clone());
        if let (Some(micro), AnyView::Bf16(a)) = (bf16_rows, a.0)
            && reads_bf16_rows(self.table, a)
        {
            let rows = Block::Rows(micro, a);
            rows.prefetch_panel(self.table, 0);
            return rows;
        }
        let slots = self.table.slots(k_block.len());
        let packed = &mut buffer[..rows.len().next_multiple_of(mr) * slots];
        // SAFETY: whoever holds a table may use its instruction set.
        unsafe { pack_a(a, packed, self.context.rounds_operands()) };
        Block::Packed(packed)
    }

    /// Packs panel `p` of the slab's block `t` of K.
    fn pack_panel<'p>(
        &self,
        slab: &Slab<'_>,
        t: usize,
        p: usize,
        panel: &'p mut [f32],
    ) -> &'p [f32] {
        let (k_block, cols) = (&slab.k_blocks[t], &slab.panels[p]);
        let b = self.batch.b(k_block.part, cols.part);
        let b = b.block(k_block.range.clone(), cols.range.clone());
        let panel = &mut panel[..self.table.nr * self.table.slots(k_block.len())];
        // SAFETY: whoever holds a table may use its instruction set.
        unsafe { (self.table.pack_b)(b.t(), panel, self.context.rounds_operands()) };
        panel
    }

    /// Adds the product of blocks of A, which begin at the slab's block `first` of K, and packed
    /// panels of B to C; overwrites C at the first block of all, unless the whole product is added.
    /// Results to be rounded are added up in `sums`, a panel at a time.
    fn multiply_blocks(
        &self,
        rows: &Span,
        first: usize,
        a: &[Block<'_>],
        panels: Range<usize>,
        slab: &Slab<'_>,
        Own { sums, panel }: Own<'_>,
    ) {
        let &GemmKernel { mr, nr, begin, end, .. } = self.table;
        let (k_blocks, is_rounded) = (first..first + a.len(), self.batch.is_rounded());
        // SAFETY: whoever holds a table may use its instruction set.
        unsafe { begin() };
        // The packed panel p of block t of K, unless panels are packed one by one.
        let whole = |t: usize, p: usize| match slab.packed {
            Packed::Whole { first_panel, stride, panels } => {
                let len = nr * self.table.slots(slab.k_blocks[t].len());
                Some(&panels[t * stride + (first_panel + p) * len..][..len])
            }
            Packed::OneByOne => None,
        };
        // Loop 2: panels of B, nr columns each.
        for p in panels.clone() {
            let cols = &slab.panels[p];
            let (place, c_stride) = self.batch.c(rows.part, cols.part, &rows.range, &cols.range);
            let (c, row_stride) = match is_rounded {
                true => (sums.as_mut_ptr(), nr),
                false => (place.cast(), c_stride),
            };
            // The part of loop 4 that stands inside: these rows and columns of C are in cache.
            for (t, a) in k_blocks.clone().zip(a) {
                let Span { part, range } = &slab.k_blocks[t];
                let is_first = *part == 0 && range.start == 0;
                let accumulate = self.beta == Beta::One || !is_first;
                let b = whole(t, p).unwrap_or_else(|| self.pack_panel(slab, t, p, panel));
                let (k, b) = (range.len(), b.as_ptr());
                // The panel of B that comes next is prefetched meanwhile, a piece with every tile.
                let next = match (k_blocks.contains(&(t + 1)), panels.contains(&(p + 1))) {
                    (true, _) => whole(t + 1, p),
                    (false, true) => whole(k_blocks.start, p + 1),
                    (false, false) => None,
                };
                let next = next.unwrap_or_default();
                let piece = next.len().div_ceil(rows.len().div_ceil(mr));
                // Loop 1: panels of A, mr rows each.
                for (row, tile) in (0..rows.len()).step_by(mr).zip(0..) {
                    prefetch(next, tile * piece..(tile + 1) * piece);
                    // The first panel of B meets the rows of A first.
                    if p == panels.start {
                        a.prefetch_panel(self.table, row + mr);
                    }
                    // SAFETY: the rows from this one on lie in C, as `Batch::c` checked, or in the
                    // buffer.
                    let c = unsafe { c.add(row * row_stride) };
                    let len = mr.min(rows.len() - row);
                    let (micro, a, strides) = a.panel(self.table, [row, len], k, row_stride);
                    // SAFETY: as above, the tile lies there; no other thread has it, as threads
                    // have different tiles; both panels have these k; we are between begin and
                    // end.
                    unsafe {
                        let job = Job { k, a, b, c, strides, accumulate };
                        self.table.run_part(micro, job, 0..len, cols.len());
                    }
                }
            }
            if is_rounded {
                // SAFETY: these rows and columns lie in C, as `Batch::c` checked, and no other
                // thread has them.
                unsafe { self.round_into(place.cast(), c_stride, cols.len(), sums) };
            }
        }
        // SAFETY: as above.
        unsafe { end() };
    }

    /// Rounds rows of `nr` sums into rows of C that have `cols` columns.
    ///
    /// # Safety
    /// These elements of C can be written by this thread alone.
    unsafe fn round_into(&self, c: *mut bf16, row_stride: usize, cols: usize, sums: &[f32]) {
        vectorize!(self.context.kernels, {
            for (i, sums) in sums.chunks_exact(self.table.nr).enumerate() {
                // SAFETY: the caller grants it.
                let c = unsafe { std::slice::from_raw_parts_mut(c.add(i * row_stride), cols) };
                element::store(c, sums);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::batched::Batch;
    use crate::gemm::plan::{Threads, table};
    use crate::gemm::single::gemm;
    use crate::isa::tests::model;
    use crate::matrix::{Mat, MatMut};
    use crate::{Precision, testing};

    /// Returns `true` if A is multiplied where it is.
    fn is_read_in_place(context: crate::Context, a: Mat<'_>) -> bool {
        let b = testing::random(&[a.cols(), 1], 1);
        let mut c = vec![0.0; a.rows()];
        let c = vec![MatMut::new(&mut c, a.rows(), 1)];
        let batch = Batch::new(&[a], &[b.matrix()], c);
        let product = Product::new(context, batch, Beta::Zero, Threads::One);
        let table = product.table;
        let [rows, k_block] = [a.rows(), a.cols()].map(|len| Span { part: 0, range: 0..len });
        let mut buffer = vec![0.0; 2 * (a.rows() + table.mr) * (a.cols() + table.k_per_step)];
        let aligned = buffer.as_ptr().align_offset(64);
        matches!(product.block(&rows, &k_block, &mut buffer[aligned..]), Block::Rows(..))
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
                let a = Mat::with_row_stride(rounded.elements::<bf16>(), m, k, row_stride);
                let source = Mat::with_row_stride(source.as_slice(), m, k, row_stride);
                let has_kernel = table(context).bf16_rows.is_some();
                let whole = (m, k) != (70, 64) && k != 40 && row_stride != 72;
                assert_eq!(is_read_in_place(context, a), has_kernel && whole, "{m}×{k}");
                in_place += usize::from(has_kernel && whole);

                let b = testing::random(&[n, k], 2);
                let product = |a: Mat<'_>| {
                    let mut c = testing::random(&[m, n], 3);
                    let target = MatMut::new(c.as_mut_slice(), m, n);
                    gemm(context, a, b.matrix().t(), target, Beta::One, Threads::All);
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
