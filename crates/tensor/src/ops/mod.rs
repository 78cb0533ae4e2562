//! The operations: one file each, with the formula and its source, forward, backward and checks.
//!
//! An operation adds an inherent `impl` block to [`Var`](crate::Var), so that it exists as soon as
//! its file does. A new one is one new file and one `mod` line here. Operations on each element by
//! itself begin with `elementwise::unary`, which takes the function and its derivative.
//!
//! # Panics
//! Every operation panics where the shapes of its operands do not fit; the message names the
//! operation and the shapes. Shapes follow from a model's configuration, which is checked where it
//! is read, so that no file, flag or text leads there.

mod add;
mod attention;
mod cross_entropy;
pub(crate) mod elementwise;
mod embedding;
mod gated;
mod geglu;
mod gelu;
mod linear;
mod linear_cross_entropy;
mod linear_int8;
mod matmul;
mod mul;
mod operators;
mod reshape;
mod rms_norm;
mod rope;
mod silu;
mod softcap;
mod softmax;
mod sum;
mod swiglu;

pub use attention::cached::{attend_to_cache, write_heads};
pub use linear_cross_entropy::rows_per_chunk;
pub use linear_int8::{Int8Matrix, NotFinite};
pub use rope::{RopeLayout, RopeTable};

#[cfg(test)]
mod tests;
