//! The definition of a matrix product, in the plainest words: what the kernels are tested against.

use crate::matrix::Mat;

/// A·B in f64, row-major. A is (M, K), B is (K, N).
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_naive(a: Mat<'_>, b: Mat<'_>) -> Vec<f64> {
    assert_eq!(
        a.cols(),
        b.rows(),
        "gemm_naive: {}×{} · {}×{}",
        a.rows(),
        a.cols(),
        b.rows(),
        b.cols()
    );
    let mut c = Vec::with_capacity(a.rows() * b.cols());
    for i in 0..a.rows() {
        for j in 0..b.cols() {
            c.push((0..a.cols()).map(|k| f64::from(a.at(i, k)) * f64::from(b.at(k, j))).sum());
        }
    }
    c
}
