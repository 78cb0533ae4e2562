//! The operations: one file each, with the formula and its source, forward, backward and checks.
//!
//! An operation adds an inherent `impl` block to [`Var`](crate::Var), so that it exists as soon as its
//! file does. A new one is one new file and one `mod` line here.

mod add;
mod attention;
mod cross_entropy;
pub(crate) mod elementwise;
mod embedding;
mod gated;
mod geglu;
mod gelu;
mod heads;
mod linear;
mod linear_cross_entropy;
mod linear_int8;
mod matmul;
mod mul;
mod reshape;
mod rms_norm;
mod rope;
mod silu;
mod softmax;
mod sum;
mod swiglu;

pub use attention::attend_to_cache;
pub use linear_int8::{Int8Matrix, NotFinite};
pub use rope::{RopeLayout, RopeTable};
