//! One product.

use super::batched::{Batch, assert_shapes};
use super::driver::Product;
use super::plan::{Beta, Method, Operands, Strategy, Threads, plan, table};
use super::unpacked;
use crate::Context;
use crate::matrix::{Mat, MatMut};

/// Computes C ← A·B + β·C for A (M, K), B (K, N) and C (M, N). `threads` changes no bit.
///
/// ```
/// use tensor::Context;
/// use tensor::gemm::{Beta, Mat, MatMut, Threads, gemm};
/// let (a, b) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0]);
/// let mut c = [0.5; 2];
/// let (a, b, c_mat) = (Mat::new(&a, 2, 2), Mat::new(&b, 2, 1), MatMut::new(&mut c, 2, 1));
/// gemm(Context::detect(), a, b, c_mat, Beta::One, Threads::All);
/// assert_eq!(c, [17.5, 39.5]);
/// ```
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm(
    context: Context,
    a: Mat<'_>,
    b: Mat<'_>,
    mut c: MatMut<'_>,
    beta: Beta,
    threads: Threads,
) {
    assert_shapes(a, b, &c);
    let Strategy { method, threads } = plan(context, Operands::of(a, b), threads);
    match method {
        Method::Empty => beta.scale(&mut c),
        Method::Unpacked => unpacked::gemm(&context.kernels.gemm, a, b, c, beta),
        Method::Streamed | Method::Packed => {
            let batch = Batch::new(&[a], &[b], vec![c]);
            Product::new(context, batch, beta, threads).run(method);
        }
    }
}

/// Returns `rows`, or the next larger number of rows that consists of whole tiles of the
/// micro-kernel, for matrices A that are split anyway.
pub fn whole_tiles(context: Context, rows: usize) -> usize {
    rows.next_multiple_of(table(context).mr)
}
