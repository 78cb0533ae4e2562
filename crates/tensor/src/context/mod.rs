//! The kernels and the precision with which operations compute.

pub mod precision;

use crate::Kernels;

/// The precision of the operands of matrix products; everything else is computed in `f32`.
/// [`Role`](crate::Role) decides what is stored in bf16 in between.
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
///
/// ```
/// use tensor::{Context, Precision, Tape};
///
/// let context = Context::detect().with_precision(Precision::Bf16);
/// let tape = Tape::inference(context); // operations compute, nothing is recorded
/// let w = tape.constant([[1.001, 2.0]]);
/// let y = tape.constant([[1.0, 0.0]]).linear(&w);
/// assert_eq!(y.value().item(), 1.0); // bf16 has three digits
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The table of inner loops for one instruction set.
    pub kernels: &'static Kernels,
    /// The precision of matrix products.
    pub precision: Precision,
}

impl Context {
    /// Returns the kernels that [`isa::active`](crate::isa::active) has chosen for this machine, in
    /// `f32`.
    pub fn detect() -> Self {
        Self { kernels: crate::isa::active(), precision: Precision::F32 }
    }

    /// Returns `true` if matrix products round their operands to bf16.
    pub fn rounds_operands(&self) -> bool {
        self.precision == Precision::Bf16
    }

    /// Returns the context in another precision.
    pub fn with_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Returns the context with another kernel table.
    pub fn with_kernels(self, kernels: &'static Kernels) -> Self {
        Self { kernels, ..self }
    }
}

impl Default for Context {
    /// Returns [`Context::detect`].
    fn default() -> Self {
        Self::detect()
    }
}
