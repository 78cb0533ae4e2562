//! Matrix products C ← A·B or C ← C + A·B.
//!
//! Each element of C is one sum in one order, which the shape and the kernel table fix: the number
//! of threads and the way the work was cut have no influence on any bit.

#![allow(unsafe_code)]

mod batched;
pub(crate) mod column_blocks;
mod driver;
mod gemv;
pub mod naive;
pub(crate) mod panels;
mod partition;
pub(crate) mod rounded;
#[cfg(test)]
mod tests;
mod unpacked;

pub use crate::matrix::{Mat, MatMut};

use self::batched::Grid;
use self::driver::Product;
use crate::isa::GemmKernel;
use crate::{Context, Precision};

/// C ← A·B, or C ← C + A·B if `accumulate`, in parallel. A is (M, K), B is (K, N), C is (M, N).
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm(context: Context, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
    run(context, a, b, c, accumulate, true);
}

/// The same, with the same bits, on the calling thread alone, for products that are parallel on the
/// outside.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_serial(context: Context, a: Mat<'_>, b: Mat<'_>, c: MatMut<'_>, accumulate: bool) {
    run(context, a, b, c, accumulate, false);
}

/// C_j ← A·B_j for every j, with the bits of products one by one; A is read and packed for all of
/// them at once.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sharing_a(context: Context, a: Mat<'_>, b: &[Mat<'_>], c: Vec<MatMut<'_>>) {
    assert_eq!(b.len(), c.len(), "gemm_sharing_a: matrices B and C");
    if !b.is_empty() && b.iter().all(|&b| is_packed(a, b)) {
        packed(context, Grid::new(&[a], b, c), false, true);
    } else {
        b.iter().zip(c).for_each(|(&b, c)| gemm(context, a, b, c, false));
    }
}

/// C_i ← A_i·B for every i, with the bits of products one by one; B is read and packed for all of
/// them at once.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sharing_b(context: Context, a: &[Mat<'_>], b: Mat<'_>, c: Vec<MatMut<'_>>) {
    assert_eq!(a.len(), c.len(), "gemm_sharing_b: matrices A and C");
    if !a.is_empty() && a.iter().all(|&a| is_packed(a, b)) {
        packed(context, Grid::new(a, &[b], c), false, true);
    } else {
        a.iter().zip(c).for_each(|(&a, c)| gemm(context, a, b, c, false));
    }
}

/// C ← Σ A_l·B_l, or C ← C + Σ A_l·B_l if `accumulate`, with the bits of products that are added to
/// C one by one, from the first on; C stays in cache meanwhile.
///
/// # Panics
/// If sizes do not fit.
#[track_caller]
pub fn gemm_sum(
    context: Context,
    a: &[Mat<'_>],
    b: &[Mat<'_>],
    mut c: MatMut<'_>,
    accumulate: bool,
) {
    assert_eq!(a.len(), b.len(), "gemm_sum: matrices A and B");
    if !a.is_empty() && a.iter().zip(b).all(|(&a, &b)| is_packed(a, b)) {
        return packed(context, Grid::new(a, b, vec![c]), accumulate, true);
    }
    if !accumulate {
        c.rows_mut().for_each(|row| row.fill(0.0));
    }
    a.iter().zip(b).for_each(|(&a, &b)| gemm(context, a, b, c.reborrow(), true));
}

/// Whether the product is one for packed panels: it is not empty, and A has enough rows.
fn is_packed(a: Mat<'_>, b: Mat<'_>) -> bool {
    a.rows() > 0 && a.cols() > 0 && b.cols() > 0 && !gemv::takes(a, b)
}

/// Products with fewer multiplications than this are not worth waking other threads (some 20 µs of
/// work).
const SMALLEST_PARALLEL: usize = 1 << 18;

fn is_worth_waking(work: usize) -> bool {
    work >= SMALLEST_PARALLEL && rayon::current_num_threads() > 1
}

#[track_caller]
fn run(
    context: Context,
    a: Mat<'_>,
    b: Mat<'_>,
    mut c: MatMut<'_>,
    accumulate: bool,
    parallel: bool,
) {
    batched::assert_shapes(a, b, &c);
    if is_packed(a, b) {
        let direct = if parallel { None } else { unpacked::takes(context, a, b) };
        return match direct {
            Some(operands) => unpacked::gemm(&context.kernels.gemm, operands, c, accumulate),
            None => packed(context, Grid::new(&[a], &[b], vec![c]), accumulate, parallel),
        };
    }
    if a.cols() == 0 && !accumulate {
        c.rows_mut().for_each(|row| row.fill(0.0));
    }
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    if m > 0 && k > 0 && n > 0 {
        let round = context.precision == Precision::Bf16;
        let parallel = parallel && is_worth_waking(m.saturating_mul(n).saturating_mul(k));
        gemv::gemm(context.kernels, round, a, b, c, accumulate, parallel);
    }
}

/// The micro-kernel and its packing.
fn table(context: Context) -> &'static GemmKernel {
    match &context.kernels.gemm_bf16 {
        Some(bf16) if context.precision == Precision::Bf16 => bf16,
        _ => &context.kernels.gemm,
    }
}

/// `rows`, or a few more that make the last tile of the micro-kernel whole, for matrices A that are
/// cut anyway.
pub fn whole_tiles(context: Context, rows: usize) -> usize {
    rows.next_multiple_of(table(context).mr)
}

/// Products in blocks, by packed panels.
fn packed(context: Context, grid: Grid<'_>, accumulate: bool, parallel: bool) {
    let parallel = parallel && is_worth_waking(grid.multiplications());
    Product { context, table: table(context), grid, accumulate, parallel }.run();
}
