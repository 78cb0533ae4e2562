//! AVX2, FMA and F16C: four vectors hold the lanes of a sum; in 8 bits two hold the outputs of a
//! block.

use super::{
    BLOCK, DenseJob, GROUP, Int8Job, LANES, RowsKernels, SHORT, STREAMS, Tile, WeightedRows,
    bytes_ahead,
};
use half::{bf16, f16};
use std::arch::x86_64::*;

pub(in crate::isa) const KERNELS: RowsKernels =
    RowsKernels { f32: dense, bf16: dense, f16: dense, int8, weighted_sum };

/// Floats per vector.
const WIDTH: usize = 8;
/// Vectors of lanes.
const VECTORS: usize = LANES / WIDTH;

/// An element of which vectors are read.
trait Weight: Copy + Default {
    /// Returns eight elements in `f32`.
    ///
    /// # Safety
    /// The CPU has AVX2 and F16C; the elements can be read.
    unsafe fn read(p: *const Self) -> __m256;
}

impl Weight for f32 {
    #[inline(always)]
    unsafe fn read(p: *const Self) -> __m256 {
        // SAFETY: the caller grants it.
        unsafe { _mm256_loadu_ps(p) }
    }
}

impl Weight for bf16 {
    #[inline(always)]
    unsafe fn read(p: *const Self) -> __m256 {
        // SAFETY: the caller grants it.
        unsafe {
            let bits = _mm256_cvtepu16_epi32(_mm_loadu_si128(p.cast()));
            _mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits))
        }
    }
}

impl Weight for f16 {
    #[inline(always)]
    unsafe fn read(p: *const Self) -> __m256 {
        // SAFETY: the caller grants it.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(p.cast())) }
    }
}

/// A [`DenseKernel`](super::DenseKernel).
///
/// # Safety
/// That of [`DenseKernel`](super::DenseKernel), and the CPU has F16C.
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn dense<E: Weight>(job: DenseJob<E>, tile: &mut Tile) {
    let mut row = 0;
    while row < job.rows {
        // SAFETY: the caller grants all rows and outputs.
        row += unsafe {
            match job.rows - row {
                1 if job.k > SHORT => outputs::<E, 1, 1>(job, row, tile),
                1 => outputs::<E, 1, 2>(job, row, tile),
                2 | 4 => outputs::<E, 2, 1>(job, row, tile),
                _ => outputs::<E, 3, 1>(job, row, tile),
            }
        };
    }
}

/// Computes M rows of the tile from `row` on, N outputs at a time. Returns M.
///
/// # Safety
/// That of [`dense`], and these rows exist.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
unsafe fn outputs<E: Weight, const M: usize, const N: usize>(
    job: DenseJob<E>,
    row: usize,
    tile: &mut Tile,
) -> usize {
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
    M
}

/// Computes the dot products of M rows of input with N of weights.
///
/// # Safety
/// That of [`dense`], and these rows and outputs exist.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
unsafe fn dots<E: Weight, const M: usize, const N: usize>(
    DenseJob { k, x, x_stride, w, .. }: DenseJob<E>,
    row: usize,
    output: usize,
    tile: &mut Tile,
) {
    const { assert!(LANES == VECTORS * WIDTH) };
    let mut sums = [[[_mm256_setzero_ps(); VECTORS]; N]; M];
    let whole = k - k % LANES;
    // The first rows fetch weights ahead for all others.
    let ahead = if row == 0 { bytes_ahead(k) } else { 0 };
    // SAFETY: the caller grants k numbers of each of these rows; what is left of them is copied to
    // arrays that end with zeros. A prefetch may have any address.
    unsafe {
        let (x, w) = (x.add(row * x_stride), w.add(output * k));
        for first in (0..whole).step_by(LANES) {
            for j in 0..N {
                let soon = w.add(j * k + first).cast::<i8>().wrapping_add(ahead);
                _mm_prefetch::<_MM_HINT_T1>(soon);
                if size_of::<E>() * LANES > 64 {
                    _mm_prefetch::<_MM_HINT_T1>(soon.wrapping_add(64));
                }
            }
            add_products(&mut sums, x.add(first), x_stride, w.add(first), k);
        }
        if whole < k {
            let (mut x_rest, mut w_rest) = ([[0.0; LANES]; M], [[E::default(); LANES]; N]);
            for (i, rest) in x_rest.iter_mut().enumerate() {
                x.add(i * x_stride + whole).copy_to(rest.as_mut_ptr(), k - whole);
            }
            for (j, rest) in w_rest.iter_mut().enumerate() {
                w.add(j * k + whole).copy_to(rest.as_mut_ptr(), k - whole);
            }
            let (x, w) = (x_rest.as_ptr().cast(), w_rest.as_ptr().cast());
            add_products::<E, M, N>(&mut sums, x, LANES, w, LANES);
        }
    }
    for (tile, sums) in tile[row..].iter_mut().zip(sums) {
        for (out, [a, b, c, d]) in tile[output..].iter_mut().zip(sums) {
            *out = fold(_mm256_add_ps(_mm256_add_ps(a, c), _mm256_add_ps(b, d)));
        }
    }
}

/// Adds [`LANES`] products to each sum.
///
/// # Safety
/// The CPU has AVX2, FMA and F16C; so many elements can be read in each of M and N rows.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
unsafe fn add_products<E: Weight, const M: usize, const N: usize>(
    sums: &mut [[[__m256; VECTORS]; N]; M],
    x: *const f32,
    x_stride: usize,
    w: *const E,
    w_stride: usize,
) {
    for part in 0..VECTORS {
        // SAFETY: the caller grants it.
        unsafe {
            let (x, w) = (x.add(part * WIDTH), w.add(part * WIDTH));
            let mut weights = [_mm256_setzero_ps(); N];
            for (j, weights) in weights.iter_mut().enumerate() {
                *weights = E::read(w.add(j * w_stride));
            }
            for (i, sums) in sums.iter_mut().enumerate() {
                let x = _mm256_loadu_ps(x.add(i * x_stride));
                for (sum, &w) in sums.iter_mut().zip(&weights) {
                    sum[part] = _mm256_fmadd_ps(x, w, sum[part]);
                }
            }
        }
    }
}

