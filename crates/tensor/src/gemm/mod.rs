//! Matrix products C ← A·B or C ← C + A·B.
//!
//! Each element of C is one sum in one order, which the shape and the kernel table fix: the number
//! of threads and the partition of the work change no bit.
//!
//! | file | holds |
//! |---|---|
//! | [`naive`] | the definition, which the tests compare with; read it first |
//! | `plan` | the decision how a product is computed, the only one |
//! | `single` | one product ([`gemm`]) |
//! | `together` | several products that share an operand or are summed |
//! | `rounded` | products with results in bf16 |
//! | `panels` | products by a B that is packed once for all of them |
//! | `int8` | products by a weight in 8 bits |
//! | `unpacked` | small products whose operands are read where they are |
//! | `driver` | the five loops around the micro-kernel, for packed operands |
//! | `batched` | block matrices, which make several products one |
//! | `partition` | the pieces of a product for threads and caches |
//! | `column_blocks` | blocks of columns that threads write to at the same time |
#![allow(unsafe_code)]

mod batched;
pub(crate) mod column_blocks;
mod driver;
mod int8;
pub mod naive;
pub(crate) mod panels;
mod partition;
mod plan;
pub(crate) mod rounded;
mod single;
#[cfg(test)]
mod tests;
mod together;
mod unpacked;

pub use self::int8::gemm_int8;
pub use self::plan::{Beta, Threads};
pub use self::single::{gemm, whole_tiles};
pub use self::together::{gemm_sharing_a, gemm_sharing_b, gemm_sum};
pub use crate::matrix::{Mat, MatMut};
