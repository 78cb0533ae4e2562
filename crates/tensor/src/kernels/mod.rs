//! Inner loops, one table of them for each instruction set, chosen once at run time.
//!
//! | file | holds |
//! |---|---|
//! | `select` | which tables this machine can run, and which one is used and why |
//! | [`gemm`] | matrix products: the public face, and which path a shape takes |
//! | `view`, `mat` | elements and strides; matrices to read and to write |
//! | `grid` | products of block matrices: several that share an operand or are summed up |
//! | `blocked` | the loops around the micro-kernel, serial and parallel; `blocked/tile`: those of one thread |
//! | `pack` | copying operands into the order in which the micro-kernel reads them |
//! | `panels` | an operand that is packed once for several products |
//! | `rounded` | products whose results are rounded |
//! | `columns` | blocks of columns that threads write to at the same time |
//! | `pages` | large pages of memory |
//! | `skinny` | products with a handful of rows, bound by memory, without packing |
//! | `tiles` | packing for a unit that multiplies tiles of bf16, and its model in plain Rust |
//! | [`lanes`] | plain Rust loops and functions that vectorise |
//! | `portable`, `avx2`, `avx512`, `avx512_bf16`, `amx` | one table each |
//! | [`naive`] | the definition, as the oracle of the tests |
#![allow(unsafe_code)]

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_bf16;
mod blocked;
pub(crate) mod columns;
mod cut;
mod direct;
pub mod gemm;
mod grid;
pub mod lanes;
mod mat;
pub mod naive;
mod pack;
mod pages;
pub(crate) mod panels;
mod portable;
pub(crate) mod rounded;
mod select;
mod skinny;
#[cfg(any(test, target_arch = "x86_64"))]
pub(crate) mod tiles;
mod view;

pub use crate::elements::round_to_bf16;
pub(crate) use pack::prefetch;
pub(crate) use pages::ask_for_large_pages;
pub use select::{Selection, active, available, from_env, selection};

/// An instruction set that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust: the specification, the fallback and the oracle of all others.
    Portable,
    /// AVX2 and FMA: 8 floats a vector.
    Avx2,
    /// AVX-512 F, BW, DQ and VL: 16 floats a vector; with BF16, where the CPU has it, for products
    /// of bf16.
    Avx512,
    /// AVX-512, and AMX for products of bf16: tiles of 16 × 32 numbers.
    Amx,
}

impl Isa {
    /// All of them, from the plainest to the widest.
    pub const ALL: [Isa; 4] = [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Amx];

    /// The name by which `LM_ISA` knows it.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Amx => "amx",
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
/// Tables exist as statics only, and `select` hands one out only if the machine has its instruction
/// set: whoever holds a reference may call its functions.
#[derive(Debug)]
pub struct Kernels {
    isa: Isa,
    /// Products in f32; also those of rounded operands where there is nothing better.
    gemm: GemmKernel,
    /// Products of bf16 by instructions made for them.
    gemm_bf16: Option<GemmKernel>,
}

/// What [`blocked`] needs to multiply matrices on one instruction set.
#[derive(Debug)]
struct GemmKernel {
    /// Rows of C that the micro-kernel computes at a time.
    mr: usize,
    /// Columns of C that the micro-kernel computes at a time.
    nr: usize,
    /// Terms that the micro-kernel sums up before it writes to C. This fixes the order of every
    /// sum.
    kc: usize,
    /// Rows of a packed block of A, a multiple of `mr`; the block stays in the second-level cache.
    mc: usize,
    /// Terms that the micro-kernel takes at once; the last ones are filled up with zeros.
    terms_a_step: usize,
    /// Terms that share the room of a float in a panel: 1, or 2 in bf16.
    terms_a_slot: usize,
    /// C ← (C +) A·B for one tile.
    micro: MicroKernel,
    /// The same for operands that lie in memory as they are, where the instruction set has it.
    direct: Option<MicroKernel>,
    /// The same for rows of A that are bf16 already and begin cache lines, and panels of B.
    bf16_rows: Option<MicroKernel>,
    /// Packs A in panels of `mr` rows.
    pack_a: pack::Pack,
    /// Packs Bᵀ in panels of `nr` rows.
    pack_b: pack::Pack,
    /// Called by a thread before it calls the micro-kernel some times.
    begin: Around,
    /// Called after that.
    end: Around,
}

impl GemmKernel {
    /// Checks what the loops of [`blocked`] rely on.
    const fn check(&self) {
        let &Self { mr, nr, kc, mc, terms_a_step, terms_a_slot, .. } = self;
        assert!(mr > 0 && nr > 0 && mr * nr <= MAX_TILE, "a tile of C has to fit into its buffer");
        assert!(nr <= blocked::PACKED_COLS, "a task has to pack a panel of B at least");
        assert!(mc > 0 && mc % mr == 0, "a block of A has to consist of whole panels");
        assert!(kc > 0 && kc % terms_a_step == 0, "a block of terms has to consist of whole steps");
        assert!(terms_a_step % terms_a_slot == 0, "a step has to fill its slots");
    }

