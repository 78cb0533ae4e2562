//! The right operand of a product, and its way into panels.

use super::int8_panels;
use super::plan::table;
use crate::matrix::Mat;
use crate::matrix::int8::Int8Matrix;
use crate::{Context, vectorize};
use std::ops::Range;

/// A matrix B (K, N).
#[derive(Clone, Copy)]
pub(super) enum RightOperand<'a> {
    /// One that lies in memory as a matrix.
    Mat(Mat<'a>),
    /// The transpose of a weight (N, K) in 8 bits.
    Int8(&'a Int8Matrix),
}

impl RightOperand<'_> {
    /// Returns N.
    pub(super) fn cols(&self) -> usize {
        match self {
            Self::Mat(b) => b.cols(),
            Self::Int8(b) => b.outputs(),
        }
    }

    /// Packs these columns of the rows `k`, which begin a block of K, into `panels`, which is as
    /// long as the panels.
    pub(super) fn pack(
        self,
        context: Context,
        k: Range<usize>,
        cols: Range<usize>,
        panels: &mut [f32],
    ) {
        let table = table(context);
        match self {
            Self::Mat(b) => {
                let b = b.block(k, cols);
                // SAFETY: whoever holds a table may use its instruction set.
                unsafe { (table.pack_b)(b.t(), panels, context.rounds_operands()) };
            }
            Self::Int8(b) => {
                vectorize!(context.kernels, int8_panels::pack(b, k, cols, panels, table.nr));
            }
        }
    }
}
