//! AVX2 and FMA: vectors of 8 floats, 16 registers.

use super::gemm::Mat;
use super::{GemmKernel, Isa, Kernels, nothing, pack};
use std::arch::x86_64::*;

/// 6 × 2 vectors of sums, 2 of B and 1 of A fill 15 of the 16 registers.
const MR: usize = 6;
const NR: usize = 2 * LANES;
const LANES: usize = 8;

pub(super) static KERNELS: Kernels = Kernels { isa: Isa::Avx2, gemm: GEMM, gemm_bf16: None };

/// Products in f32.
pub(super) const GEMM: GemmKernel = GemmKernel {
    mr: MR,
    nr: NR,
    kc: 256,
    mc: 24 * MR,
    micro,
    pack_a,
    pack_b,
    terms_a_step: 1,
    terms_a_slot: 1,
    begin: nothing,
    end: nothing,
};

/// Runs `f` compiled for AVX2 and FMA.
///
/// # Safety
/// The CPU has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn vectorize<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// # Safety
/// That of [`Pack`](pack::Pack).
#[target_feature(enable = "avx2,fma")]
unsafe fn pack_a(source: Mat<'_>, panels: &mut [f32], round: bool) {
    pack::pack::<MR>(source, panels, round);
}

/// # Safety
/// That of [`Pack`](pack::Pack).
#[target_feature(enable = "avx2,fma")]
unsafe fn pack_b(source: Mat<'_>, panels: &mut [f32], round: bool) {
    pack::pack::<NR>(source, panels, round);
}

/// Terms between two jumps back. A core that another hyper-thread shares fetches instructions every other cycle only, and
/// those that end at a jump come in smaller helpings: unrolled, products gained a tenth on a shared Zen 3.
const UNROLLED: usize = 4;

/// Adds one term to the sums, and returns where the next one is.
///
/// # Safety
/// The CPU has AVX2 and FMA; MR floats of `a` and NR of `b` can be read.
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn add_term(
    a: *const f32,
    b: *const f32,
    sums: &mut [[__m256; 2]; MR],
) -> (*const f32, *const f32) {
    // SAFETY: the caller grants it.
    unsafe {
        let b_low = _mm256_loadu_ps(b);
        let b_high = _mm256_loadu_ps(b.add(LANES));
        for (i, sums) in sums.iter_mut().enumerate() {
            let a = _mm256_broadcast_ss(&*a.add(i));
            sums[0] = _mm256_fmadd_ps(a, b_low, sums[0]);
            sums[1] = _mm256_fmadd_ps(a, b_high, sums[1]);
        }
        (a.add(MR), b.add(NR))
    }
}

/// See [`MicroKernel`](super::MicroKernel).
///
/// # Safety
/// That of [`MicroKernel`](super::MicroKernel).
#[target_feature(enable = "avx2,fma")]
unsafe fn micro(
    k: usize,
    mut a: *const f32,
    mut b: *const f32,
    c: *mut f32,
    c_row_stride: usize,
    accumulate: bool,
) {
    let mut sums = [[_mm256_setzero_ps(); 2]; MR];
    // SAFETY: the caller grants k·MR and k·NR floats to read, and NR floats at each of MR multiples of the
    // stride to read and write.
    unsafe {
        for i in 0..MR {
            _mm_prefetch::<_MM_HINT_T0>(c.add(i * c_row_stride).cast());
        }
        for _ in 0..k / UNROLLED {
            for _ in 0..UNROLLED {
                (a, b) = add_term(a, b, &mut sums);
            }
        }
        for _ in 0..k % UNROLLED {
            (a, b) = add_term(a, b, &mut sums);
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                let c = c.add(i * c_row_stride + j * LANES);
                let sum = if accumulate { _mm256_add_ps(_mm256_loadu_ps(c), sum) } else { sum };
                _mm256_storeu_ps(c, sum);
            }
        }
    }
}
