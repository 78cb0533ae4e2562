//! Products by a weight in 8 bits, which is widened to `f32` panel by panel, where panels are
//! packed: no more than a slab of it exists in `f32` at a time.

use super::batched::Batch;
use super::driver::Product;
use super::plan::{Beta, Method, Operands, Order, Strategy, Threads, plan};
use crate::matrix::element::DType;
use crate::matrix::int8::Int8Matrix;
use crate::matrix::{Mat, MatMut};
use crate::{Context, Precision};

/// Computes C ← A·Wᵀ for A (M, K), a weight W (N, K) in 8 bits and C (M, N), in `f32`, with the
/// bits of the product by the widened weight.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_int8(context: Context, a: Mat<'_>, w: &Int8Matrix, mut c: MatMut<'_>) {
    let (m, k, n) = (a.rows(), w.inputs(), w.outputs());
    assert!(
        a.cols() == k && c.rows == m && c.cols == n,
        "gemm_int8: A is {a:?}, the weight ({n}, {k}), C is {c:?}"
    );
    let context = context.with_precision(Precision::F32);
    let (b, b_order) = (DType::F32, Order::Int8);
    let operands = Operands { m, k, n, a: a.dtype(), b, b_order };
    let Strategy { method, threads } = plan(context, operands, Threads::All);
    match method {
        Method::Empty => Beta::Zero.scale(&mut c),
        _ => Product::new(context, Batch::by_int8(a, w, c), Beta::Zero, threads).run(method),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gemm::{Beta, gemm};
    use crate::{isa, testing};

    #[test]
    fn the_product_has_the_bits_of_that_by_the_widened_weight() {
        for kernels in isa::available() {
            let context = Context::detect().with_kernels(kernels);
            let most = kernels.gemm.mc + 3;
            for (m, k, n) in [
                (1, 32, 16),
                (5, 600, 70),
                (3, 33, 17),
                (most, 530, 1000),
                (2, 1, 1),
                (0, 32, 16),
                (3, 0, 16),
            ] {
                let a = testing::random(&[m, k], 1);
                let w = Int8Matrix::quantize(context, &testing::random(&[n, k], 2)).unwrap();
                let mut found = vec![f32::NAN; m * n];
                gemm_int8(context, a.matrix(), &w, MatMut::new(&mut found, m, n));
                let (wide, mut expected) = (w.dequantize(), vec![f32::NAN; m * n]);
                let c = MatMut::new(&mut expected, m, n);
                gemm(context, a.matrix(), wide.matrix().t(), c, Beta::Zero, Threads::All);
                assert!(found == expected, "{kernels:?} {m}×{k}×{n}");
            }
        }
    }

    #[test]
    #[should_panic(expected = "gemm_int8: A is")]
    fn sizes_that_do_not_fit_are_refused() {
        let context = Context::detect();
        let w = Int8Matrix::quantize(context, &testing::random(&[8, 4], 2)).unwrap();
        let (a, mut c) = ([0.0; 10], [0.0; 16]);
        gemm_int8(context, Mat::new(&a, 2, 5), &w, MatMut::new(&mut c, 2, 8));
    }
}
