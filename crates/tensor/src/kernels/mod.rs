//! Inner loops, one table of them for each instruction set, chosen once at run time.

pub mod gemm;
pub mod lanes;

use std::sync::LazyLock;

/// An instruction set that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust: the specification, the fallback and the oracle of all others.
    Portable,
}

/// The inner loops for one instruction set.
#[derive(Debug)]
pub struct Kernels {
    isa: Isa,
}

impl Kernels {
    /// The instruction set of this table.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Runs `f`, plain Rust, compiled for this instruction set, so that its loops vectorise.
    pub fn vectorize<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
}

static PORTABLE: Kernels = Kernels { isa: Isa::Portable };

/// The tables that this machine can run, the portable one first.
pub fn available() -> Vec<&'static Kernels> {
    vec![&PORTABLE]
}

/// The table that this process uses unless told otherwise.
pub fn active() -> &'static Kernels {
    static ACTIVE: LazyLock<&'static Kernels> =
        LazyLock::new(|| available().last().copied().unwrap_or(&PORTABLE));
    *ACTIVE
}
