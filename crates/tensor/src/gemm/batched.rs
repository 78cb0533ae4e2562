//! Products of block matrices: A consists of matrices itself, and so do B and C.
//!
//! Three cases occur: A times a row of matrices, a column of matrices times B, and a row of
//! matrices times a column of them, which is a sum.

use crate::matrix::{Mat, MatMut};
use half::bf16;
use std::marker::PhantomData;
use std::ops::Range;

/// C_ij = Σ_l A_il·B_lj, where one of the indices at most has more than one value.
pub(super) struct Grid<'a> {
    a: Vec<Mat<'a>>,
    b: Vec<Mat<'a>>,
    c: Vec<Target>,
    writes: PhantomData<&'a mut ()>,
}

/// An element of C.
#[derive(Clone, Copy)]
pub(super) enum Place {
    F32(*mut f32),
    /// A whole sum is rounded when it is written.
    Bf16(*mut bf16),
}

/// Where a matrix of C lies. The tiles that threads write to are disjoint.
struct Target {
    start: Place,
    row_stride: usize,
    rows: usize,
    cols: usize,
}

// SAFETY: the pointers come from `MatMut`s, which the grid holds on to as long as it lives, and
// each thread writes to tiles of its own.
unsafe impl Send for Target {}
// SAFETY: as above.
unsafe impl Sync for Target {}

#[track_caller]
pub(super) fn assert_shapes<E>(a: Mat<'_>, b: Mat<'_>, c: &MatMut<'_, E>) {
    assert!(
        a.cols() == b.rows() && c.rows() == a.rows() && c.cols() == b.cols(),
        "gemm: shapes do not fit: A is {a:?}, B is {b:?}, C is {c:?}"
    );
}

impl<'a> Grid<'a> {
    /// One matrix A and as many B as C, or one B and as many A as C, or one C and as many A as B.
    #[track_caller]
    pub(super) fn new(a: &[Mat<'a>], b: &[Mat<'a>], c: Vec<MatMut<'a>>) -> Self {
        Self::with(a, b, c, Place::F32)
    }

    /// The same with C to be rounded.
    #[track_caller]
    pub(super) fn rounded(a: &[Mat<'a>], b: &[Mat<'a>], c: Vec<MatMut<'a, bf16>>) -> Self {
        Self::with(a, b, c, Place::Bf16)
    }

    #[track_caller]
    fn with<E>(
        a: &[Mat<'a>],
        b: &[Mat<'a>],
        c: Vec<MatMut<'a, E>>,
        place: impl Fn(*mut E) -> Place,
    ) -> Self {
        let products = a.len().max(b.len());
        let at = |len: usize, index: usize| if len == 1 { 0 } else { index };
        for index in 0..products {
            let c = &c[at(c.len(), index)];
            assert_shapes(a[at(a.len(), index)], b[at(b.len(), index)], c);
        }
        let target = |c: MatMut<'a, E>| {
            let (rows, cols) = (c.rows(), c.cols());
            let (start, row_stride) = c.into_raw();
            Target { start: place(start), row_stride, rows, cols }
        };
        let c = c.into_iter().map(target).collect();
        Self { a: a.to_vec(), b: b.to_vec(), c, writes: PhantomData }
    }

    /// Whether the products are summed up.
    fn is_sum(&self) -> bool {
        self.c.len() == 1
    }

    /// The rows of the matrices that A and C consist of, from the top.
    pub(super) fn rows(&self) -> impl Iterator<Item = usize> {
        let parts = if self.is_sum() { 1 } else { self.a.len() };
        self.a[..parts].iter().map(Mat::rows)
    }

    /// The columns of the matrices that B and C consist of, from the left.
    pub(super) fn cols(&self) -> impl Iterator<Item = usize> {
        let parts = if self.is_sum() { 1 } else { self.b.len() };
        self.b[..parts].iter().map(Mat::cols)
    }

    /// The terms of each of the products that are summed up.
    pub(super) fn terms(&self) -> impl Iterator<Item = usize> {
        let parts = if self.is_sum() { self.a.len() } else { 1 };
        self.a[..parts].iter().map(Mat::cols)
    }

    /// Whether C is to be rounded.
    pub(super) fn is_rounded(&self) -> bool {
        self.c.iter().any(|c| matches!(c.start, Place::Bf16(_)))
    }

    /// All multiplications of all products.
    pub(super) fn multiplications(&self) -> usize {
        let sum = |sizes: &mut dyn Iterator<Item = usize>| sizes.fold(0, usize::saturating_add);
        let (m, n, k) = (sum(&mut self.rows()), sum(&mut self.cols()), sum(&mut self.terms()));
        m.saturating_mul(n).saturating_mul(k)
    }

    /// A_il.
    pub(super) fn a(&self, i: usize, l: usize) -> Mat<'a> {
        self.a[i + l]
    }

    /// B_lj.
    pub(super) fn b(&self, l: usize, j: usize) -> Mat<'a> {
        self.b[l + j]
    }

    /// A part of C_ij, which must lie in it: its first element, and the elements from one row to
    /// the next.
    pub(super) fn c(
        &self,
        (i, j): (usize, usize),
        rows: &Range<usize>,
        cols: &Range<usize>,
    ) -> (Place, usize) {
        let c = &self.c[i + j];
        assert!(
            rows.end <= c.rows && cols.end <= c.cols,
            "grid: rows {rows:?} and columns {cols:?} of a C of {}×{}",
            c.rows,
            c.cols
        );
        let first = rows.start * c.row_stride + cols.start;
        let place = match c.start {
            // SAFETY: the element lies in C_ij, as its first row and column do.
            Place::F32(start) => Place::F32(unsafe { start.add(first) }),
            // SAFETY: as above.
            Place::Bf16(start) => Place::Bf16(unsafe { start.add(first) }),
        };
        (place, c.row_stride)
    }
}
