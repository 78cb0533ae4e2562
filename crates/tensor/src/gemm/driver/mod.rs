//! The loops around the micro-kernel (K. Goto and R. van de Geijn, *Anatomy of High-Performance
//! Matrix Multiplication*, 2008), over block matrices: several products that share an operand, or
//! are summed up, are one.
//!
//! Panels of B (`kc` × `nr`) are packed for all threads, slab by slab. A thread packs a block of A
//! (`mc` × some times `kc`), which stays in its second-level cache, or takes it where it is, and
//! takes panel after panel of B to its first; the micro-kernel adds their product to C tile by
//! tile. Blocks along K follow one another in order for every element of C, so that the sums do not
//! depend on how C was cut for the threads.

mod tile;

use self::tile::ROUNDED_DEPTH;
use super::batched::Grid;
use super::partition::{Span, spans, tile_shape};
use crate::isa::{GemmKernel, PACKED_COLS};
use crate::memory::pool::Buffer;
use crate::{Context, Precision};
use rayon::prelude::*;
use std::cell::RefCell;
use std::thread::LocalKey;

/// Columns of B that are packed at a time, in whole panels.
const SLAB_COLS: usize = 2048;
/// Floats of B that are packed at a time (4 MB): they stay in the third-level cache.
const SLAB: usize = 1 << 20;
thread_local! {
    /// Room for packed panels and for sums, kept from product to product.
    static A_PANELS: RefCell<Buffer> = RefCell::new(Buffer::scratch(0));
    static B_PANELS: RefCell<Buffer> = RefCell::new(Buffer::scratch(0));
    static SUMS: RefCell<Buffer> = RefCell::new(Buffer::scratch(0));
}

/// Lends this thread's scratch memory. `f` must not come back here, so it must not wait for other
/// tasks.
fn with_scratch<R>(
    scratch: &'static LocalKey<RefCell<Buffer>>,
    len: usize,
    f: impl FnOnce(&mut [f32]) -> R,
) -> R {
    scratch.with_borrow_mut(|buffer| {
        if buffer.as_slice().len() < len {
            *buffer = Buffer::scratch(len);
        }
        f(&mut buffer.as_mut_slice()[..len])
    })
}

pub(super) fn for_each<T: Send>(tasks: Vec<T>, parallel: bool, f: impl Fn(T) + Send + Sync) {
    if parallel {
        tasks.into_par_iter().with_max_len(1).for_each(f);
    } else {
        tasks.into_iter().for_each(f);
    }
}

/// A part of B, packed: for each span of terms the panels of all columns.
struct Slab<'s> {
    terms: &'s [Span],
    panels: &'s [Span],
    /// Where the first of these panels stands among those that are packed.
    first_panel: usize,
    /// Room for each span of terms.
    room: usize,
    packed: &'s [f32],
}

/// C ← (C +) A·B for sizes that are not 0.
pub(super) struct Product<'a> {
    pub(super) context: Context,
    /// The context's.
    pub(super) table: &'a GemmKernel,
    /// If C is to be rounded, its terms are few enough ([`rounds`]), and the product does not
    /// accumulate.
    pub(super) grid: Grid<'a>,
    pub(super) accumulate: bool,
    pub(super) parallel: bool,
}

/// Whether a C can be rounded whose sums have so many terms: all blocks of them are multiplied
/// while a part of C is in cache.
pub(super) fn rounds(table: &GemmKernel, terms: usize) -> bool {
    terms.div_ceil(table.kc) <= ROUNDED_DEPTH
}

