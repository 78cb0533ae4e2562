//! The five loops around the micro-kernel (K. Goto and R. van de Geijn, *Anatomy of
//! High-Performance Matrix Multiplication*, ACM TOMS 34, 2008; numbered as in F. Van Zee and
//! R. van de Geijn, *BLIS: A Framework for Rapidly Instantiating BLAS Functionality*, ACM TOMS 41,
//! 2015), over block matrices ([`Batch`]): several products that share an operand, or are summed,
//! are one.
//!
//! | loop | over | step | file | in cache |
//! |---|---|---|---|---|
//! | 5 | columns of B and C | nc ≤ 2048 | here | |
//! | 4 | K | some blocks of kc | here | a slab of B, in the third level |
//! | 3 | rows of A and C | mc or fewer | here | blocks of A, in the second level |
//! | 2 | panels of B | nr | `tile` | a panel of B, in the first level |
//! | 1 | panels of A | mr | `tile` | a tile of C, in registers |
//!
//! All threads pack a slab of B together and share it. Loop 3 hands them tiles of C; a thread packs
//! the blocks of A for a tile itself.
//!
//! Two things differ from the papers. A tile takes several blocks of K at a time and multiplies
//! them one after the other inside loop 2, while its part of C is in cache. And loop 3 also splits
//! columns where rows alone are too few to keep all threads busy (see [`partition`]).
//!
//! Blocks of K follow one another in order for every element of C, so that the sums do not depend
//! on how C is split among threads.
//!
//! [`partition`]: super::partition

mod product;
mod scratch;
mod tile;

pub(super) use self::product::Product;

use self::product::{Packed, Slab};
use self::scratch::{B_PANELS, with_scratch};
use super::partition::{Span, spans, streamed_panels, tile_shape};
use super::plan::{Method, Threads, table};
use crate::Context;
use crate::isa::{GemmKernel, PACKED_COLS};
use crate::matrix::Mat;
use crate::memory::pool::Buffer;
use std::ops::Range;

/// Columns of a slab, which consists of whole panels: nc of the papers.
const SLAB_COLS: usize = 2048;
/// Floats of a slab (4 MB): it stays in the third-level cache.
const SLAB: usize = 1 << 20;

/// The panels of B and the blocks of K of a product, and how many of each a slab has.
struct Blocking {
    panels: Vec<Span>,
    k_blocks: Vec<Span>,
    slab_panels: usize,
    slab_k_blocks: usize,
}

impl Blocking {
    fn of(product: &Product<'_>) -> Self {
        let &GemmKernel { nr, kc, .. } = product.table;
        let panels = spans(product.batch.cols(), nr);
        let k_blocks = spans(product.batch.depths(), kc);
        let (slab_panels, slab_k_blocks) = if product.batch.is_rounded() {
            // Whole sums are rounded, so that a slab has all of K, and fewer columns for that.
            let most = (SLAB / (k_blocks.len() * kc * nr)).clamp(1, SLAB_COLS / nr);
            (panels.len().min(most), k_blocks.len())
        } else {
            let slab_panels = panels.len().min(SLAB_COLS / nr);
            (slab_panels, k_blocks.len().min((SLAB / (slab_panels * nr)).div_ceil(kc)))
        };
        Self { panels, k_blocks, slab_panels, slab_k_blocks }
    }

    /// Calls `f` with the panels and blocks of K of each slab.
    fn for_each_slab(&self, mut f: impl FnMut(Range<usize>, Range<usize>)) {
        let pieces = |len: usize, step: usize| {
            (0..len).step_by(step).map(move |start| start..len.min(start + step))
        };
        // Loop 5: columns of B and C, nc at a time.
        for panels in pieces(self.panels.len(), self.slab_panels) {
            // Loop 4: K, as many blocks of kc at a time as fit into a slab.
            for k_blocks in pieces(self.k_blocks.len(), self.slab_k_blocks) {
                f(panels.clone(), k_blocks);
            }
        }
    }
}

