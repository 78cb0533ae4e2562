//! What an operation needs to know besides its inputs: which kernels to run and in which precision.

use crate::DType;
use crate::Kernels;

/// The precision of the operands of matrix products. Everything else is computed in `f32`; what
/// comes between products is written in the operands' type where an operation says so ([`DType`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Operands and sums in `f32`.
    F32,
    /// Operands rounded to bfloat16 (to nearest, ties to even), sums in `f32`.
    Bf16,
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Precision::F32 => "f32",
            Precision::Bf16 => "bf16",
        })
    }
}

/// The kernels and the precision that the operations on one [`Tape`](crate::Tape) use.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The table of inner loops for one instruction set.
    pub kernels: &'static Kernels,
    /// The precision of matrix products.
    pub precision: Precision,
}

impl Context {
    /// The best kernels that this machine has (see [`isa::active`](crate::isa::active)), in
    /// `f32`.
    pub fn detect() -> Self {
        Self { kernels: crate::isa::active(), precision: Precision::F32 }
    }

    /// The type in which products read their operands, and in which they write what is said to be
    /// rounded.
    pub fn operands(&self) -> DType {
        match self.precision {
            Precision::F32 => DType::F32,
            Precision::Bf16 => DType::Bf16,
        }
    }

    /// The same context in another precision.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The same context with another kernel table.
    pub fn with_kernels(self, kernels: &'static Kernels) -> Self {
        Self { kernels, ..self }
    }
}
