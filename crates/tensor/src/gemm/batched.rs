//! Block matrices: A consists of matrices itself, and so do B and C, so that several products are
//! one.
//!
//! Three cases occur: A times a row of matrices (B_1 B_2 …), which gives a row of products; a
//! column of matrices (A_1; A_2; …) times B, which gives a column; and a row of matrices times a
//! column of them, which gives a sum. A single product is any of them with one matrix each.

use crate::matrix::element::{DType, Element};
use crate::matrix::{Mat, MatMut};
use std::marker::PhantomData;
use std::ops::Range;

/// C_ij = Σ_l A_il·B_lj, where at most one of the indices has more than one value.
pub(super) struct Batch<'a> {
    a: Vec<Mat<'a>>,
    b: Vec<Mat<'a>>,
    c: Vec<Target>,
    writes: PhantomData<&'a mut ()>,
}

/// A matrix of C. Threads write to disjoint tiles of it.
struct Target {
    /// The first element, of type `dtype`. A whole sum is rounded to bf16 when it is written.
    start: *mut u8,
    dtype: DType,
    row_stride: usize,
    rows: usize,
    cols: usize,
}

// SAFETY: the pointers come from `MatMut`s, which the batch holds on to as long as it lives, and
// no two threads write to the same tile.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

#[track_caller]
pub(super) fn assert_shapes<E>(a: Mat<'_>, b: Mat<'_>, c: &MatMut<'_, E>) {
    assert!(
        a.cols() == b.rows() && c.rows == a.rows() && c.cols == b.cols(),
        "gemm: shapes do not fit: A is {a:?}, B is {b:?}, C is {c:?}"
    );
}

impl<'a> Batch<'a> {
    /// Returns one matrix A and as many B as C, or one B and as many A as C, or one C and as many A
    /// as B.
    #[track_caller]
    pub(super) fn new<E: Element>(a: &[Mat<'a>], b: &[Mat<'a>], c: Vec<MatMut<'a, E>>) -> Self {
        // Of A, B and C, whichever is one matrix belongs to every product, and `cycle` repeats it.
        // A sum has more A and B than C, so that the number of products is that of A or of B.
        let operands = a.iter().cycle().zip(b.iter().cycle());
        for ((&a, &b), c) in operands.zip(c.iter().cycle()).take(a.len().max(b.len())) {
            assert_shapes(a, b, c);
        }
        // The pointers forget their type, so that the driver is compiled once for results of both
        // types.
        let target = |c: MatMut<'a, E>| {
            let (rows, cols) = (c.rows, c.cols);
            let (start, row_stride) = c.into_raw();
            Target { start: start.cast(), dtype: E::DTYPE, row_stride, rows, cols }
        };
        let c = c.into_iter().map(target).collect();
        Self { a: a.to_vec(), b: b.to_vec(), c, writes: PhantomData }
    }

    /// Returns `true` if the products are summed.
    fn is_sum(&self) -> bool {
        // One A and one B with one C count as a sum of one product, which comes to the same.
        self.c.len() == 1
    }

    /// Returns the rows of the matrices that A and C consist of, from the top.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        // The A of a sum stand side by side and share their rows. Otherwise they stand one below
        // the other, or A is one matrix.
        let parts = if self.is_sum() { 1 } else { self.a.len() };
        self.a[..parts].iter().map(Mat::rows)
    }

    /// Returns the columns of the matrices that B and C consist of, from the left.
    pub(super) fn cols(&self) -> impl Iterator<Item = usize> {
        // The B of a sum stand one below the other and share their columns.
        let parts = if self.is_sum() { 1 } else { self.b.len() };
        self.b[..parts].iter().map(Mat::cols)
    }

    /// Returns the K of each of the products that are summed.
    pub(super) fn depths(&self) -> impl Iterator<Item = usize> {
        // Products that are not summed have one K: they share A or B.
        let parts = if self.is_sum() { self.a.len() } else { 1 };
        self.a[..parts].iter().map(Mat::cols)
    }

    /// Returns `true` if results are rounded to bf16.
    pub(super) fn is_rounded(&self) -> bool {
        self.c.iter().any(|c| c.dtype == DType::Bf16)
    }

    /// Returns A_il.
    pub(super) fn a(&self, i: usize, l: usize) -> Mat<'a> {
        // At most one of the indices has more than one value, so that of any two at least one is 0,
        // and their sum is the index into the list.
        self.a[i + l]
    }

    /// Returns B_lj.
    pub(super) fn b(&self, l: usize, j: usize) -> Mat<'a> {
        self.b[l + j]
    }

    /// Returns the first element of a part of C_ij, which must lie in it, and the elements from one
    /// row to the next. They are bf16 if [`Batch::is_rounded`], `f32` otherwise.
    pub(super) fn c(
        &self,
        i: usize,
        j: usize,
        rows: &Range<usize>,
        cols: &Range<usize>,
    ) -> (*mut u8, usize) {
        let c = &self.c[i + j];
        assert!(
            rows.end <= c.rows && cols.end <= c.cols,
            "batch: rows {rows:?} and columns {cols:?} of a C of {}×{}",
            c.rows,
            c.cols
        );
        let first = rows.start * c.row_stride + cols.start;
        // SAFETY: the element lies in C_ij, as its first row and column do.
        (unsafe { c.start.add(first * c.dtype.size()) }, c.row_stride)
    }
}
