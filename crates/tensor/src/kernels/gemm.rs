//! Matrix products C ← A·B or C ← C + A·B.
//!
//! Each element of C is one sum in one order, which the shape and the kernel table fix: the number of threads
//! and the way the work was cut have no influence on any bit.

use super::blocked::Product;
use super::grid::{self, Grid};
use super::{GemmKernel, direct, skinny};
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

    /// The first columns of a matrix that has as many at least.
    pub(crate) fn first_cols(self, cols: usize) -> Self {
        debug_assert!(cols <= self.cols);
        Self { cols, ..self }
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
    ///
    /// # Panics
    /// If `data` has fewer elements.
    #[track_caller]
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        Self::with_row_stride(data, rows, cols, cols)
    }

    /// A matrix whose rows begin `row_stride` elements apart; what lies between is left alone.
    ///
    /// # Panics
    /// If rows overlap, or `data` has too few elements.
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

    /// The same matrix, lent on.
    fn reborrow(&mut self) -> MatMut<'_> {
        MatMut { data: &mut *self.data, ..*self }
    }

    /// The number of rows.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub(super) fn cols(&self) -> usize {
        self.cols
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
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm(context: Context, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
    run(context, a, b, c, accumulate, true);
}

/// The same, with the same bits, on the calling thread alone, for products that are parallel on the outside.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_serial(context: Context, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
    run(context, a, b, c, accumulate, false);
}

/// C_j ← A·B_j for every j, with the bits of products one by one; A is read and packed for all of them at once.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sharing_a(context: Context, a: Mat<'_>, b: &[Mat<'_>], c: Vec<MatMut<'_>>) {
    assert_eq!(b.len(), c.len(), "gemm_sharing_a: matrices B and C");
    if !b.is_empty() && b.iter().all(|&b| is_packed(a, b)) {
        packed(context, Grid::new(&[a], b, c), false, true);
    } else {
        b.iter().zip(c).for_each(|(&b, c)| gemm(context, a, b, c, false));
    }
}

/// C_i ← A_i·B for every i, with the bits of products one by one; B is read and packed for all of them at once.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sharing_b(context: Context, a: &[Mat<'_>], b: Mat<'_>, c: Vec<MatMut<'_>>) {
    assert_eq!(a.len(), c.len(), "gemm_sharing_b: matrices A and C");
    if !a.is_empty() && a.iter().all(|&a| is_packed(a, b)) {
        packed(context, Grid::new(a, &[b], c), false, true);
    } else {
        a.iter().zip(c).for_each(|(&a, c)| gemm(context, a, b, c, false));
    }
}

/// C ← Σ A_l·B_l, or C ← C + Σ A_l·B_l if `accumulate`, with the bits of products that are added to C one by one,
/// from the first on; C stays in cache meanwhile.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sum(
    context: Context,
    a: &[Mat<'_>],
    b: &[Mat<'_>],
    mut c: MatMut<'_>,
    accumulate: bool,
) {
    assert_eq!(a.len(), b.len(), "gemm_sum: matrices A and B");
    if !a.is_empty() && a.iter().zip(b).all(|(&a, &b)| is_packed(a, b)) {
        return packed(context, Grid::new(a, b, vec![c]), accumulate, true);
    }
    if !accumulate {
        c.rows_mut().for_each(|row| row.fill(0.0));
    }
    a.iter().zip(b).for_each(|(&a, &b)| gemm(context, a, b, c.reborrow(), true));
}

/// Whether the product is one for packed panels: it is not empty, and A has enough rows.
fn is_packed(a: Mat<'_>, b: Mat<'_>) -> bool {
    a.rows > 0 && a.cols > 0 && b.cols > 0 && !skinny::takes(a, b)
}

/// Products with fewer multiplications than this are not worth waking other threads (some 20 µs of work).
const SMALLEST_PARALLEL: usize = 1 << 18;

fn is_worth_waking(work: usize) -> bool {
    work >= SMALLEST_PARALLEL && rayon::current_num_threads() > 1
}

#[track_caller]
fn run(
    context: Context,
    a: Mat<'_>,
    b: Mat<'_>,
    mut c: MatMut<'_>,
    accumulate: bool,
    parallel: bool,
) {
    grid::assert_shapes(a, b, &c);
    if is_packed(a, b) {
        let direct = if parallel || context.precision == Precision::Bf16 {
            None
        } else {
            direct::takes(&context.kernels.gemm, a, b)
        };
        return match direct {
            Some(kernel) => direct::gemm(&context.kernels.gemm, kernel, a, b, c, accumulate),
            None => packed(context, Grid::new(&[a], &[b], vec![c]), accumulate, parallel),
        };
    }
    if a.cols == 0 && !accumulate {
        c.rows_mut().for_each(|row| row.fill(0.0));
    }
    let (m, k, n) = (a.rows, a.cols, b.cols);
    if m > 0 && k > 0 && n > 0 {
        let round = context.precision == Precision::Bf16;
        let parallel = parallel && is_worth_waking(m.saturating_mul(n).saturating_mul(k));
        skinny::gemm(context.kernels, round, a, b, c, accumulate, parallel);
    }
}

/// The micro-kernel and its packing.
pub(super) fn table(context: Context) -> &'static GemmKernel {
    match &context.kernels.gemm_bf16 {
        Some(bf16) if context.precision == Precision::Bf16 => bf16,
        _ => &context.kernels.gemm,
    }
}

/// `rows`, or a few more that make the last tile of the micro-kernel whole, for matrices A that are cut anyway.
pub fn whole_tiles(context: Context, rows: usize) -> usize {
    rows.next_multiple_of(table(context).mr)
}

/// Products in blocks, by packed panels.
fn packed(context: Context, grid: Grid<'_>, accumulate: bool, parallel: bool) {
    let (table, round) = (table(context), context.precision == Precision::Bf16);
    let parallel = parallel && is_worth_waking(grid.multiplications());
    Product { table, round, grid, accumulate, parallel }.run();
}
