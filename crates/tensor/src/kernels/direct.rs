//! Products with so few columns that packing A would cost as much as multiplying by it, as in the heads of attention:
//! the micro-kernel reads A and B where they are.

use super::gemm::{Mat, MatMut};
use super::{GemmKernel, MAX_TILE, MicroKernel, Strides, store_row};

/// The most columns of B and C.
const MOST_COLS: usize = 64;

/// The micro-kernel, if the product of `a` and `b` is one for this module: C consists of whole tiles in a row, though not
/// down a column.
pub(super) fn takes(table: &GemmKernel, a: Mat<'_>, b: Mat<'_>) -> Option<MicroKernel> {
    let whole = a.rows() >= table.mr && b.cols().is_multiple_of(table.nr);
    let fits = whole && b.cols() <= MOST_COLS && b.col_stride() == 1;
    table.direct.filter(|_| fits)
}

/// C ← (C +) A·B for shapes that this module [`takes`], none of whose sizes is 0, with the bits of a packed product.
pub(super) fn gemm(
    table: &GemmKernel,
    direct: MicroKernel,
    a: Mat<'_>,
    b: Mat<'_>,
    c: MatMut<'_>,
    accumulate: bool,
) {
    let &GemmKernel { mr, nr, kc, .. } = table;
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    let (c, c_row) = c.into_raw();
    let strides =
        Strides { a_row: a.row_stride(), a_term: a.col_stride(), b_term: b.row_stride(), c_row };
    for first in (0..k).step_by(kc) {
        let terms = first..k.min(first + kc);
        let accumulate = accumulate || first > 0;
        for j in (0..n).step_by(nr) {
            let b = b.block(terms.clone(), j..j + nr).data().as_ptr();
            for i in (0..m).step_by(mr) {
                // The last rows are computed together with some above them.
                let start = i.min(m - mr);
                let a = a.block(start..start + mr, terms.clone()).data().as_ptr();
                if start == i {
                    // SAFETY: whoever holds a table may use its instruction set; the blocks of A and B exist, and so
                    // does the tile of C, whose shape `run` has checked.
                    unsafe { direct(terms.len(), a, b, c.add(i * c_row + j), strides, accumulate) };
                    continue;
                }
                let mut tile = [0.0; MAX_TILE];
                let strides = Strides { c_row: nr, ..strides };
                // SAFETY: as above, but the tile is a local one of mr·nr elements.
                unsafe { direct(terms.len(), a, b, tile.as_mut_ptr(), strides, false) };
                for (i, sums) in (start..m).zip(tile.chunks_exact(nr)).skip(i - start) {
                    // SAFETY: these nr columns of this row lie in C, which is ours.
                    let c = unsafe { std::slice::from_raw_parts_mut(c.add(i * c_row + j), nr) };
                    store_row(c, sums, accumulate);
                }
            }
        }
    }
}
