//! Products for which packing A would cost as much as multiplying by it, as in the heads of
//! attention: the micro-kernel reads A where it is. B has few columns and is read where it is too,
//! or it was packed before, for several products.

use crate::isa::{GemmKernel, Job, MAX_TILE, MicroKernel, Strides, store_row};
use crate::matrix::view::View;
use crate::matrix::{Elements, Mat, MatMut};
use crate::{Context, Precision};

/// The most columns of a B that is not packed.
const MOST_COLS: usize = 64;

/// The micro-kernel and the operands, if the product of `a` and `b` is one for this module: C
/// consists of whole tiles in a row, though not down a column, and nothing is to be rounded.
pub(super) fn takes<'a>(
    context: Context,
    a: Mat<'a>,
    b: Mat<'a>,
) -> Option<(MicroKernel, View<'a, f32>, View<'a, f32>)> {
    let (direct, a) = takes_rows(context, a)?;
    let Elements::F32(b) = b.0 else { return None };
    let whole = b.cols().is_multiple_of(context.kernels.gemm.nr);
    let fits = whole && b.cols() <= MOST_COLS && b.col_stride() == 1;
    fits.then_some((direct, a, b))
}

/// The micro-kernel and A, if it may be read where it is while B is packed.
pub(super) fn takes_rows(context: Context, a: Mat<'_>) -> Option<(MicroKernel, View<'_, f32>)> {
    let Elements::F32(a) = a.0 else { return None };
    let table = &context.kernels.gemm;
    let fits = context.precision == Precision::F32 && a.rows() >= table.mr;
    table.direct.filter(|_| fits).map(|direct| (direct, a))
}

/// C ← (C +) A·B for operands that this module [`takes`], no size of which is 0, with the bits of a
/// packed product.
pub(super) fn gemm(
    table: &GemmKernel,
    (direct, a, b): (MicroKernel, View<'_, f32>, View<'_, f32>),
    c: MatMut<'_>,
    accumulate: bool,
) {
    let panel = |first: usize, terms: usize, j: usize| {
        b.block(first..first + terms, j..j + table.nr).data()
    };
    run(table, (direct, a), (panel, b.row_stride()), c, accumulate);
}

/// C ← (C +) A·B. `panel` gives the elements of B from a term on, for so many terms, from a column
/// on: `nr` of each term side by side, `b_term` from one term to the next. No size is 0, and A has
/// `mr` rows at least.
pub(super) fn run<'b>(
    table: &GemmKernel,
    (direct, a): (MicroKernel, View<'_, f32>),
    (panel, b_term): (impl Fn(usize, usize, usize) -> &'b [f32], usize),
    c: MatMut<'_>,
    accumulate: bool,
) {
    let &GemmKernel { mr, nr, kc, .. } = table;
    let (m, k, n) = (a.rows(), a.cols(), c.cols());
    let (c, c_row) = c.into_raw();
    let strides = Strides { a_row: a.row_stride(), a_term: a.col_stride(), b_term, c_row };
    for first in (0..k).step_by(kc) {
        let terms = first..k.min(first + kc);
        let accumulate = accumulate || first > 0;
        for j in (0..n).step_by(nr) {
            let b = panel(first, terms.len(), j);
            assert!(
                b.len() >= (terms.len() - 1) * b_term + nr,
                "direct: B ends before its last term"
            );
            let (b, cols) = (b.as_ptr(), nr.min(n - j));
            for i in (0..m).step_by(mr) {
                // The last rows are computed together with some above them.
                let start = i.min(m - mr);
                let a = a.block(start..start + mr, terms.clone()).data().as_ptr();
                let k = terms.len();
                if start == i && cols == nr {
                    // SAFETY: whoever holds a table may use its instruction set; the blocks of A
                    // and B exist, and so does the tile of C, whose shape the caller has checked.
                    unsafe {
                        direct(Job { k, a, b, c: c.add(i * c_row + j), strides, accumulate })
                    };
                    continue;
                }
                let mut tile = [0.0; MAX_TILE];
                let (c_tile, strides) = (tile.as_mut_ptr(), Strides { c_row: nr, ..strides });
                // SAFETY: as above, but the tile is a local one of mr·nr elements.
                unsafe { direct(Job { k, a, b, c: c_tile, strides, accumulate: false }) };
                let rows = i..m.min(start + mr);
                for (i, sums) in rows.zip(tile.chunks_exact(nr).skip(i - start)) {
                    // SAFETY: these columns of this row lie in C, which is ours.
                    let c = unsafe { std::slice::from_raw_parts_mut(c.add(i * c_row + j), cols) };
                    store_row(c, sums, accumulate);
                }
            }
        }
    }
}