/// Adds lanes in the order of all tables, from where lanes l and l + 8 have been added on.
#[target_feature(enable = "avx2")]
#[inline]
fn fold(lanes: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
}

/// An [`Int8Kernel`](super::Int8Kernel).
///
/// # Safety
/// That of [`Int8Kernel`](super::Int8Kernel).
#[target_feature(enable = "avx2,fma")]
unsafe fn int8(job: Int8Job, tile: &mut Tile) {
    let mut row = 0;
    while row < job.rows {
        // SAFETY: the caller grants all rows.
        row += unsafe {
            match job.rows - row {
                1 => int8_rows::<1>(job, row, tile),
                _ => int8_rows::<2>(job, row, tile),
            }
        };
    }
}

/// Computes M rows of the tile from `row` on. Returns M.
///
/// The instruction multiplies unsigned by signed bytes: |x| by w with the sign of x. Two products
/// of at most 127² are added in 16 bits, which hold them.
///
/// # Safety
/// That of [`int8`], and these rows exist.
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn int8_rows<const M: usize>(
    Int8Job { groups, x_scales, x, w_scales, w, .. }: Int8Job,
    row: usize,
    tile: &mut Tile,
) -> usize {
    const { assert!(BLOCK == 2 * WIDTH && GROUP == 32) };
    let ones = _mm256_set1_epi16(1);
    let mut sums = [[_mm256_setzero_ps(); 2]; M];
    for g in 0..groups {
        // SAFETY: the caller grants all groups of these rows and of the block.
        unsafe {
            let w = w.add(g * GROUP * BLOCK);
            let mut dots = [[_mm256_setzero_si256(); 2]; M];
            for p in 0..GROUP / 4 {
                let w = w.add(p * 4 * BLOCK);
                let weights =
                    [_mm256_loadu_si256(w.cast()), _mm256_loadu_si256(w.add(4 * WIDTH).cast())];
                for (i, dots) in dots.iter_mut().enumerate() {
                    let x = x.add(((row + i) * groups + g) * GROUP + 4 * p);
                    let x = _mm256_set1_epi32(x.cast::<i32>().read_unaligned());
                    let magnitude = _mm256_abs_epi8(x);
                    for (dot, weights) in dots.iter_mut().zip(weights) {
                        let pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(weights, x));
                        *dot = _mm256_add_epi32(*dot, _mm256_madd_epi16(pairs, ones));
                    }
                }
            }
            for half in 0..2 {
                let scales = _mm_loadu_si128(w_scales.add(g * BLOCK + half * WIDTH).cast());
                let scales = _mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(scales));
                let scales = _mm256_castsi256_ps(scales);
                for (i, (sums, dots)) in sums.iter_mut().zip(&dots).enumerate() {
                    let x_scale = _mm256_set1_ps(*x_scales.add((row + i) * groups + g));
                    let dots = _mm256_cvtepi32_ps(dots[half]);
                    let product = _mm256_mul_ps(dots, _mm256_mul_ps(scales, x_scale));
                    sums[half] = _mm256_add_ps(sums[half], product);
                }
            }
        }
    }
    for (tile, sums) in tile[row..].iter_mut().zip(sums) {
        for (half, sums) in sums.into_iter().enumerate() {
            // SAFETY: a row of the tile has two vectors.
            unsafe { _mm256_storeu_ps(tile.as_mut_ptr().add(half * WIDTH), sums) };
        }
    }
    M
}

/// A [`WeightedSum`](super::WeightedSum).
///
/// # Safety
/// That of [`WeightedSum`](super::WeightedSum).
#[target_feature(enable = "avx2,fma")]
unsafe fn weighted_sum(WeightedRows { count, p, v, width, o }: WeightedRows) {
    const ALL: __m256i = {
        // SAFETY: any bits are a vector of integers.
        unsafe { std::mem::transmute([-1i32; WIDTH]) }
    };
    for first in (0..width).step_by(WIDTH) {
        let mask = if width - first < WIDTH {
            let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
            _mm256_cmpgt_epi32(_mm256_set1_epi32((width - first) as i32), lanes)
        } else {
            ALL
        };
        let mut sums = [_mm256_setzero_ps(); STREAMS];
        // SAFETY: the caller grants `count` rows of `width` floats; the mask hides those beyond.
        unsafe {
            let (mut t, mut v) = (0, v.add(first));
            while t + STREAMS <= count {
                for (s, sum) in sums.iter_mut().enumerate() {
                    let (p, v) = (_mm256_broadcast_ss(&*p.add(t + s)), v.add(s * width));
                    *sum = _mm256_fmadd_ps(p, _mm256_maskload_ps(v, mask), *sum);
                }
                t += STREAMS;
                v = v.wrapping_add(STREAMS * width);
            }
            // Sums that are indexed would leave their registers: all are passed, few are used.
            for (s, sum) in sums.iter_mut().enumerate().take(STREAMS - 1) {
                if t + s < count {
                    let (p, v) = (_mm256_broadcast_ss(&*p.add(t + s)), v.add(s * width));
                    *sum = _mm256_fmadd_ps(p, _mm256_maskload_ps(v, mask), *sum);
                }
            }
            let [a, b, c, d] = sums;
            let sum = _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d));
            _mm256_maskstore_ps(o.add(first), mask, sum);
        }
    }
}
