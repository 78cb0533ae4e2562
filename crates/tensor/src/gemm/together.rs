//! Several products that share an operand or are summed, with the bits of products one by one.

use super::batched::Batch;
use super::driver::Product;
use super::plan::{Beta, Strategy, Threads, plan_together};
use super::single::gemm;
use crate::Context;
use crate::matrix::element::{DType, Element};
use crate::matrix::{Mat, MatMut};

/// Computes C_j ← A·B_j for every j; A is read and packed once for all of them.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sharing_a(context: Context, a: Mat<'_>, b: &[Mat<'_>], c: Vec<MatMut<'_>>) {
    let one = |a, b, c| gemm(context, a, b, c, Beta::Zero, Threads::All);
    sharing(context, &[a], b, c, one);
}

/// Computes C_i ← A_i·B for every i; B is read and packed once for all of them.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sharing_b(context: Context, a: &[Mat<'_>], b: Mat<'_>, c: Vec<MatMut<'_>>) {
    let one = |a, b, c| gemm(context, a, b, c, Beta::Zero, Threads::All);
    sharing(context, a, &[b], c, one);
}

/// Computes products that share the only A or the only B. `one` computes one of them if they are
/// not packed together.
#[track_caller]
pub(super) fn sharing<'a, E: Element>(
    context: Context,
    a: &[Mat<'a>],
    b: &[Mat<'a>],
    c: Vec<MatMut<'a, E>>,
    one: impl Fn(Mat<'a>, Mat<'a>, MatMut<'a, E>),
) {
    let count = if a.len() == 1 { b.len() } else { a.len() };
    assert_eq!(count, c.len(), "gemm: matrices C for products of {a:?} and {b:?}");
    let products = a.iter().copied().cycle().zip(b.iter().copied().cycle()).take(count);
    match plan_together(context, products.clone(), E::DTYPE) {
        Some(Strategy { method, threads }) => {
            Product::new(context, Batch::new(a, b, c), Beta::Zero, threads).run(method);
        }
        None => products.zip(c).for_each(|((a, b), c)| one(a, b, c)),
    }
}

/// Computes C ← Σ A_l·B_l + β·C. Products are added one by one from the first on, with C in cache.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sum(context: Context, a: &[Mat<'_>], b: &[Mat<'_>], mut c: MatMut<'_>, beta: Beta) {
    assert_eq!(a.len(), b.len(), "gemm_sum: matrices A and B");
    let products = a.iter().copied().zip(b.iter().copied());
    match plan_together(context, products.clone(), DType::F32) {
        Some(Strategy { method, threads }) => {
            let batch = Batch::new(a, b, vec![c]);
            Product::new(context, batch, beta, threads).run(method);
        }
        None => {
            beta.scale(&mut c);
            for (a, b) in products {
                gemm(context, a, b, c.reborrow(), Beta::One, Threads::All);
            }
        }
    }
}
