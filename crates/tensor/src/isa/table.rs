//! The tables of inner loops: what each instruction set has to provide.

use super::pack::Pack;
use super::rows::RowsKernels;
use crate::memory::pool::Buffer;
use std::fmt;
use std::ops::Range;

/// An instruction set that kernels are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust: the specification, the fallback and the oracle of all others.
    Portable,
    /// AVX2 and FMA: 8 floats per vector.
    Avx2,
    /// AVX-512 F, BW, DQ and VL: 16 floats per vector; with BF16, where the CPU has it, for
    /// products of bf16.
    Avx512,
    /// AVX-512, and AMX for products of bf16: tiles of 16 × 32 numbers.
    Amx,
}

impl Isa {
    /// All of them, from the plainest to the widest.
    pub const ALL: [Isa; 4] = [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Amx];

    /// Returns the name that `LM_ISA` uses for it.
    pub fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Amx => "amx",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The inner loops for one instruction set.
///
/// Tables exist as statics only, and `select` hands one out only if the machine has its instruction
/// set: whoever holds a reference may call its functions.
#[derive(Debug)]
pub struct Kernels {
    pub(super) isa: Isa,
    /// Products in f32; also those of rounded operands where no instructions multiply bf16.
    pub(crate) gemm: GemmKernel,
    /// Products of few rows, as in generation.
    pub(crate) rows: RowsKernels,
    /// Products of bf16 by instructions made for them.
    pub(crate) gemm_bf16: Option<GemmKernel>,
}

/// The micro-kernel of one instruction set, its packing, and the sizes of their blocks.
#[derive(Debug)]
pub(crate) struct GemmKernel {
    /// Rows of C that the micro-kernel computes at a time.
    pub(crate) mr: usize,
    /// Columns of C that the micro-kernel computes at a time.
    pub(crate) nr: usize,
    /// Columns of A, and rows of B, that the micro-kernel multiplies before it writes to C. This
    /// fixes the order of every sum.
    pub(crate) kc: usize,
    /// Rows of a packed block of A, a multiple of `mr`; the block stays in the second-level cache.
    pub(crate) mc: usize,
    /// The micro-kernel takes this much of K at once; the end of a panel is filled up with zeros.
    pub(crate) k_per_step: usize,
    /// Numbers along K that share the four bytes of a float in a panel: 1, or 2 in bf16.
    pub(crate) k_per_slot: usize,
    /// C ← A·B + β·C for one tile, from packed panels of A and B.
    pub(crate) micro: MicroKernel,
    /// Micro-kernels for tiles of C of fewer rows, with their numbers, from the smallest on. They
    /// read as many elements of each column of a panel of A.
    pub(crate) few_rows: &'static [(usize, MicroKernel)],
    /// The micro-kernel for operands that lie in memory as they are, where there is one.
    pub(crate) unpacked: Option<MicroKernel>,
    /// The micro-kernel for rows of A in bf16 that begin cache lines, and panels of B, where there
    /// is one.
    pub(crate) bf16_rows: Option<MicroKernel>,
    /// Packs A in panels of `mr` rows.
    pub(crate) pack_a: Pack,
    /// Packs Bᵀ in panels of `nr` rows.
    pub(crate) pack_b: Pack,
    /// Called by a thread before a series of calls of a micro-kernel.
    pub(crate) begin: ThreadHook,
    /// Called by a thread after such a series.
    pub(crate) end: ThreadHook,
}

/// Prepares a thread for the micro-kernel, or undoes it.
///
/// # Safety
/// The CPU has the table's instruction set.
pub(crate) type ThreadHook = unsafe fn();

/// Distances in elements: from one row to the next, and for A also from one column to the next.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Strides {
    pub(crate) a_row: usize,
    pub(crate) a_col: usize,
    pub(crate) b_row: usize,
    pub(crate) c_row: usize,
}

/// A tile of C, `mr` × `nr`, to be computed from `k` columns of A and rows of B.
#[derive(Clone, Copy)]
pub(crate) struct Job {
    /// At least one.
    pub(crate) k: usize,
    pub(crate) a: *const f32,
    pub(crate) b: *const f32,
    pub(crate) c: *mut f32,
    pub(crate) strides: Strides,
    /// `true` if the product is added to the tile, `false` if it overwrites the tile.
    pub(crate) accumulate: bool,
}

/// Computes a tile of C, between the table's `begin` and `end`. `micro` takes packed panels, whose
/// strides are those of [`GemmKernel::panels`]; for `unpacked`, the `nr` elements of a row of B lie
/// side by side; for `bf16_rows`, `a` points to numbers of 16 bits, of which `a_row` counts.
///
/// # Safety
/// The CPU has the table's instruction set; `k` is not 0; panels can be read for `slots(k)`·`mr`
/// and `slots(k)`·`nr` floats, other operands for `mr` × `k` elements of `a` and `k` times `nr` of
/// `b` with these strides; for `bf16_rows`, `k` consists of whole steps and each row of `a` begins
/// a cache line; `c` can be read and written for `nr` floats at each of `mr` multiples of its
/// stride, and nobody else does so.
pub(crate) type MicroKernel = unsafe fn(Job);

/// Writes sums to a row of C, or adds them to it.
#[inline(always)]
pub(super) fn store_row(c: &mut [f32], sums: &[f32], accumulate: bool) {
    for (c, &sum) in c.iter_mut().zip(sums) {
        *c = if accumulate { *c + sum } else { sum };
    }
}

/// Columns of B that are packed by one task.
pub(crate) const PACKED_COLS: usize = 128;
/// The most elements of a tile of C on any table.
const MAX_TILE: usize = 32 * 32;

