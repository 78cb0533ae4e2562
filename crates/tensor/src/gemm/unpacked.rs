//! Products for which packing A would cost as much as multiplying by it, as in the heads of
//! attention: the micro-kernel reads A where it is. B has few columns and is read where it is too,
//! or it was packed before, for several products.

use super::plan::Beta;
use crate::isa::{GemmKernel, Job, Strides};
use crate::matrix::{AnyView, Mat, MatMut};

/// Computes a product that [`plan`](super::plan) wants [`Unpacked`](super::plan::Method::Unpacked)
/// with a B that is not packed, with the bits of a packed product.
pub(super) fn gemm(table: &GemmKernel, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, beta: Beta) {
    let AnyView::F32(b) = b.0 else { unreachable!("planned for operands in f32") };
    let panel = |first: usize, k: usize, j: usize| b.block(first..first + k, j..j + table.nr).data;
    run(table, a, panel, b.row_stride, c, beta);
}

/// Computes a product that is planned to be [`Unpacked`](super::plan::Method::Unpacked), of any B:
/// `panel(p, k, j)` returns the elements of rows p to p + k from column j on, of each row `nr` side
/// by side, `b_row` from one row to the next.
pub(super) fn run<'b>(
    table: &GemmKernel,
    a: Mat<'_>,
    panel: impl Fn(usize, usize, usize) -> &'b [f32],
    b_row: usize,
    c: MatMut<'_>,
    beta: Beta,
) {
    let (Some(micro), AnyView::F32(a)) = (table.unpacked, a.0) else {
        unreachable!("planned for a table with a micro-kernel for it, and operands in f32")
    };
    let &GemmKernel { mr, nr, kc, .. } = table;
    let (m, k, n) = (a.rows, a.cols, c.cols);
    let (c, c_row) = c.into_raw();
    let strides = Strides { a_row: a.row_stride, a_col: a.col_stride, b_row, c_row };
    // Loops 4, 2 and 1 of `driver`: with one block of A and no slabs of B there is nothing for 5
    // and 3. The blocks of K are the same, and so is the order of every sum.
    for first in (0..k).step_by(kc) {
        let block = first..k.min(first + kc);
        let accumulate = beta == Beta::One || first > 0;
        for j in (0..n).step_by(nr) {
            let b = panel(first, block.len(), j);
            assert!(
                b.len() >= (block.len() - 1) * b_row + nr,
                "unpacked: B ends before its last row"
            );
            let cols = nr.min(n - j);
            for i in (0..m).step_by(mr) {
                // The last rows may be fewer than a tile has: it is moved up, over rows that are
                // computed already, and only the last rows of it are written.
                let start = i.min(m - mr);
                let a = a.block(start..start + mr, block.clone()).data.as_ptr();
                // SAFETY: whoever holds a table may use its instruction set; the blocks of A and B
                // exist, and so do these rows and columns of C, whose shape was checked, and which
                // is ours.
                unsafe {
                    let (b, c) = (b.as_ptr(), c.add(i * c_row + j));
                    let job = Job { k: block.len(), a, b, c, strides, accumulate };
                    table.run_part((mr, micro), job, i - start..mr, cols);
                }
            }
        }
    }
}
