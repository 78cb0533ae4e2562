//! Several products that share an operand or are summed, with the bits of products one by one.

use super::batched::Batch;
use super::driver::Product;
use super::plan::{Beta, Threads, Together, plan_together};
use super::single::gemm;
use crate::Context;
use crate::matrix::element::DType;
use crate::matrix::{Mat, MatMut};
use std::iter::zip;

/// C_j ← A·B_j for every j; A is read and packed once for all of them.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sharing_a(context: Context, a: Mat<'_>, b: &[Mat<'_>], c: Vec<MatMut<'_>>) {
    assert_eq!(b.len(), c.len(), "gemm_sharing_a: matrices B and C");
    match plan_together(context, b.iter().map(|&b| (a, b)), DType::F32) {
        Together::Packed(threads) => {
            Product::new(context, Batch::new(&[a], b, c), Beta::Zero, threads).run();
        }
        Together::OneByOne => {
            zip(b, c).for_each(|(&b, c)| gemm(context, a, b, c, Beta::Zero, Threads::All));
        }
    }
}

/// C_i ← A_i·B for every i; B is read and packed once for all of them.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sharing_b(context: Context, a: &[Mat<'_>], b: Mat<'_>, c: Vec<MatMut<'_>>) {
    assert_eq!(a.len(), c.len(), "gemm_sharing_b: matrices A and C");
    match plan_together(context, a.iter().map(|&a| (a, b)), DType::F32) {
        Together::Packed(threads) => {
            Product::new(context, Batch::new(a, &[b], c), Beta::Zero, threads).run();
        }
        Together::OneByOne => {
            zip(a, c).for_each(|(&a, c)| gemm(context, a, b, c, Beta::Zero, Threads::All));
        }
    }
}

/// C ← Σ A_l·B_l + β·C, added to C one by one from the first on; C stays in cache meanwhile.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sum(context: Context, a: &[Mat<'_>], b: &[Mat<'_>], mut c: MatMut<'_>, beta: Beta) {
    assert_eq!(a.len(), b.len(), "gemm_sum: matrices A and B");
    let products = a.iter().copied().zip(b.iter().copied());
    match plan_together(context, products.clone(), DType::F32) {
        Together::Packed(threads) => {
            Product::new(context, Batch::new(a, b, vec![c]), beta, threads).run();
        }
        Together::OneByOne => {
            beta.scale(&mut c);
            for (a, b) in products {
                gemm(context, a, b, c.reborrow(), Beta::One, Threads::All);
            }
        }
    }
}
