//! Products with results in bf16, each rounded when its whole sum is there: half as many bytes are
//! written, and read again, and the sums themselves stay in the first two levels of cache.

use super::batched::assert_shapes;
use super::plan::{Beta, Threads};
use super::single::gemm;
use super::together::sharing;
use crate::matrix::{Mat, MatMut, element};
use crate::memory::pool::Buffer;
use crate::{Context, vectorize};
use half::bf16;
use rayon::prelude::*;

/// Computes C_j ← A·B_j for every j, rounded, with the bits that rounding the results of
/// [`gemm_sharing_a`](super::gemm_sharing_a) gives.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_rounded(context: Context, a: Mat<'_>, b: &[Mat<'_>], c: Vec<MatMut<'_, bf16>>) {
    let one = |a, b, c| gemm_then_round(context, a, b, c);
    sharing(context, &[a], b, c, one);
}

#[track_caller]
fn gemm_then_round(context: Context, a: Mat<'_>, b: Mat<'_>, mut c: MatMut<'_, bf16>) {
    assert_shapes(a, b, &c);
    let MatMut { rows, cols, .. } = c;
    let mut sums = Buffer::scratch(rows * cols);
    let sums_mat = MatMut::new(sums.as_mut_slice(), rows, cols);
    gemm(context, a, b, sums_mat, Beta::Zero, Threads::All);
    let rows = c.rows_mut().zip(sums.as_slice().chunks_exact(cols.max(1)));
    rows.par_bridge().for_each(|(c, sums)| vectorize!(context.kernels, element::store(c, sums)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::gemm_sharing_a;
    use crate::isa::tests::model;
    use crate::testing;

    #[test]
    fn results_are_those_of_the_product_rounded() {
        for context in model::contexts() {
            let kernels = context.kernels;
            for (m, k, cols) in [
                (70, 64, &[33, 48][..]),
                (37, 1, &[5]),
                (200, 600, &[40, 2100, 1]),
                (96, 1024, &[70]),
                (50, 3000, &[30, 20]), // more blocks of K than are rounded at once
                (3, 64, &[33, 48]),    // few rows
                (20, 0, &[7]),
                (0, 5, &[7]),
                (20, 5, &[0, 6]),
            ] {
                let a = testing::random(&[m, k], 1);
                let b: Vec<_> =
                    cols.iter().zip(2..).map(|(&n, seed)| testing::random(&[n, k], seed)).collect();
                let b: Vec<_> = b.iter().map(|b| b.matrix().t()).collect();
                let mut sums: Vec<_> = cols.iter().map(|&n| vec![f32::NAN; m * n]).collect();
                let c = sums.iter_mut().zip(cols).map(|(c, &n)| MatMut::new(c, m, n));
                gemm_sharing_a(context, a.matrix(), &b, c.collect());
                let mut found: Vec<_> = cols.iter().map(|&n| vec![bf16::NAN; m * n]).collect();
                let c = found.iter_mut().zip(cols).map(|(c, &n)| MatMut::new(c, m, n));
                gemm_rounded(context, a.matrix(), &b, c.collect());
                for (sums, found) in sums.iter().zip(&found) {
                    let mut expected = vec![bf16::ZERO; sums.len()];
                    element::store(&mut expected, sums);
                    assert!(&expected == found, "{kernels:?} {m}×{k}×{cols:?}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "gemm: shapes do not fit")]
    fn sizes_that_do_not_fit_are_refused() {
        let (a, b) = (testing::random(&[8, 4], 1), testing::random(&[4, 8], 2));
        let mut c = [bf16::ZERO; 63];
        let c = vec![MatMut::new(&mut c, 9, 7)];
        gemm_rounded(Context::detect(), a.matrix(), &[b.matrix()], c);
    }
}
