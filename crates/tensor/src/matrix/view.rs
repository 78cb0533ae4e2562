//! The elements of matrices, and matrices of one type of them.

use std::ops::Range;

/// From the first element to the last of a row-major matrix; saturates, as kernels rely on it.
pub(crate) fn span_len(rows: usize, cols: usize, row_stride: usize) -> usize {
    match rows {
        0 => 0,
        _ => (rows - 1).saturating_mul(row_stride).saturating_add(cols),
    }
}

/// A matrix of one type of element: any strides, so that a transpose costs nothing.
#[derive(Clone, Copy)]
pub(crate) struct View<'a, E> {
    data: &'a [E],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, E: Copy> View<'a, E> {
    #[track_caller]
    pub(crate) fn with_row_stride(
        data: &'a [E],
        rows: usize,
        cols: usize,
        row_stride: usize,
    ) -> Self {
        assert!(row_stride >= cols, "Mat: row stride {row_stride} below {cols} columns");
        let needed = span_len(rows, cols, row_stride);
        assert!(
            data.len() >= needed,
            "Mat: {rows}×{cols} needs {needed} elements, not {}",
            data.len()
        );
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transpose, without moving anything.
    #[inline]
    pub(crate) fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// The number of rows.
    #[inline]
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    #[inline]
    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// The element in row `i` and column `j`.
    #[inline]
    pub(crate) fn at(&self, i: usize, j: usize) -> E {
        self.data[i * self.row_stride + j * self.col_stride]
    }

    /// Elements from one row to the next.
    #[inline]
    pub(crate) fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Elements from one column to the next.
    #[inline]
    pub(crate) fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// The elements from the first one on, with all that lies between.
    #[inline]
    pub(crate) fn data(&self) -> &'a [E] {
        self.data
    }

    /// The part that lies in these rows and columns, which must exist.
    #[inline]
    pub(crate) fn block(&self, rows: Range<usize>, cols: Range<usize>) -> Self {
        debug_assert!(rows.end <= self.rows && cols.end <= self.cols);
        let start = rows.start * self.row_stride + cols.start * self.col_stride;
        Self { data: &self.data[start..], rows: rows.len(), cols: cols.len(), ..*self }
    }
}
