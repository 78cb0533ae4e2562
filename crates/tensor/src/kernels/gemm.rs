//! Matrix products C ← A·B or C ← C + A·B.

use crate::Context;

/// A matrix to read: any strides, so that a transpose costs nothing.
#[derive(Clone, Copy, Debug)]
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
        let needed = if rows == 0 { 0 } else { (rows - 1) * row_stride + cols };
        assert!(data.len() >= needed, "Mat: {rows}×{cols} needs {needed} elements, not {}", data.len());
        Self { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transpose, without moving anything.
    pub fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }
}

/// A row-major matrix to write.
#[derive(Debug)]
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
    pub fn with_row_stride(data: &'a mut [f32], rows: usize, cols: usize, row_stride: usize) -> Self {
        assert!(row_stride >= cols, "MatMut: row stride {row_stride} below {cols} columns");
        let needed = if rows == 0 { 0 } else { (rows - 1) * row_stride + cols };
        assert!(data.len() >= needed, "MatMut: {rows}×{cols} needs {needed}, not {}", data.len());
        Self { data, rows, cols, row_stride }
    }
}

/// C ← A·B, or C ← C + A·B if `accumulate`, in parallel. A is (M, K), B is (K, N), C is (M, N).
#[track_caller]
pub fn gemm(context: Context, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
    gemm_serial(context, a, b, c, accumulate);
}

/// The same on the calling thread alone, for products that are parallel on the outside.
#[track_caller]
pub fn gemm_serial(_context: Context, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
    assert!(a.cols == b.rows && c.rows == a.rows && c.cols == b.cols, "gemm: {a:?} {b:?}");
    for i in 0..c.rows {
        let row = &mut c.data[i * c.row_stride..][..c.cols];
        if !accumulate {
            row.fill(0.0);
        }
        for (j, out) in row.iter_mut().enumerate() {
            for k in 0..a.cols {
                *out += a.data[i * a.row_stride + k * a.col_stride]
                    * b.data[k * b.row_stride + j * b.col_stride];
            }
        }
    }
}