impl Product<'_> {
    /// Computes the product by one of the methods that pack.
    pub(super) fn run(&self, method: Method) {
        match method {
            Method::Streamed => self.run_streamed(),
            _ => self.run_slabs(),
        }
    }

    /// Computes the product, each thread packing the panels of B that it multiplies by, one at a
    /// time.
    fn run_streamed(&self) {
        let Blocking { panels, k_blocks, .. } = Blocking::of(self);
        let tile_panels = streamed_panels(self.table, panels.len(), self.threads.count());
        let slab = Slab { k_blocks: &k_blocks, panels: &panels, packed: Packed::OneByOne };
        // Few rows: no tile is shorter than a whole matrix.
        let rows = spans(self.batch.rows(), usize::MAX);
        self.multiply_tiles(rows, tile_panels, &slab);
    }

    /// Computes the product, all threads packing B slab by slab.
    fn run_slabs(&self) {
        let blocking = Blocking::of(self);
        let depth = blocking.k_blocks.iter().map(Span::len).max().unwrap_or(0);
        let stride = blocking.slab_panels * self.table.nr * self.table.slots(depth);
        let multiply = |buffer: &mut [f32]| {
            blocking.for_each_slab(|panels, k_blocks| {
                let (panels, k_blocks) = (&blocking.panels[panels], &blocking.k_blocks[k_blocks]);
                let b = |l, j| self.batch.b(l, j);
                pack_panels(self.context, self.threads, b, k_blocks, panels, stride, buffer);
                let packed = Packed::Whole { first_panel: 0, stride, panels: buffer };
                let slab = Slab { k_blocks, panels, packed };
                self.multiply_slab(&slab);
            });
        };
        let len = blocking.slab_k_blocks * stride;
        match self.threads {
            Threads::One => with_scratch(&B_PANELS, len, multiply),
            // While this thread waits for others it may begin another product, and would find its
            // scratch memory lent already.
            Threads::All => multiply(Buffer::scratch(len).as_mut_slice()),
        }
    }

    /// Computes the product with all panels of B packed before, in `stride` floats for each block
    /// of K.
    pub(super) fn run_packed(&self, packed: &[f32], stride: usize) {
        let blocking = Blocking::of(self);
        blocking.for_each_slab(|panels, k_blocks| {
            let packed = &packed[k_blocks.start * stride..];
            self.multiply_slab(&Slab {
                packed: Packed::Whole { first_panel: panels.start, stride, panels: packed },
                panels: &blocking.panels[panels],
                k_blocks: &blocking.k_blocks[k_blocks],
            });
        });
    }

    /// Adds the product of A's columns and the slab of B to C, tile by tile.
    fn multiply_slab(&self, slab: &Slab<'_>) {
        let rows = self.batch.rows().sum();
        let (tile_rows, tile_panels) =
            tile_shape(self.table, rows, slab.panels.len(), self.threads.count());
        self.multiply_tiles(spans(self.batch.rows(), tile_rows), tile_panels, slab);
    }

    /// Multiplies tiles of these rows and of `tile_panels` panels.
    fn multiply_tiles(&self, rows: Vec<Span>, tile_panels: usize, slab: &Slab<'_>) {
        let mut tiles = Vec::new();
        // Loop 3: rows of A and C, dealt out to the threads.
        for rows in rows {
            for first in (0..slab.panels.len()).step_by(tile_panels) {
                let panels = first..slab.panels.len().min(first + tile_panels);
                tiles.push((rows.clone(), panels));
            }
        }
        self.threads.for_each(tiles, |(rows, panels)| self.multiply_tile(&rows, panels, slab));
    }
}

/// Packs the panels of some columns of B for some blocks of K, each into `stride` floats of
/// `buffer`. `b(l, j)` returns the matrix B_lj, in which spans of part l and part j lie.
pub(super) fn pack_panels<'a>(
    context: Context,
    threads: Threads,
    b: impl Fn(usize, usize) -> Mat<'a> + Sync + Send,
    k_blocks: &[Span],
    panels: &[Span],
    stride: usize,
    buffer: &mut [f32],
) {
    let (table, round) = (table(context), context.rounds_operands());
    let mut tasks = Vec::new();
    for (k_block, mut buffer) in k_blocks.iter().zip(buffer.chunks_exact_mut(stride)) {
        let of_one_matrix = panels.chunk_by(|a, b| a.part == b.part);
        for panels in of_one_matrix.flat_map(|panels| panels.chunks(PACKED_COLS / table.nr)) {
            let len = panels.len() * table.nr * table.slots(k_block.len());
            let (own, rest) = buffer.split_at_mut(len);
            buffer = rest;
            tasks.push((k_block, panels, own));
        }
    }
    threads.for_each(tasks, |(k_block, panels, packed)| {
        let cols = panels[0].range.start..panels[panels.len() - 1].range.end;
        let b = b(k_block.part, panels[0].part).block(k_block.range.clone(), cols);
        // SAFETY: whoever holds a table may use its instruction set.
        unsafe { (table.pack_b)(b.t(), packed, round) };
    });
}
