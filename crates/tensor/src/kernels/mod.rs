//! Inner loops, one table of them for each instruction set, chosen once at run time.
//!
//! | file | holds |
//! |---|---|
//! | `select` | which tables this machine can run, and which one is used and why |
//! | [`gemm`] | matrix products: the public face, and which path a shape takes |
//! | `blocked` | the loops around the micro-kernel, serial and parallel |
//! | `pack` | copying operands into the order in which the micro-kernel reads them |
//! | `skinny` | products with a handful of rows, bound by memory, without packing |
//! | [`lanes`] | plain Rust loops and functions that vectorise |
//! | `portable`, `avx2`, `avx512` | one table each |
//! | [`naive`] | the definition, as the oracle of the tests |
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod blocked;
pub mod gemm;
pub mod lanes;
pub mod naive;
mod pack;
mod portable;
mod select;
mod skinny;

pub use pack::round_to_bf16;
pub use select::{Selection, active, available, from_env, selection};

/// An instruction set that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust: the specification, the fallback and the oracle of all others.
    Portable,
    /// AVX2 and FMA: 8 floats a vector.
    Avx2,
    /// AVX-512 F, BW, DQ and VL: 16 floats a vector.
    Avx512,
}

impl Isa {
    /// All of them, from the plainest to the widest.
    pub const ALL: [Isa; 3] = [Isa::Portable, Isa::Avx2, Isa::Avx512];

    /// The name by which `LM_ISA` knows it.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }
}

impl std::fmt::Display for Isa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The inner loops for one instruction set.
///
/// Tables exist as statics only, and `select` hands one out only if the machine has its instruction set:
/// whoever holds a reference may call its functions.
#[derive(Debug)]
pub struct Kernels {
    isa: Isa,
    gemm: GemmKernel,
}

/// What [`blocked`] needs to multiply matrices on one instruction set.
#[derive(Debug)]
struct GemmKernel {
    /// Rows of C that the micro-kernel computes at a time.
    mr: usize,
    /// Columns of C that the micro-kernel computes at a time.
    nr: usize,
    /// Terms that the micro-kernel sums up before it writes to C. This fixes the order of every sum.
    kc: usize,
    /// Rows of a packed block of A, a multiple of `mr`; the block stays in the second-level cache.
    mc: usize,
    /// C ← (C +) A·B for one tile.
    micro: MicroKernel,
    /// Packs A in panels of `mr` rows.
    pack_a: pack::Pack,
    /// Packs Bᵀ in panels of `nr` rows.
    pack_b: pack::Pack,
}

/// Computes a tile of C, `mr` × `nr`, from a panel of A (`k` × `mr`) and one of B (`k` × `nr`), both packed:
/// `(k, a, b, c, c_row_stride, accumulate)`. The tile is overwritten, or added to if `accumulate`.
///
/// # Safety
/// The CPU has the table's instruction set; `a` and `b` can be read for `k`·`mr` and `k`·`nr` floats; `c` can
/// be read and written for `nr` floats at each of `mr` multiples of `c_row_stride`, and nobody else does so.
type MicroKernel = unsafe fn(usize, *const f32, *const f32, *mut f32, usize, bool);

/// The most elements of a tile of C on any table.
const MAX_TILE: usize = 14 * 32;

impl Kernels {
    /// The instruction set of this table.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Runs `f`, plain Rust, compiled for this instruction set, so that its loops vectorise.
    ///
    /// The compiler has to inline `f` for that, and does so reliably only if told:
    /// ```
    /// # let (kernels, mut x) = (tensor::kernels::active(), [1.0f32, 2.0]);
    /// kernels.vectorize(
    ///     #[inline(always)]
    ///     || x.iter_mut().for_each(|x| *x *= 2.0),
    /// );
    /// # assert_eq!(x, [2.0, 4.0]);
    /// ```
    /// Functions that `f` calls are compiled for it if they are inlined as well. The results have the same bits
    /// on every table: the compiler neither reorders sums nor fuses them with products.
    #[inline(always)]
    pub fn vectorize<R>(&self, f: impl FnOnce() -> R) -> R {
        match self.isa {
            // SAFETY: whoever holds a table may use its instruction set (see `Kernels`).
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::vectorize(f) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => unsafe { avx512::vectorize(f) },
            _ => f(),
        }
    }
}
