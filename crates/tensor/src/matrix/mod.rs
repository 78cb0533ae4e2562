//! Matrices for products: elements in memory with strides between them, to read or to write.

pub(crate) mod element;
pub mod int8;
pub(crate) mod view;

use self::view::{View, span_len};
use crate::matrix::element::{DType, Element};
use half::{bf16, f16};
use std::ops::Range;

/// A matrix to read, of `f32`, of numbers that were rounded to bf16 before, or of weights in half
/// precision.
#[derive(Clone, Copy)]
pub struct Mat<'a>(pub(crate) AnyView<'a>);

/// A view of any type of element.
#[derive(Clone, Copy)]
pub(crate) enum AnyView<'a> {
    F32(View<'a, f32>),
    Bf16(View<'a, bf16>),
    F16(View<'a, f16>),
}

/// Evaluates an expression with the view of any type of element.
macro_rules! with_view {
    ($mat:expr, $view:ident => $result:expr) => {
        match $mat.0 {
            $crate::matrix::AnyView::F32($view) => $result,
            $crate::matrix::AnyView::Bf16($view) => $result,
            $crate::matrix::AnyView::F16($view) => $result,
        }
    };
}
pub(crate) use with_view;

impl<'a> Mat<'a> {
    /// Returns a contiguous row-major matrix.
    ///
    /// # Panics
    /// If `data` has fewer elements.
    #[track_caller]
    pub fn new<E: Element>(data: &'a [E], rows: usize, cols: usize) -> Self {
        Self::with_row_stride(data, rows, cols, cols)
    }

    /// Returns a row-major matrix whose rows begin `row_stride` elements apart.
    ///
    /// # Panics
    /// If rows overlap, or `data` has too few elements.
    #[track_caller]
    pub fn with_row_stride<E: Element>(
        data: &'a [E],
        rows: usize,
        cols: usize,
        row_stride: usize,
    ) -> Self {
        let layout = [rows, cols, row_stride];
        Self(match E::DTYPE {
            DType::F32 => AnyView::F32(View::new(bytemuck::cast_slice(data), layout)),
            DType::Bf16 => AnyView::Bf16(View::new(bytemuck::cast_slice(data), layout)),
            DType::F16 => AnyView::F16(View::new(bytemuck::cast_slice(data), layout)),
        })
    }

    /// Returns the transpose, without moving anything.
    #[inline]
    pub fn t(self) -> Self {
        Self(match self.0 {
            AnyView::F32(view) => AnyView::F32(view.t()),
            AnyView::Bf16(view) => AnyView::Bf16(view.t()),
            AnyView::F16(view) => AnyView::F16(view.t()),
        })
    }

    /// Returns the number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        with_view!(self, view => view.rows)
    }

    /// Returns the number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        with_view!(self, view => view.cols)
    }

    /// Returns the element in row `i` and column `j`.
    #[inline]
    pub fn at(&self, i: usize, j: usize) -> f32 {
        with_view!(self, view => view.at(i, j).to_f32())
    }

    /// Returns the first `cols` columns, which must exist.
    pub(crate) fn first_cols(self, cols: usize) -> Self {
        assert!(cols <= self.cols(), "first_cols: {cols} of {self:?}");
        self.block(0..self.rows(), 0..cols)
    }

    /// Returns these rows, which must exist.
    pub(crate) fn of_rows(self, rows: Range<usize>) -> Self {
        assert!(rows.end <= self.rows(), "of_rows: {rows:?} of {self:?}");
        self.block(rows, 0..self.cols())
    }

    /// Returns the type of the elements.
    pub(crate) fn dtype(&self) -> DType {
        match self.0 {
            AnyView::F32(_) => DType::F32,
            AnyView::Bf16(_) => DType::Bf16,
            AnyView::F16(_) => DType::F16,
        }
    }

    /// Returns the numbers of elements from one row to the next, and from one column to the next.
    #[inline]
    pub(crate) fn strides(&self) -> [usize; 2] {
        with_view!(self, view => [view.row_stride, view.col_stride])
    }

    /// Returns the part in these rows and columns, which must exist.
    #[inline]
    pub(crate) fn block(&self, rows: Range<usize>, cols: Range<usize>) -> Mat<'a> {
        Self(match self.0 {
            AnyView::F32(view) => AnyView::F32(view.block(rows, cols)),
            AnyView::Bf16(view) => AnyView::Bf16(view.block(rows, cols)),
            AnyView::F16(view) => AnyView::F16(view.block(rows, cols)),
        })
    }
}

impl std::fmt::Debug for Mat<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rows, cols, [row_stride, col_stride]) = (self.rows(), self.cols(), self.strides());
        write!(f, "Mat {rows}×{cols} (strides {row_stride}, {col_stride})")
    }
}

/// A row-major matrix to write, of `f32` or of numbers that are rounded when they are written.
pub struct MatMut<'a, E = f32> {
    data: &'a mut [E],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    row_stride: usize,
}

impl<'a, E> MatMut<'a, E> {
    /// Returns a contiguous matrix.
    ///
    /// # Panics
    /// If `data` has fewer elements.
    #[track_caller]
    pub fn new(data: &'a mut [E], rows: usize, cols: usize) -> Self {
        Self::with_row_stride(data, rows, cols, cols)
    }

    /// Returns a matrix whose rows begin `row_stride` elements apart; elements between rows are
    /// neither read nor written.
    ///
    /// # Panics
    /// If rows overlap, or `data` has too few elements.
    #[track_caller]
    pub fn with_row_stride(data: &'a mut [E], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(row_stride >= cols, "MatMut: row stride {row_stride} below {cols} columns");
        let needed = span_len(rows, cols, row_stride);
        assert!(data.len() >= needed, "MatMut: {rows}×{cols} needs {needed}, not {}", data.len());
        Self { data, rows, cols, row_stride }
    }

    /// Lends the matrix on.
    pub(crate) fn reborrow(&mut self) -> MatMut<'_, E> {
        MatMut { data: &mut *self.data, ..*self }
    }

    /// Returns each row, to write to.
    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [E]> {
        let cols = self.cols;
        self.data
            .chunks_mut(self.row_stride.max(1))
            .take(self.rows)
            .map(move |row| &mut row[..cols])
    }

    /// Returns the first element and the number of elements from one row to the next, for the
    /// kernels.
    pub(crate) fn into_raw(self) -> (*mut E, usize) {
        (self.data.as_mut_ptr(), self.row_stride)
    }
}

impl<E> std::fmt::Debug for MatMut<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MatMut {}×{} (row stride {})", self.rows, self.cols, self.row_stride)
    }
}
