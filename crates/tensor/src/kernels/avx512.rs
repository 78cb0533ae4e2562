//! AVX-512: vectors of 16 floats, 32 registers.
//!
//! Not exercised on the machine of the record (`benches/record`), which lacks AVX-512: there Miri interpreted it.

use super::gemm::Mat;
use super::{GemmKernel, Isa, Kernels, pack};
use std::arch::x86_64::*;

/// 14 × 2 vectors of sums and 2 of B fill 30 of the 32 registers; A is broadcast from memory.
const MR: usize = 14;
const NR: usize = 2 * LANES;
const LANES: usize = 16;

pub(super) static KERNELS: Kernels = Kernels {
    isa: Isa::Avx512,
    gemm: GemmKernel { mr: MR, nr: NR, kc: 256, mc: 10 * MR, micro, pack_a, pack_b },
};

/// Runs `f` compiled for AVX-512.
///
/// # Safety
/// The CPU has AVX-512 F, BW, DQ and VL, AVX2 and FMA.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
pub(super) unsafe fn vectorize<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// # Safety
/// That of [`Pack`](pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn pack_a(source: Mat<'_>, panels: &mut [f32], round: bool) {
    pack::pack::<MR>(source, panels, round);
}

/// # Safety
/// That of [`Pack`](pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn pack_b(source: Mat<'_>, panels: &mut [f32], round: bool) {
    pack::pack::<NR>(source, panels, round);
}

/// See [`MicroKernel`](super::MicroKernel).
///
/// # Safety
/// That of [`MicroKernel`](super::MicroKernel).
#[target_feature(enable = "avx512f")]
unsafe fn micro(
    k: usize,
    mut a: *const f32,
    mut b: *const f32,
    c: *mut f32,
    c_row_stride: usize,
    accumulate: bool,
) {
    let mut sums = [[_mm512_setzero_ps(); 2]; MR];
    // SAFETY: the caller grants k·MR and k·NR floats to read, and NR floats at each of MR multiples of the
    // stride to read and write. A prefetch may have any address.
    unsafe {
        for i in 0..MR {
            let row = c.add(i * c_row_stride);
            _mm_prefetch::<_MM_HINT_T0>(row.cast());
            _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(LANES).cast());
        }
        for _ in 0..k {
            let b_low = _mm512_loadu_ps(b);
            let b_high = _mm512_loadu_ps(b.add(LANES));
            for (i, sums) in sums.iter_mut().enumerate() {
                let a = _mm512_set1_ps(*a.add(i));
                sums[0] = _mm512_fmadd_ps(a, b_low, sums[0]);
                sums[1] = _mm512_fmadd_ps(a, b_high, sums[1]);
            }
            a = a.add(MR);
            b = b.add(NR);
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                let c = c.add(i * c_row_stride + j * LANES);
                let sum = if accumulate { _mm512_add_ps(_mm512_loadu_ps(c), sum) } else { sum };
                _mm512_storeu_ps(c, sum);
            }
        }
    }
}
