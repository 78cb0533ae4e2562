//! AVX-512: a lane of a vector is a lane of a sum, or, in 8 bits, an output.

use super::{BLOCK, DenseJob, Int8Job, LANES, RowsKernels, Tile, avx2};
use crate::matrix::int8::GROUP;
use half::{bf16, f16};
use std::arch::x86_64::*;

/// Without instructions for products of bytes, which AVX-512 BW lacks signs for, those of AVX2
/// serve.
pub(in crate::isa) const KERNELS: RowsKernels =
    RowsKernels { f32: dense, bf16: dense, f16: dense, int8: avx2::KERNELS.int8 };

/// With AVX-512 VNNI.
pub(in crate::isa) const KERNELS_VNNI: RowsKernels = RowsKernels { int8, ..KERNELS };

/// An element of which vectors are read.
trait Weight: Copy {
    /// Returns the elements of `p` whose bits in `mask` are 1, in `f32`, and zeros for the others.
    ///
    /// # Safety
    /// The CPU has AVX-512 F, BW and VL; the elements can be read.
    unsafe fn read(p: *const Self, mask: __mmask16) -> __m512;
}

impl Weight for f32 {
    #[inline(always)]
    unsafe fn read(p: *const Self, mask: __mmask16) -> __m512 {
        // SAFETY: the caller grants it.
        unsafe { _mm512_maskz_loadu_ps(mask, p) }
    }
}

impl Weight for bf16 {
    #[inline(always)]
    unsafe fn read(p: *const Self, mask: __mmask16) -> __m512 {
        // SAFETY: the caller grants it.
        unsafe {
            let bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(mask, p.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
        }
    }
}

impl Weight for f16 {
    #[inline(always)]
    unsafe fn read(p: *const Self, mask: __mmask16) -> __m512 {
        // SAFETY: the caller grants it.
        unsafe { _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, p.cast())) }
    }
}

/// A [`DenseKernel`](super::DenseKernel).
///
/// # Safety
/// That of [`DenseKernel`](super::DenseKernel).
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn dense<E: Weight>(job: DenseJob<E>, tile: &mut Tile) {
    let mut row = 0;
    // SAFETY: the caller grants all rows and outputs; each call gets rows that exist.
    unsafe {
        while row < job.rows {
            let rows = match job.rows - row {
                1 => {
                    outputs::<E, 1, 8>(job, row, tile);
                    1
                }
                2 => {
                    outputs::<E, 2, 8>(job, row, tile);
                    2
                }
                3 => {
                    outputs::<E, 3, 4>(job, row, tile);
                    3
                }
                5 => {
                    outputs::<E, 5, 4>(job, row, tile);
                    5
                }
                6 => {
                    outputs::<E, 6, 4>(job, row, tile);
                    6
                }
                _ => {
                    outputs::<E, 4, 4>(job, row, tile);
                    4
                }
            };
            row += rows;
        }
    }
}

/// Computes M rows of the tile from `row` on, N outputs at a time.
///
/// # Safety
/// That of [`DenseKernel`](super::DenseKernel), and these rows exist.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn outputs<E: Weight, const M: usize, const N: usize>(
    job: DenseJob<E>,
    row: usize,
    tile: &mut Tile,
) {
    let whole = job.outputs - job.outputs % N;
    // SAFETY: the caller grants these rows, and the outputs below `job.outputs`.
    unsafe {
        for output in (0..whole).step_by(N) {
            dots::<E, M, N>(job, row, output, tile);
        }
        for output in whole..job.outputs {
            dots::<E, M, 1>(job, row, output, tile);
        }
    }
}

/// Computes the dot products of M rows of input with N of weights.
///
/// # Safety
/// That of [`DenseKernel`](super::DenseKernel), and these rows and outputs exist.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn dots<E: Weight, const M: usize, const N: usize>(
    DenseJob { k, x, x_stride, w, .. }: DenseJob<E>,
    row: usize,
    output: usize,
    tile: &mut Tile,
) {
    let mut sums = [[_mm512_setzero_ps(); N]; M];
    // SAFETY: the caller grants k numbers of each of these rows; a mask hides those beyond.
    unsafe {
        let (x, w) = (x.add(row * x_stride), w.add(output * k));
        let mut first = 0;
        while first + LANES <= k {
            add_products(&mut sums, x.add(first), x_stride, w.add(first), k, !0);
            first += LANES;
        }
        if first < k {
            let mask = !(!0 << (k - first));
            add_products(&mut sums, x.add(first), x_stride, w.add(first), k, mask);
        }
    }
    for (tile, sums) in tile[row..].iter_mut().zip(sums) {
        for (out, sum) in tile[output..].iter_mut().zip(sums) {
            *out = fold(sum);
        }
    }
}

