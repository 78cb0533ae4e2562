//! The definition of a matrix product, which all tests of the kernels compare with.

use crate::matrix::Mat;

/// Returns A·B in f64, row-major. A is (M, K), B is (K, N): c_ij = Σ_k a_ik·b_kj.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_naive(a: Mat<'_>, b: Mat<'_>) -> Vec<f64> {
    assert_eq!(a.cols(), b.rows(), "gemm_naive: A is {a:?}, B is {b:?}");
    let mut c = Vec::with_capacity(a.rows() * b.cols());
    for i in 0..a.rows() {
        for j in 0..b.cols() {
            c.push((0..a.cols()).map(|k| f64::from(a.at(i, k)) * f64::from(b.at(k, j))).sum());
        }
    }
    c
}
