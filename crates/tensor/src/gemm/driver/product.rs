//! The data of the loops: a product, and a packed part of its B.

use crate::Context;
use crate::gemm::batched::Batch;
use crate::gemm::partition::Span;
use crate::gemm::plan::{Beta, Threads, table};
use crate::isa::GemmKernel;

/// C ← A·B + β·C for block matrices, none of whose sizes is 0.
pub(in crate::gemm) struct Product<'a> {
    pub(super) context: Context,
    /// The micro-kernel and its packing for the context.
    pub(super) table: &'static GemmKernel,
    pub(super) batch: Batch<'a>,
    pub(super) beta: Beta,
    pub(super) threads: Threads,
}

impl<'a> Product<'a> {
    /// Returns the product. If C is to be rounded, `beta` has to be `Zero`, and K has at most
    /// [`ROUNDED_K_BLOCKS`](crate::gemm::plan::ROUNDED_K_BLOCKS) blocks.
    pub(in crate::gemm) fn new(
        context: Context,
        batch: Batch<'a>,
        beta: Beta,
        threads: Threads,
    ) -> Self {
        Self { context, table: table(context), batch, beta, threads }
    }
}

/// A part of B: some blocks of K, and some panels of columns.
pub(super) struct Slab<'s> {
    pub(super) k_blocks: &'s [Span],
    pub(super) panels: &'s [Span],
    pub(super) packed: Packed<'s>,
}

/// The packed panels of a slab.
pub(super) enum Packed<'s> {
    /// All of them, packed before: for each block of K the panels of all its columns.
    Whole {
        /// The index of the slab's first panel among those that are packed.
        first_panel: usize,
        /// Floats from one block of K to the next.
        stride: usize,
        panels: &'s [f32],
    },
    /// One at a time, packed by the thread that multiplies by it.
    OneByOne,
}
