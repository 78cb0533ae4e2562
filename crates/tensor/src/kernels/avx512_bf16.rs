//! AVX-512 BF16: vectors of 16 pairs of bfloat16, multiplied and added up in f32 by one instruction. All else is
//! AVX-512, whose table has these products where the CPU has the extension. The instruction takes subnormal numbers,
//! in operands and sums, for 0: products of such tiny numbers differ from those of the other tables.

// The same tiles of C: 14 × 2 vectors of sums.
use super::avx512::{LANES, MR, NR};
use super::gemm::Mat;
use super::tiles::pack_pairs;
use super::{GemmKernel, Isa, Kernels, Strides, avx512, nothing};
use std::arch::x86_64::*;

pub(super) static KERNELS: Kernels = Kernels {
    isa: Isa::Avx512,
    gemm: avx512::GEMM,
    gemm_bf16: Some(GemmKernel {
        mr: MR,
        nr: NR,
        kc: 512,
        mc: 10 * MR,
        terms_a_step: 2,
        terms_a_slot: 2,
        micro,
        direct: None,
        pack_a,
        pack_b,
        begin: nothing,
        end: nothing,
    }),
};

/// # Safety
/// That of [`Pack`](super::pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn pack_a(source: Mat<'_>, panels: &mut [f32], _round: bool) {
    pack_pairs::<MR>(source, panels, |tile| avx512::transpose(tile));
}

/// # Safety
/// That of [`Pack`](super::pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn pack_b(source: Mat<'_>, panels: &mut [f32], _round: bool) {
    pack_pairs::<NR>(source, panels, |tile| avx512::transpose(tile));
}

/// See [`MicroKernel`](super::MicroKernel).
///
/// # Safety
/// That of [`MicroKernel`](super::MicroKernel).
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn micro(
    k: usize,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
    strides: Strides,
    accumulate: bool,
) {
    let (mut a, mut b) = (a.cast::<i32>(), b.cast::<i32>());
    let mut sums = [[_mm512_setzero_ps(); 2]; MR];
    // SAFETY: the caller grants MR and NR words for every two terms, and NR floats at each of MR multiples of the
    // stride to read and write. A prefetch may have any address. The vectors that change their type are plain bits.
    unsafe {
        let pairs = |words: __m512i| std::mem::transmute::<__m512i, __m512bh>(words);
        for i in 0..MR {
            let row = c.add(i * strides.c_row);
            _mm_prefetch::<_MM_HINT_T0>(row.cast());
            _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(LANES).cast());
        }
        for _ in 0..k.div_ceil(2) {
            let b_low = pairs(_mm512_loadu_si512(b.cast()));
            let b_high = pairs(_mm512_loadu_si512(b.add(LANES).cast()));
            for (i, sums) in sums.iter_mut().enumerate() {
                let a = pairs(_mm512_set1_epi32(*a.add(i)));
                sums[0] = _mm512_dpbf16_ps(sums[0], a, b_low);
                sums[1] = _mm512_dpbf16_ps(sums[1], a, b_high);
            }
            a = a.add(MR);
            b = b.add(NR);
        }
        avx512::store(&sums, c, strides.c_row, accumulate);
    }
}
