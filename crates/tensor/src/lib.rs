//! Tensors on the CPU, a tape for automatic differentiation, and the operations of a transformer
//! with hand-derived gradients.
//!
//! # Where to start reading
//! [`Tensor`] is a shape and a shared buffer; [`Tape`] and [`Var`] record the computation; `ops/`
//! holds one file per operation, forward and backward side by side, and `ops/add.rs` is a good one
//! to begin with. `precision.rs` decides where bf16 is stored. Below that, `gemm/` multiplies
//! matrices, and `isa/` holds the inner loops, one table of them for each instruction set.
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
//!
//! # Example
//! ```
//! use tensor::{Context, Tape, Tensor};
//! let tape = Tape::new(Context::detect());
//! let x = tape.leaf(Tensor::from_slice(&[2], &[1.0, -2.0]));
//! let y = x.mul(&x).sum();
//! assert_eq!(y.value().item(), 5.0);
//! let gradients = tape.backward(&y);
//! assert_eq!(gradients.get(&x).unwrap().as_slice(), &[2.0, -4.0]);
//! ```
#![deny(unsafe_code)]

mod context;
pub mod gemm;
pub mod isa;
mod matrix;
pub mod memory;
pub mod ops;
mod precision;
pub mod profile;
pub mod simd;
mod tape;
#[allow(clippy::module_inception)]
mod tensor;
pub mod testing;

pub use context::{Context, Precision};
pub use isa::{Isa, Kernels};
pub use matrix::element::{DType, round_to_bf16};
pub use precision::Role;
pub use profile::peak;
pub use tape::node::InputGrads;
pub use tape::op::Op;
pub use tape::{Gradients, Tape, Var};
pub use tensor::named::{NamedTensorsError, tensors_in_order};
pub use tensor::{Tensor, ViewError};
