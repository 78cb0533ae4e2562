//! Plain Rust loops and functions that the compiler turns into vector code.
//!
//! All of them are `inline(always)`, so that inside [`vectorize!`](crate::vectorize) they are
//! compiled for the table's instruction set. None of them fuses a product with a sum, and every
//! reduction has one fixed order, so that the results have the same bits on every instruction set.

mod exp;
mod ordered_sums;

pub use exp::{exp, sigmoid};
pub use ordered_sums::{LANES, dot, dot_map, map_sum, max, sum, sum_squares};

/// Evaluates an expression, plain Rust, compiled for the instruction set of a kernel table, so that
/// its loops vectorise.
///
/// ```
/// # let (kernels, mut x) = (tensor::isa::active(), [1.0f32, 2.0]);
/// tensor::vectorize!(kernels, x.iter_mut().for_each(|x| *x *= 2.0));
/// # assert_eq!(x, [2.0, 4.0]);
/// ```
/// Code is compiled for an instruction set only where the compiler inlines it into a function that
/// has the set enabled, and it reliably inlines a closure only if the closure says so. The macro
/// writes that closure, so that no caller can forget the attribute and run scalar code. Functions
/// that the expression calls have to be `#[inline(always)]` as well. The results have the same bits
/// on every table: the compiler neither reorders sums nor fuses them with products.
#[macro_export]
macro_rules! vectorize {
    ($kernels:expr, $body:expr) => {
        $kernels.run_vectorized(
            #[inline(always)]
            || $body,
        )
    };
}
