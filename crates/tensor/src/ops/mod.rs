//! The operations: one file each, with the formula and its source, forward, backward and checks.
//!
//! They are methods of [`Var`](crate::Var):
//! - [`add`] and [`mul`] of two tensors of one shape, also written `&a + &b` and `&a * &b`;
//!   [`sum`] of all elements; [`reshape`];
//! - [`linear`], x·wᵀ for a weight (out, in), and [`matmul`], a·b;
//! - [`embedding`], the rows of a table at token ids;
//! - [`rms_norm`]; [`rope`], rotation by the position; [`causal_attention`];
//! - [`silu`] and [`gelu`], and [`swiglu`] and [`geglu`], which gate with them;
//! - [`softmax`] over the last axis; [`softcap`], c·tanh(x/c);
//! - [`cross_entropy`], the mean loss of logits against target ids.
//!
//! Three save time or memory: [`linear_many`] layers with one input, [`linear_cross_entropy`] for
//! the last layer and the loss without all logits in memory, and [`linear_int8`] for weights of 8
//! bits.
//!
//! [`add`]: crate::Var::add
//! [`mul`]: crate::Var::mul
//! [`sum`]: crate::Var::sum
//! [`reshape`]: crate::Var::reshape
//! [`linear`]: crate::Var::linear
//! [`matmul`]: crate::Var::matmul
//! [`embedding`]: crate::Var::embedding
//! [`rms_norm`]: crate::Var::rms_norm
//! [`rope`]: crate::Var::rope
//! [`causal_attention`]: crate::Var::causal_attention
//! [`silu`]: crate::Var::silu
//! [`gelu`]: crate::Var::gelu
//! [`swiglu`]: crate::Var::swiglu
//! [`geglu`]: crate::Var::geglu
//! [`softmax`]: crate::Var::softmax
//! [`softcap`]: crate::Var::softcap
//! [`cross_entropy`]: crate::Var::cross_entropy
//! [`linear_many`]: crate::Var::linear_many
//! [`linear_cross_entropy`]: crate::Var::linear_cross_entropy
//! [`linear_int8`]: crate::Var::linear_int8
//!
//! An operation adds an inherent `impl` block to `Var`, so that it exists as soon as its file does.
//! A new one is one new file and one `mod` line here; [`Op`](crate::Op) has an example. Operations
//! on each element by itself begin with `elementwise::unary`, which takes the function and its
//! derivative.
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
pub(crate) mod gelu;
mod linear;
mod linear_cross_entropy;
mod linear_int8;
mod matmul;
mod mul;
mod operators;
mod reshape;
pub(crate) mod rms_norm;
pub(crate) mod rope;
pub(crate) mod silu;
mod softcap;
mod softmax;
mod sum;
mod swiglu;

pub use crate::matrix::int8::{Int8Matrix, NotFinite};
pub use attention::cached::{attend_to_cache, write_heads};
pub use linear_cross_entropy::rows_per_chunk;
pub use rope::{RopeLayout, RopeTable};

#[cfg(test)]
mod tests;
