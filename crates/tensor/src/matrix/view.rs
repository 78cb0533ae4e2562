//! Matrices of one type of element.

use std::ops::Range;

/// Returns the number of elements from the first to the last of a row-major matrix. It saturates,
/// so that no size wraps around: kernels rely on it.
pub(crate) fn span_len(rows: usize, cols: usize, row_stride: usize) -> usize {
    match rows {
        0 => 0,
        _ => (rows - 1).saturating_mul(row_stride).saturating_add(cols),
    }
}

/// A matrix of one type of element, with any strides, so that a transpose costs nothing. Whoever
/// makes one has checked that its elements exist.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, E> {
    /// The elements from the first one on, with all that lies between.
    pub(crate) data: &'a [E],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// Elements from one row to the next.
    pub(crate) row_stride: usize,
    /// Elements from one column to the next.
    pub(crate) col_stride: usize,
}

impl<'a, E: Copy> View<'a, E> {
    /// Returns a row-major matrix.
    #[track_caller]
    pub(crate) fn new(data: &'a [E], [rows, cols, row_stride]: [usize; 3]) -> Self {
        assert!(row_stride >= cols, "Mat: row stride {row_stride} below {cols} columns");
        let (needed, len) = (span_len(rows, cols, row_stride), data.len());
        assert!(len >= needed, "Mat: {rows}×{cols} needs {needed} elements, not {len}");
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// Returns the transpose, without moving anything.
    #[inline]
    pub(crate) fn t(self) -> Self {
        Self {
            data: self.data,
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
        }
    }

    /// Returns the element in row `i` and column `j`.
    #[inline]
    pub(crate) fn at(&self, i: usize, j: usize) -> E {
        self.data[i * self.row_stride + j * self.col_stride]
    }

    /// Returns the part in these rows and columns, which must exist.
    #[inline]
    pub(crate) fn block(&self, rows: Range<usize>, cols: Range<usize>) -> Self {
        debug_assert!(rows.end <= self.rows && cols.end <= self.cols);
        let start = rows.start * self.row_stride + cols.start * self.col_stride;
        Self { data: &self.data[start..], rows: rows.len(), cols: cols.len(), ..*self }
    }
}