    /// The strides of packed panels, and that of C.
    fn panels(&self, c_row: usize) -> Strides {
        Strides { a_row: 1, a_term: self.mr, b_term: self.nr, c_row }
    }

    /// The floats that a row of a panel takes for `terms` terms.
    fn slots(&self, terms: usize) -> usize {
        terms.next_multiple_of(self.terms_a_step) / self.terms_a_slot
    }
}

/// Prepares a thread for the micro-kernel, or undoes it.
///
/// # Safety
/// The CPU has the table's instruction set.
type Around = unsafe fn();

/// [`Around`] where there is nothing to do.
unsafe fn nothing() {}

/// Elements from one row, or term, to the next.
#[derive(Clone, Copy, Debug)]
struct Strides {
    a_row: usize,
    a_term: usize,
    b_term: usize,
    c_row: usize,
}

/// A tile of C, `mr` × `nr`, to be computed from `k` terms of A and B.
#[derive(Clone, Copy)]
struct Job {
    /// Terms, one at least.
    k: usize,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    strides: Strides,
    /// Whether the products are added to the tile, or overwrite it.
    accumulate: bool,
}

/// Computes a tile of C, between the table's `begin` and `end`. `micro` takes packed panels, whose
/// strides are those of [`GemmKernel::panels`]; for `direct`, the `nr` elements of a term of B lie
/// side by side; for `bf16_rows`, `a` points to numbers of 16 bits, of which `a_row` counts.
///
/// # Safety
/// The CPU has the table's instruction set; `k` is not 0; panels can be read for `slots(k)`·`mr`
/// and `slots(k)`·`nr` floats, other operands for `mr` × `k` elements of `a` and `k` times `nr` of
/// `b` with these strides; for `bf16_rows`, `k` consists of whole steps and each row of `a` begins
/// a cache line; `c` can be read and written for `nr` floats at each of `mr` multiples of its
/// stride, and nobody else does so.
type MicroKernel = unsafe fn(Job);

/// Writes sums to a row of C, or adds them to what is there.
#[inline(always)]
fn store_row(c: &mut [f32], sums: &[f32], accumulate: bool) {
    for (c, &sum) in c.iter_mut().zip(sums) {
        *c = if accumulate { *c + sum } else { sum };
    }
}

/// The most elements of a tile of C on any table.
const MAX_TILE: usize = 32 * 32;

// Every table is checked while it is compiled.
const _: () = {
    portable::KERNELS.check();
    #[cfg(target_arch = "x86_64")]
    {
        avx2::KERNELS.check();
        avx512::KERNELS.check();
        avx512_bf16::KERNELS.check();
        #[cfg(not(miri))]
        amx::KERNELS.check();
    }
};

impl Kernels {
    const fn check(&self) {
        self.gemm.check();
        if let Some(gemm_bf16) = &self.gemm_bf16 {
            gemm_bf16.check();
        }
    }

    /// The instruction set of this table.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Whether this table multiplies bf16 by instructions made for it; without them, products of
    /// bf16 are those of rounded operands in f32, and not faster.
    pub fn has_bf16(&self) -> bool {
        self.gemm_bf16.is_some()
    }

    /// Multiplies panels of bf16 that stay in cache, `times` times, and returns the number of
    /// operations; `None` where there are no instructions for that.
    pub(crate) fn spin_bf16(&self, times: usize) -> Option<f64> {
        self.gemm_bf16.as_ref().map(|table| blocked::spin(table, times))
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
    /// Functions that `f` calls are compiled for it if they are inlined as well. The results have
    /// the same bits on every table: the compiler neither reorders sums nor fuses them with
    /// products.
    #[inline(always)]
    pub fn vectorize<R>(&self, f: impl FnOnce() -> R) -> R {
        match self.isa {
            // SAFETY: whoever holds a table may use its instruction set (see `Kernels`).
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { avx2::vectorize(f) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Amx => unsafe { avx512::vectorize(f) },
            _ => f(),
        }
    }
}