/// Adds a vector of products to each sum.
///
/// # Safety
/// The elements in the mask can be read in each of M and N rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn add_products<E: Weight, const M: usize, const N: usize>(
    sums: &mut [[__m512; N]; M],
    x: *const f32,
    x_stride: usize,
    w: *const E,
    w_stride: usize,
    mask: __mmask16,
) {
    let mut weights = [_mm512_setzero_ps(); N];
    // SAFETY: the caller grants it.
    unsafe {
        for (j, weights) in weights.iter_mut().enumerate() {
            *weights = E::read(w.add(j * w_stride), mask);
        }
        for (i, sums) in sums.iter_mut().enumerate() {
            let x = _mm512_maskz_loadu_ps(mask, x.add(i * x_stride));
            for (sum, &w) in sums.iter_mut().zip(&weights) {
                *sum = _mm512_fmadd_ps(x, w, *sum);
            }
        }
    }
}

/// Adds the lanes in the order of all tables.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
fn fold(lanes: __m512) -> f32 {
    let upper = _mm512_extracti64x4_epi64::<1>(_mm512_castps_si512(lanes));
    avx2::fold(_mm256_add_ps(_mm512_castps512_ps256(lanes), _mm256_castsi256_ps(upper)))
}

/// An [`Int8Kernel`](super::Int8Kernel).
///
/// # Safety
/// That of [`Int8Kernel`](super::Int8Kernel), and the CPU has AVX-512 VNNI.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
unsafe fn int8(job: Int8Job, tile: &mut Tile) {
    let mut row = 0;
    while row < job.rows {
        // SAFETY: the caller grants all rows.
        unsafe {
            row += match job.rows - row {
                1 => int8_rows::<1>(job, row, tile),
                2 | 3 => int8_rows::<2>(job, row, tile),
                4..8 => int8_rows::<4>(job, row, tile),
                _ => int8_rows::<8>(job, row, tile),
            };
        }
    }
}

/// Computes M rows of the tile from `row` on. Returns M.
///
/// The instruction multiplies unsigned by signed bytes. Weights become unsigned by adding 128, and
/// sums begin at −128·Σx.
///
/// # Safety
/// That of [`int8`], and these rows exist.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
#[inline]
unsafe fn int8_rows<const M: usize>(
    Int8Job { groups, x_scales, x, w_scales, w, .. }: Int8Job,
    row: usize,
    tile: &mut Tile,
) -> usize {
    const { assert!(BLOCK == 16 && GROUP == 32) };
    let offset = _mm512_set1_epi8(-128);
    let mut sums = [_mm512_setzero_ps(); M];
    for g in 0..groups {
        // SAFETY: the caller grants all groups of these rows and of the block.
        unsafe {
            let w = w.add(g * GROUP * BLOCK);
            let mut weights = [_mm512_setzero_si512(); GROUP / 4];
            for (p, weights) in weights.iter_mut().enumerate() {
                let signed = _mm512_loadu_si512(w.add(p * 4 * BLOCK).cast());
                *weights = _mm512_xor_si512(signed, offset);
            }
            let scales = _mm512_cvtepu16_epi32(_mm256_loadu_si256(w_scales.add(g * BLOCK).cast()));
            let scales = _mm512_castsi512_ps(_mm512_slli_epi32::<16>(scales));
            for (i, sum) in sums.iter_mut().enumerate() {
                let at = (row + i) * groups + g;
                let x = x.add(at * GROUP);
                // The sum of the group's bytes in each lane, times −128.
                let bytes = _mm256_loadu_si256(x.cast());
                let four =
                    _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(-128), bytes);
                let eight = _mm_add_epi32(
                    _mm256_castsi256_si128(four),
                    _mm256_extracti128_si256::<1>(four),
                );
                let pair = _mm_add_epi32(eight, _mm_shuffle_epi32::<0b0100_1110>(eight));
                let all = _mm_add_epi32(pair, _mm_shuffle_epi32::<0b1011_0001>(pair));
                let mut dots =
                    _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_broadcastd_epi32(all));
                for (p, &weights) in weights.iter().enumerate() {
                    let x = _mm512_set1_epi32(x.add(4 * p).cast::<i32>().read_unaligned());
                    dots = _mm512_dpbusd_epi32(dots, weights, x);
                }
                let scale = _mm512_mul_ps(scales, _mm512_set1_ps(*x_scales.add(at)));
                *sum = _mm512_add_ps(*sum, _mm512_mul_ps(_mm512_cvtepi32_ps(dots), scale));
            }
        }
    }
    for (tile, sum) in tile[row..].iter_mut().zip(sums) {
        // SAFETY: a row of the tile has BLOCK floats.
        unsafe { _mm512_storeu_ps(tile.as_mut_ptr(), sum) };
    }
    M
}
