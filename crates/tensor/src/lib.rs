//! Tensors on the CPU, a tape for automatic differentiation, and the operations of a transformer
//! with hand-derived gradients.
//!
//! ```
//! use tensor::{Tape, ndarray::array};
//!
//! let tape = Tape::default();
//! let x = tape.leaf([[1.0, -2.0]]); // (1, 2)
//! let w = tape.leaf(array![[3.0, 1.0], [0.0, 2.0]]); // (2, 2), any `ndarray` array
//! let y = x.linear(&w); // x·wᵀ
//! let loss = (&y * &y).sum();
//! assert_eq!(y.value().view(), array![[1.0, -4.0]].into_dyn());
//!
//! let gradients = tape.backward(&loss);
//! assert_eq!(gradients[&x].view(), array![[6.0, -14.0]].into_dyn()); // 2y·w
//! assert_eq!(gradients[&w].view(), array![[2.0, -4.0], [-8.0, 16.0]].into_dyn()); // 2yᵀ·x
//! ```
//!
//! The folder `examples/` has two programs to begin with: `autograd.rs` differentiates a layer by
//! hand and by the tape, and in `xor.rs` two layers learn XOR.
//!
//! # The parts
//! - [`Tensor`] is a shape and a shared buffer. It is made
//!   [of `ndarray` arrays and views](Tensor#trait-implementations), and goes back by
//!   [`view`](Tensor::view), [`view_mut`](Tensor::view_mut) and
//!   [`to_ndarray`](Tensor::to_ndarray).
//! - [`Tape`] records operations on values ([`Var`], whose methods are the operations) and computes
//!   their [`Gradients`].
//! - [`ops`] holds one file per operation, forward and backward side by side; `ops/add.rs` is a
//!   good one to begin with. [`Op`], [`InputGrads`] and [`Role`] are for writing another.
//! - [`Context`] is what operations compute with: kernels for this machine and a [`Precision`].
//! - [`gemm`] multiplies matrices; [`isa`] has the inner loops, one table of them for each
//!   instruction set; [`simd`] and [`memory`] serve both.
//! - [`profile`] measures the time of each operation, and [`peak`] what the machine could do.
//!
//! # Shape letters
//! Every buffer and argument states its shape in these letters:
//!
//! | letter | meaning |
//! |---|---|
//! | B | batch: independent sequences |
//! | T | time: positions of a sequence |
//! | C | channels, `d_model` |
//! | H | attention heads |
//! | D | channels per head, C ÷ H |
//! | F | width of the feed-forward network, `d_ff` |
//! | V | vocabulary |
//! | N | rows of a matrix whose meaning does not matter, often B·T |
//!
//! Matrix products ([`gemm`]) have letters of their own, which are those of BLAS and BLIS:
//!
//! | letter | meaning |
//! |---|---|
//! | M, N | rows and columns of the result C |
//! | K | the shared axis of A (M, K) and B (K, N), over which products are summed |
//! | mr, nr | rows and columns of a tile of C, which the micro-kernel keeps in registers |
//! | kc | the part of K that is multiplied at a time: a panel of B (kc, nr) fits into L1 |
//! | mc | rows of a packed block of A (mc, kc), which fits into L2 |
//! | nc | columns of a packed slab of B (kc, nc), which fits into L3 |
//!
//! All tensors are contiguous and row-major, of `f32` or, within bf16 precision, of bf16
//! ([`DType`]). `dx` is the gradient of the loss in `x`.
#![deny(unsafe_code)]

mod context;
pub mod decode;
pub mod gemm;
pub mod isa;
mod matrix;
pub mod memory;
pub mod ops;
pub mod profile;
pub mod simd;
mod tape;
#[allow(clippy::module_inception)]
mod tensor;
pub mod testing;

pub use context::precision::Role;
pub use context::{Context, Precision};
pub use isa::{Isa, Kernels};
pub use matrix::element::{DType, round_to_bf16};
/// The version of the crate whose arrays [`Tensor`] takes and gives.
pub use ndarray;
pub use profile::peak;
pub use tape::node::InputGrads;
pub use tape::op::Op;
pub use tape::{Gradients, Tape, Var};
pub use tensor::Tensor;
pub use tensor::arrays::ViewError;
pub use tensor::convert::{Numbers, convert};
pub use tensor::named::{NamedTensorsError, tensors_in_order};
pub use tensor::shared::NotAligned;
pub use tensor::storage::SharedBytes;