impl GemmKernel {
    /// Panics if the table lacks what the loops of `gemm::driver` rely on.
    const fn check(&self) {
        let &Self { mr, nr, kc, mc, k_per_step, k_per_slot, .. } = self;
        assert!(mr > 0 && nr > 0 && mr * nr <= MAX_TILE, "a tile of C has to fit into its buffer");
        assert!(nr <= PACKED_COLS, "a task has to pack at least one panel of B");
        assert!(mc > 0 && mc % mr == 0, "a block of A has to consist of whole panels");
        assert!(kc > 0 && kc % k_per_step == 0, "a block of K has to consist of whole steps");
        assert!(k_per_step % k_per_slot == 0, "a step has to fill its slots");
        let mut i = 0;
        while i < self.few_rows.len() {
            assert!(self.few_rows[i].0 < mr, "a tile of few rows has fewer than others");
            i += 1;
        }
    }

    /// Returns the strides of packed panels, with that of C.
    pub(crate) fn panels(&self, c_row: usize) -> Strides {
        Strides { a_row: 1, a_col: self.mr, b_row: self.nr, c_row }
    }

    /// Returns the floats that a row of a panel takes for `k` numbers.
    pub(crate) fn slots(&self, k: usize) -> usize {
        k.next_multiple_of(self.k_per_step) / self.k_per_slot
    }

    /// Returns the micro-kernel for tiles of `rows` rows, at most `mr`, and the rows that it
    /// computes, at least as many.
    #[inline]
    pub(crate) fn micro_for(&self, rows: usize) -> (usize, MicroKernel) {
        let few = self.few_rows.iter().find(|&&(height, _)| rows <= height);
        few.copied().unwrap_or((self.mr, self.micro))
    }

    /// Runs a micro-kernel for tiles of `height` rows for a tile of which C has only `rows`, and
    /// the first `cols` columns; `job.c` is where the first of these rows begins.
    ///
    /// # Safety
    /// That of [`MicroKernel`], but of C only `cols` floats in each of these rows can be read and
    /// written.
    #[inline]
    pub(crate) unsafe fn run_part(
        &self,
        (height, micro): (usize, MicroKernel),
        job: Job,
        rows: Range<usize>,
        cols: usize,
    ) {
        let nr = self.nr;
        if rows == (0..height) && cols == nr {
            // SAFETY: the caller grants it.
            return unsafe { micro(job) };
        }
        let mut tile = [0.0; MAX_TILE];
        let strides = Strides { c_row: nr, ..job.strides };
        // SAFETY: as above, but the tile is a local one of at least mr·nr elements.
        unsafe { micro(Job { c: tile.as_mut_ptr(), strides, accumulate: false, ..job }) };
        for (i, sums) in tile.chunks_exact(nr).take(rows.end).skip(rows.start).enumerate() {
            // SAFETY: these columns of this row lie in C, and no other thread has them.
            let c =
                unsafe { std::slice::from_raw_parts_mut(job.c.add(i * job.strides.c_row), cols) };
            store_row(c, sums, job.accumulate);
        }
    }

    /// Runs the micro-kernel `times` times on the same packed panels of zeros, which stay in cache,
    /// and returns the number of floating-point operations.
    fn spin(&self, times: usize) -> f64 {
        let &Self { mr, nr, kc: k, micro, begin, end, .. } = self;
        let mut panels = Buffer::scratch((mr + nr) * self.slots(k));
        panels.as_mut_slice().fill(0.0);
        let (b, a) = panels.as_slice().split_at(nr * self.slots(k));
        let mut tile = [0.0; MAX_TILE];
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), tile.as_mut_ptr());
        let job = Job { k, a, b, c, strides: self.panels(nr), accumulate: true };
        // SAFETY: whoever holds a table may use its instruction set; the panels have k numbers in
        // each row, the tile has mr·nr floats.
        unsafe {
            begin();
            (0..times).for_each(|_| micro(job));
            end();
        }
        std::hint::black_box(tile);
        (2 * mr * nr * k * times) as f64
    }
}

impl Kernels {
    /// Panics if one of the tables lacks what the loops of `gemm::driver` rely on.
    pub(super) const fn check(&self) {
        self.gemm.check();
        if let Some(gemm_bf16) = &self.gemm_bf16 {
            gemm_bf16.check();
        }
    }

    /// Returns the instruction set of this table.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// Returns `true` if this table multiplies bf16 by instructions made for it; without them,
    /// products of bf16 are those of rounded operands in f32, and not faster.
    pub fn has_bf16(&self) -> bool {
        self.gemm_bf16.is_some()
    }

    /// Multiplies panels of bf16 that stay in cache, `times` times, and returns the number of
    /// operations; `None` without instructions for that.
    pub(crate) fn spin_bf16(&self, times: usize) -> Option<f64> {
        self.gemm_bf16.as_ref().map(|table| table.spin(times))
    }

    /// Runs `f` compiled for this instruction set if `f` is `#[inline(always)]`: the macro
    /// [`vectorize!`](crate::vectorize), which every caller goes through, makes sure of that.
    #[doc(hidden)]
    #[inline(always)]
    pub fn run_vectorized<R>(&self, f: impl FnOnce() -> R) -> R {
        match self.isa {
            // SAFETY: whoever holds a table may use its instruction set (see `Kernels`).
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => unsafe { with_avx2(f) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 | Isa::Amx => unsafe { with_avx512(f) },
            _ => f(),
        }
    }
}

/// Runs `f` compiled for AVX2 and FMA.
///
/// # Safety
/// The CPU has AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn with_avx2<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// Runs `f` compiled for AVX-512.
///
/// # Safety
/// The CPU has AVX-512 F, BW, DQ and VL, AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn with_avx512<R>(f: impl FnOnce() -> R) -> R {
    f()
}