impl Product<'_> {
    /// Whether operands are rounded to bf16.
    fn round(&self) -> bool {
        self.context.precision == Precision::Bf16
    }

    pub(super) fn run(&self) {
        let (panels, terms) = self.panels_and_terms();
        let (slab_panels, slab_terms) = self.slab_size(&panels, &terms);
        let depth = terms.iter().map(Span::len).max().unwrap_or(0);
        let room = slab_panels * self.table.nr * self.table.slots(depth);
        let multiply = |buffer: &mut [f32]| {
            for panels in panels.chunks(slab_panels) {
                for terms in terms.chunks(slab_terms) {
                    self.pack_slab(terms, panels, room, buffer);
                    let slab = Slab { terms, panels, first_panel: 0, room, packed: buffer };
                    self.multiply_slab(&slab);
                }
            }
        };
        let len = slab_terms * room;
        if self.parallel {
            multiply(Buffer::scratch(len).as_mut_slice());
        } else {
            with_scratch(&B_PANELS, len, multiply);
        }
    }

    /// The same where all panels of B are packed already, in `room` floats for each span of terms.
    pub(super) fn run_packed(&self, packed: &[f32], room: usize) {
        let (panels, terms) = self.panels_and_terms();
        let (slab_panels, slab_terms) = self.slab_size(&panels, &terms);
        for (panels, index) in panels.chunks(slab_panels).zip(0..) {
            let packed = packed.chunks(slab_terms * room);
            for (terms, packed) in terms.chunks(slab_terms).zip(packed) {
                let first_panel = index * slab_panels;
                self.multiply_slab(&Slab { terms, panels, first_panel, room, packed });
            }
        }
    }

    /// The columns of each panel of B, and its blocks of terms.
    fn panels_and_terms(&self) -> (Vec<Span>, Vec<Span>) {
        (spans(self.grid.cols(), self.table.nr), spans(self.grid.terms(), self.table.kc))
    }

    /// Panels, and blocks of terms, that are multiplied by all of A before others are.
    fn slab_size(&self, panels: &[Span], terms: &[Span]) -> (usize, usize) {
        let &GemmKernel { nr, kc, .. } = self.table;
        if self.grid.is_rounded() {
            let most = (SLAB / (terms.len() * kc * nr)).clamp(1, SLAB_COLS / nr);
            return (panels.len().min(most), terms.len());
        }
        let slab_panels = panels.len().min(SLAB_COLS / nr);
        (slab_panels, terms.len().min((SLAB / (slab_panels * nr)).div_ceil(kc)))
    }

    /// Packs the panels of some columns for some terms.
    fn pack_slab(&self, terms: &[Span], panels: &[Span], room: usize, buffer: &mut [f32]) {
        let nr = self.table.nr;
        let mut tasks = Vec::new();
        for (terms, mut buffer) in terms.iter().zip(buffer.chunks_exact_mut(room)) {
            let of_one_matrix = panels.chunk_by(|a, b| a.part == b.part);
            for panels in of_one_matrix.flat_map(|panels| panels.chunks(PACKED_COLS / nr)) {
                let len = panels.len() * nr * self.table.slots(terms.len());
                let (own, rest) = buffer.split_at_mut(len);
                buffer = rest;
                tasks.push((terms, panels, own));
            }
        }
        for_each(tasks, self.parallel, |(terms, panels, packed)| {
            let cols = panels[0].range.start..panels[panels.len() - 1].range.end;
            let b = self.grid.b(terms.part, panels[0].part).block(terms.range.clone(), cols);
            // SAFETY: whoever holds a table may use its instruction set.
            unsafe { (self.table.pack_b)(b.t(), packed, self.round()) };
        });
    }

    /// Adds the product of A's columns and the slab of B to C, tile by tile.
    fn multiply_slab(&self, slab: &Slab<'_>) {
        let threads = if self.parallel { rayon::current_num_threads() } else { 1 };
        let rows = self.grid.rows().sum();
        let (tile_rows, tile_panels) = tile_shape(self.table, rows, slab.panels.len(), threads);
        let mut tiles = Vec::new();
        for rows in spans(self.grid.rows(), tile_rows) {
            for first in (0..slab.panels.len()).step_by(tile_panels) {
                let panels = first..slab.panels.len().min(first + tile_panels);
                tiles.push((rows.clone(), panels));
            }
        }
        for_each(tiles, self.parallel, |(rows, panels)| self.multiply_tile(&rows, panels, slab));
    }
}
