//! AVX-512: a lane of a vector is a lane of a sum, or, in 8 bits, an output.

use super::{
    BLOCK, DenseJob, GROUP, Int8Job, LANES, RowsKernels, SHORT, STREAMS, Tile, WeightedRows, avx2,
    bytes_ahead,
};
use half::{bf16, f16};
use std::arch::x86_64::*;

/// Floats per vector.
const WIDTH: usize = 16;

/// Without instructions for products of bytes, which AVX-512 BW lacks signs for, those of AVX2
/// serve.
pub(in crate::isa) const KERNELS: RowsKernels =
    RowsKernels { f32: dense, bf16: dense, f16: dense, int8: avx2::KERNELS.int8, weighted_sum };

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
/// One row of input takes one output after the other, so that the weights are one stream: along
/// eight rows of weights at once, a multiple of 2 kB apart, reading was 2.5 times as slow. More
/// rows take several outputs at a time, as many as fill the registers with sums.
///
/// # Safety
/// That of [`DenseKernel`](super::DenseKernel).
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn dense<E: Weight>(job: DenseJob<E>, tile: &mut Tile) {
    let mut row = 0;
    while row < job.rows {
        // SAFETY: the caller grants all rows and outputs.
        row += unsafe {
            match job.rows - row {
                1 if job.k > SHORT => one_row(job, row, tile),
                1 => rows::<E, 1, 4>(job, row, tile),
                2 => rows::<E, 2, 4>(job, row, tile),
                3 => rows::<E, 3, 4>(job, row, tile),
                _ => rows::<E, 4, 3>(job, row, tile),
            }
        };
    }
}

/// Computes a row of the tile, one output after the other. Returns 1.
///
/// # Safety
/// That of [`DenseKernel`](super::DenseKernel), and the row exists.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn one_row<E: Weight>(job: DenseJob<E>, row: usize, tile: &mut Tile) -> usize {
    for (four, tile) in tile[row][..job.outputs].chunks_mut(4).enumerate() {
        let mut sums = [_mm512_setzero_ps(); 4];
        for (j, sum) in sums.iter_mut().enumerate().take(tile.len()) {
            // SAFETY: the caller grants this row, and the outputs below `job.outputs`.
            [[*sum]] = unsafe { dots::<E, 1, 1>(job, row, 4 * four + j) };
        }
        tile.copy_from_slice(&fold(sums)[..tile.len()]);
    }
    1
}

/// Computes M rows of the tile from `row` on, N outputs at a time. Returns M.
///
/// # Safety
/// That of [`DenseKernel`](super::DenseKernel), and these rows exist.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn rows<E: Weight, const M: usize, const N: usize>(
    job: DenseJob<E>,
    row: usize,
    tile: &mut Tile,
) -> usize {
    let whole = job.outputs - job.outputs % N;
    for output in (0..whole).step_by(N) {
        // SAFETY: the caller grants these rows, and the outputs below `job.outputs`.
        let sums = unsafe { dots::<E, M, N>(job, row, output) };
        for i in 0..M {
            let mut four = [_mm512_setzero_ps(); 4];
            four[..N].copy_from_slice(&sums[i]);
            tile[row + i][output..output + N].copy_from_slice(&fold(four)[..N]);
        }
    }
    for output in whole..job.outputs {
        // SAFETY: as above.
        let sums = unsafe { dots::<E, M, 1>(job, row, output) };
        for (tile, [sum]) in tile[row..].iter_mut().zip(sums) {
            tile[output] = fold([sum; 4])[0];
        }
    }
    M
}

/// Returns the dot products of M rows of input with N of weights, as sums of lanes l and l + 16.
///
/// # Safety
/// That of [`DenseKernel`](super::DenseKernel), and these rows and outputs exist.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn dots<E: Weight, const M: usize, const N: usize>(
    DenseJob { k, x, x_stride, w, .. }: DenseJob<E>,
    row: usize,
    output: usize,
) -> [[__m512; N]; M] {
    const { assert!(LANES == 2 * WIDTH) };
    let mut sums = [[[_mm512_setzero_ps(); 2]; N]; M];
    // The first rows fetch weights ahead for all others.
    let ahead = if row == 0 { bytes_ahead(k) } else { 0 };
    // SAFETY: the caller grants k numbers of each of these rows; a mask hides those beyond. A
    // prefetch may have any address.
    unsafe {
        let (x, w) = (x.add(row * x_stride), w.add(output * k));
        let mut first = 0;
        while first + LANES <= k {
            for j in 0..N {
                let soon = w.add(j * k + first).cast::<i8>().wrapping_add(ahead);
                _mm_prefetch::<_MM_HINT_T1>(soon);
                if size_of::<E>() * LANES > 64 {
                    _mm_prefetch::<_MM_HINT_T1>(soon.wrapping_add(64));
                }
            }
            add_products::<E, M, N, 0>(&mut sums, x.add(first), x_stride, w.add(first), k, !0);
            let second = first + WIDTH;
            add_products::<E, M, N, 1>(&mut sums, x.add(second), x_stride, w.add(second), k, !0);
            first += LANES;
        }
        if first < k {
            let mask = |len: usize| if len < WIDTH { !(!0 << len) } else { !0 };
            let (x, w, len) = (x.add(first), w.add(first), k - first);
            add_products::<E, M, N, 0>(&mut sums, x, x_stride, w, k, mask(len));
            if len > WIDTH {
                let (x, w, mask) = (x.add(WIDTH), w.add(WIDTH), mask(len - WIDTH));
                add_products::<E, M, N, 1>(&mut sums, x, x_stride, w, k, mask);
            }
        }
    }
    // Loops, as functions of arrays are not compiled for this instruction set.
    let mut added = [[_mm512_setzero_ps(); N]; M];
    for i in 0..M {
        for j in 0..N {
            added[i][j] = _mm512_add_ps(sums[i][j][0], sums[i][j][1]);
        }
    }
    added
}

