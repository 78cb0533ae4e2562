//! Matrix products C ← A·B or C ← C + A·B.
//!
//! Each element of C is one sum in one order, which the shape and the kernel table fix: the number of threads
//! and the way the work was cut have no influence on any bit.

use super::{blocked, skinny};
use crate::{Context, Precision};
use std::ops::Range;

/// From the first element to the last of a row-major matrix; saturates, as kernels rely on it.
fn elements(rows: usize, cols: usize, row_stride: usize) -> usize {
    match rows {
        0 => 0,
        _ => (rows - 1).saturating_mul(row_stride).saturating_add(cols),
    }
}

/// A matrix to read: any strides, so that a transpose costs nothing.
#[derive(Clone, Copy)]
pub struct Mat<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a> Mat<'a> {
    /// A row-major matrix, contiguous.
    #[track_caller]
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        Self::with_row_stride(data, rows, cols, cols)
    }

    /// A row-major matrix whose rows begin `row_stride` elements apart.
    #[track_caller]
    pub fn with_row_stride(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(row_stride >= cols, "Mat: row stride {row_stride} below {cols} columns");
        let needed = elements(rows, cols, row_stride);
        assert!(
            data.len() >= needed,
            "Mat: {rows}×{cols} needs {needed} elements, not {}",
            data.len()
        );
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transpose, without moving anything.
    #[inline]
    pub fn t(self) -> Self {
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
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    #[inline]
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The element in row `i` and column `j`.
    #[inline]
    pub fn at(&self, i: usize, j: usize) -> f32 {
        self.data[i * self.row_stride + j * self.col_stride]
    }

    /// Elements from one row to the next.
    #[inline]
    pub(super) fn row_stride(&self) -> usize {
        self.row_stride
    }

    /// Elements from one column to the next.
    #[inline]
    pub(super) fn col_stride(&self) -> usize {
        self.col_stride
    }

    /// The elements from the first one on, with all that lies between.
    #[inline]
    pub(super) fn data(&self) -> &'a [f32] {
        self.data
    }

    /// The part that lies in these rows and columns, which must exist.
    #[inline]
    pub(super) fn block(&self, rows: Range<usize>, cols: Range<usize>) -> Mat<'a> {
        debug_assert!(rows.end <= self.rows && cols.end <= self.cols);
        let start = rows.start * self.row_stride + cols.start * self.col_stride;
        Mat { data: &self.data[start..], rows: rows.len(), cols: cols.len(), ..*self }
    }
}

impl std::fmt::Debug for Mat<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Mat {}×{} (strides {}, {})",
            self.rows, self.cols, self.row_stride, self.col_stride
        )
    }
}

/// A row-major matrix to write.
pub struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

impl<'a> MatMut<'a> {
    /// A contiguous matrix.
    #[track_caller]
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        Self::with_row_stride(data, rows, cols, cols)
    }

    /// A matrix whose rows begin `row_stride` elements apart; what lies between is left alone.
    #[track_caller]
    pub fn with_row_stride(
        data: &'a mut [f32],
        rows: usize,
        cols: usize,
        row_stride: usize,
    ) -> Self {
        assert!(row_stride >= cols, "MatMut: row stride {row_stride} below {cols} columns");
        let needed = elements(rows, cols, row_stride);
        assert!(data.len() >= needed, "MatMut: {rows}×{cols} needs {needed}, not {}", data.len());
        Self { data, rows, cols, row_stride }
    }

    /// Each row, to write to.
    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let cols = self.cols;
        self.data
            .chunks_mut(self.row_stride.max(1))
            .take(self.rows)
            .map(move |row| &mut row[..cols])
    }

    /// Where the elements are and how far apart the rows begin, for the kernels.
    pub(super) fn into_raw(self) -> (*mut f32, usize) {
        (self.data.as_mut_ptr(), self.row_stride)
    }
}

impl std::fmt::Debug for MatMut<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MatMut {}×{} (row stride {})", self.rows, self.cols, self.row_stride)
    }
}

/// C ← A·B, or C ← C + A·B if `accumulate`, in parallel. A is (M, K), B is (K, N), C is (M, N).
#[track_caller]
pub fn gemm(context: Context, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
    run(context, a, b, c, accumulate, true);
}

/// The same, with the same bits, on the calling thread alone, for products that are parallel on the outside.
#[track_caller]
pub fn gemm_serial(context: Context, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
    run(context, a, b, c, accumulate, false);
}

/// Products with fewer multiplications than this are not worth waking other threads (some 20 µs of work).
const SMALLEST_PARALLEL: usize = 1 << 18;

#[track_caller]
fn run(
    context: Context,
    a: Mat<'_>,
    b: Mat<'_>,
    mut c: MatMut<'_>,
    accumulate: bool,
    parallel: bool,
) {
    assert!(
        a.cols == b.rows && c.rows == a.rows && c.cols == b.cols,
        "gemm: shapes do not fit: A is {a:?}, B is {b:?}, C is {c:?}"
    );
    let (m, k, n) = (a.rows, a.cols, b.cols);
    if m == 0 || n == 0 {
        return;
    }
    if k == 0 {
        if !accumulate {
            c.rows_mut().for_each(|row| row.fill(0.0));
        }
        return;
    }
    let parallel = parallel
        && m.saturating_mul(n).saturating_mul(k) >= SMALLEST_PARALLEL
        && rayon::current_num_threads() > 1;
    let round = context.precision == Precision::Bf16;
    if skinny::takes(a, b) {
        skinny::gemm(context.kernels, round, a, b, c, accumulate, parallel);
    } else {
        let kernels = context.kernels;
        let table = match &kernels.gemm_bf16 {
            Some(bf16) if round => bf16,
            _ => &kernels.gemm,
        };
        blocked::gemm(table, round, a, b, c, accumulate, parallel);
    }
}
