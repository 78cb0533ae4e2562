//! Matrices as products see them: elements in memory with strides between them, to read or to
//! write.

pub(crate) mod element;
pub(crate) mod view;

use self::view::{View, span_len};
use crate::matrix::element::{DType, Element};
use half::bf16;
use std::ops::Range;

/// A matrix to read, of `f32` or of numbers that were rounded before.
#[derive(Clone, Copy)]
pub struct Mat<'a>(pub(crate) AnyView<'a>);

#[derive(Clone, Copy)]
pub(crate) enum AnyView<'a> {
    F32(View<'a, f32>),
    Bf16(View<'a, bf16>),
}

/// Evaluates an expression with the view of either type of element.
macro_rules! with_view {
    ($mat:expr, $view:ident => $result:expr) => {
        match $mat.0 {
            $crate::matrix::AnyView::F32($view) => $result,
            $crate::matrix::AnyView::Bf16($view) => $result,
        }
    };
}
pub(crate) use with_view;

impl<'a> Mat<'a> {
    /// A row-major matrix, contiguous.
    ///
    /// # Panics
    /// If `data` has fewer elements.
    #[track_caller]
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::with_row_stride(data, rows, cols, cols)
    }

    /// A row-major matrix whose rows begin `row_stride` elements apart.
    ///
    /// # Panics
    /// If rows overlap, or `data` has too few elements.
    #[track_caller]
    pub fn with_row_stride(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        Self(AnyView::F32(View::with_row_stride(data, rows, cols, row_stride)))
    }

    /// A row-major matrix of rounded numbers, contiguous.
    ///
    /// # Panics
    /// If `data` has fewer elements.
    #[track_caller]
    pub fn of_bf16(data: &'a [bf16], rows: usize, cols: usize) -> Self {
        Self::of_bf16_with_row_stride(data, rows, cols, cols)
    }

    /// A row-major matrix of rounded numbers whose rows begin `row_stride` elements apart.
    ///
    /// # Panics
    /// If rows overlap, or `data` has too few elements.
    #[track_caller]
    pub fn of_bf16_with_row_stride(
        data: &'a [bf16],
        rows: usize,
        cols: usize,
        row_stride: usize,
    ) -> Self {
        Self(AnyView::Bf16(View::with_row_stride(data, rows, cols, row_stride)))
    }

    /// The transpose, without moving anything.
    #[inline]
    pub fn t(self) -> Self {
        Self(match self.0 {
            AnyView::F32(view) => AnyView::F32(view.t()),
            AnyView::Bf16(view) => AnyView::Bf16(view.t()),
        })
    }

    /// The number of rows.
    #[inline]
    pub fn rows(&self) -> usize {
        with_view!(self, view => view.rows())
    }

    /// The number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        with_view!(self, view => view.cols())
    }

    /// The element in row `i` and column `j`.
    #[inline]
    pub fn at(&self, i: usize, j: usize) -> f32 {
        with_view!(self, view => view.at(i, j).to_f32())
    }

    /// The first columns of a matrix that has as many at least.
    pub(crate) fn first_cols(self, cols: usize) -> Self {
        assert!(cols <= self.cols(), "first_cols: {cols} of {self:?}");
        self.block(0..self.rows(), 0..cols)
    }

    /// Some rows of a matrix that has them.
    pub(crate) fn of_rows(self, rows: Range<usize>) -> Self {
        assert!(rows.end <= self.rows(), "of_rows: {rows:?} of {self:?}");
        self.block(rows, 0..self.cols())
    }

    /// The type of the elements.
    pub(crate) fn dtype(&self) -> DType {
        match self.0 {
            AnyView::F32(_) => DType::F32,
            AnyView::Bf16(_) => DType::Bf16,
        }
    }

    /// Elements from one row to the next.
    #[inline]
    pub(crate) fn row_stride(&self) -> usize {
        with_view!(self, view => view.row_stride())
    }

    /// Elements from one column to the next.
    #[inline]
    pub(crate) fn col_stride(&self) -> usize {
        with_view!(self, view => view.col_stride())
    }

    /// The part that lies in these rows and columns, which must exist.
    #[inline]
    pub(crate) fn block(&self, rows: Range<usize>, cols: Range<usize>) -> Mat<'a> {
        Self(match self.0 {
            AnyView::F32(view) => AnyView::F32(view.block(rows, cols)),
            AnyView::Bf16(view) => AnyView::Bf16(view.block(rows, cols)),
        })
    }
}

impl std::fmt::Debug for Mat<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (rows, cols) = (self.rows(), self.cols());
        write!(f, "Mat {rows}×{cols} (strides {}, {})", self.row_stride(), self.col_stride())
    }
}

/// A row-major matrix to write, of `f32` or of numbers that are rounded when they are written.
pub struct MatMut<'a, E = f32> {
    data: &'a mut [E],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl<'a, E> MatMut<'a, E> {
    /// A contiguous matrix.
    ///
    /// # Panics
    /// If `data` has fewer elements.
    #[track_caller]
    pub fn new(data: &'a mut [E], rows: usize, cols: usize) -> Self {
        Self::with_row_stride(data, rows, cols, cols)
    }

    /// A matrix whose rows begin `row_stride` elements apart; what lies between is left alone.
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

    /// The same matrix, lent on.
    pub(crate) fn reborrow(&mut self) -> MatMut<'_, E> {
        MatMut { data: &mut *self.data, ..*self }
    }

    /// The number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub(crate) fn cols(&self) -> usize {
        self.cols
    }

    /// Each row, to write to.
    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [E]> {
        let cols = self.cols;
        self.data
            .chunks_mut(self.row_stride.max(1))
            .take(self.rows)
            .map(move |row| &mut row[..cols])
    }

    /// Where the elements are and how far apart the rows begin, for the kernels.
    pub(crate) fn into_raw(self) -> (*mut E, usize) {
        (self.data.as_mut_ptr(), self.row_stride)
    }
}

impl<E> std::fmt::Debug for MatMut<'_, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MatMut {}×{} (row stride {})", self.rows, self.cols, self.row_stride)
    }
}