/// Adds a vector of products to the half HALF of each sum.
///
/// # Safety
/// The elements in the mask can be read in each of M and N rows.
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
#[inline]
unsafe fn add_products<E: Weight, const M: usize, const N: usize, const HALF: usize>(
    sums: &mut [[[__m512; 2]; N]; M],
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
                sum[HALF] = _mm512_fmadd_ps(x, w, sum[HALF]);
            }
        }
    }
}

/// Adds the lanes of four sums in the order of all tables, from where lanes l and l + 16 have been
/// added on.
#[target_feature(enable = "avx512f")]
#[inline]
fn fold([a, b, c, d]: [__m512; 4]) -> [f32; 4] {
    // Quarters of vectors, of 4 lanes each: the lower and the upper two, then both that are left.
    let lower =
        [_mm512_shuffle_f32x4::<0b01_00_01_00>(a, b), _mm512_shuffle_f32x4::<0b01_00_01_00>(c, d)];
    let upper =
        [_mm512_shuffle_f32x4::<0b11_10_11_10>(a, b), _mm512_shuffle_f32x4::<0b11_10_11_10>(c, d)];
    let (ab, cd) = (_mm512_add_ps(lower[0], upper[0]), _mm512_add_ps(lower[1], upper[1]));
    let even = _mm512_shuffle_f32x4::<0b10_00_10_00>(ab, cd);
    let four = _mm512_add_ps(even, _mm512_shuffle_f32x4::<0b11_01_11_01>(ab, cd));
    let two = _mm512_add_ps(four, _mm512_permute_ps::<0b01_00_11_10>(four));
    let one = _mm512_add_ps(two, _mm512_permute_ps::<0b10_11_00_01>(two));
    let first_of_quarters = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    let sums = _mm512_castps512_ps128(_mm512_permutexvar_ps(first_of_quarters, one));
    let mut out = [0.0; 4];
    // SAFETY: four floats.
    unsafe { _mm_storeu_ps(out.as_mut_ptr(), sums) };
    out
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

/// A [`WeightedSum`](super::WeightedSum).
///
/// # Safety
/// That of [`WeightedSum`](super::WeightedSum).
#[target_feature(enable = "avx512f")]
unsafe fn weighted_sum(WeightedRows { count, p, v, width, o }: WeightedRows) {
    for first in (0..width).step_by(WIDTH) {
        let mask = if width - first < WIDTH { !(!0 << (width - first)) } else { !0 };
        let mut sums = [_mm512_setzero_ps(); STREAMS];
        // SAFETY: the caller grants `count` rows of `width` floats; the mask hides those beyond.
        unsafe {
            let (mut t, mut v) = (0, v.add(first));
            while t + STREAMS <= count {
                for (s, sum) in sums.iter_mut().enumerate() {
                    let (p, v) = (_mm512_set1_ps(*p.add(t + s)), v.add(s * width));
                    *sum = _mm512_fmadd_ps(p, _mm512_maskz_loadu_ps(mask, v), *sum);
                }
                t += STREAMS;
                v = v.wrapping_add(STREAMS * width);
            }
            // Sums that are indexed would leave their registers: all are passed, few are used.
            for (s, sum) in sums.iter_mut().enumerate().take(STREAMS - 1) {
                if t + s < count {
                    let (p, v) = (_mm512_set1_ps(*p.add(t + s)), v.add(s * width));
                    *sum = _mm512_fmadd_ps(p, _mm512_maskz_loadu_ps(mask, v), *sum);
                }
            }
            let [a, b, c, d] = sums;
            let sum = _mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d));
            _mm512_mask_storeu_ps(o.add(first), mask, sum);
        }
    }
}
