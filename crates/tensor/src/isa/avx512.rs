//! AVX-512: vectors of 16 floats, 32 registers.
//!
//! The machine of the recorded figures (`benches/record`) lacks AVX-512; an emulator ran it there.

use super::bf16_tiles::{TILE, Tile};
use super::pack::{Quads, Squares, pack};
use super::table::{GemmKernel, Isa, Job, Kernels, Strides};
use super::{portable, rows};
use crate::matrix::Mat;
use std::arch::x86_64::*;

/// 14 × 2 vectors of sums and 2 of B fill 30 of the 32 registers; A is broadcast from memory.
pub(super) const MR: usize = 14;
pub(super) const NR: usize = 2 * LANES;
pub(super) const LANES: usize = 16;

pub(super) static KERNELS: Kernels =
    Kernels { isa: Isa::Avx512, gemm: GEMM, rows: rows::avx512::KERNELS, gemm_bf16: None };

/// With AVX-512 VNNI, which multiplies bytes.
pub(super) static KERNELS_VNNI: Kernels =
    Kernels { isa: Isa::Avx512, gemm: GEMM, rows: rows::avx512::KERNELS_VNNI, gemm_bf16: None };

/// Products in f32.
pub(super) const GEMM: GemmKernel = GemmKernel {
    mr: MR,
    nr: NR,
    mc: 10 * MR,
    micro: micro::<MR, true>,
    few_rows: &[(4, micro::<4, true>), (8, micro::<8, true>)],
    unpacked: Some(micro::<MR, false>),
    pack_a,
    pack_b,
    ..portable::GEMM
};

/// # Safety
/// That of [`Pack`](super::pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn pack_a(source: Mat<'_>, panels: &mut [f32], round: bool) {
    pack::<MR, 4>(source, panels, round, Quads);
}

/// # Safety
/// That of [`Pack`](super::pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn pack_b(source: Mat<'_>, panels: &mut [f32], round: bool) {
    // SAFETY: the caller grants it.
    pack::<NR, LANES>(source, panels, round, unsafe { Vectors::new() });
}

/// Squares of 16 × 16.
#[derive(Clone, Copy)]
struct Vectors(());

impl Vectors {
    /// # Safety
    /// The CPU has AVX-512 F.
    unsafe fn new() -> Self {
        Self(())
    }
}

impl Squares<LANES> for Vectors {
    type Vector = __m512i;

    #[inline(always)]
    fn load(self, numbers: [f32; LANES]) -> __m512i {
        // SAFETY: there are 16 floats; whoever made this knows that the CPU has AVX-512.
        unsafe { _mm512_loadu_si512(numbers.as_ptr().cast()) }
    }

    #[inline(always)]
    fn transpose(self, rows: [__m512i; LANES]) -> [__m512i; LANES] {
        // SAFETY: as above.
        unsafe { transposed(rows) }
    }

    #[inline(always)]
    fn store(self, vector: __m512i, to: &mut [f32; LANES]) {
        // SAFETY: as for `load`.
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), vector) };
    }
}

/// A [`MicroKernel`](super::table::MicroKernel). With `PACKED`, A and B are packed, so that their
/// strides are constants.
///
/// # Safety
/// That of [`MicroKernel`](super::table::MicroKernel).
#[target_feature(enable = "avx512f")]
unsafe fn micro<const ROWS: usize, const PACKED: bool>(
    Job { k, mut a, mut b, c, mut strides, accumulate }: Job,
) {
    if PACKED {
        strides = Strides { a_row: 1, a_col: MR, b_row: NR, ..strides };
    }
    let Strides { a_row, a_col, b_row, c_row } = strides;
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    // SAFETY: the caller grants ROWS elements of each of k columns of A and NR of each of k rows of
    // B to read, and NR floats at each of ROWS multiples of C's stride to read and write. A
    // prefetch may have any address.
    unsafe {
        for i in 0..ROWS {
            let row = c.add(i * c_row);
            _mm_prefetch::<_MM_HINT_T0>(row.cast());
            _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(LANES).cast());
        }
        for _ in 0..k {
            let b_low = _mm512_loadu_ps(b);
            let b_high = _mm512_loadu_ps(b.add(LANES));
            for (i, sums) in sums.iter_mut().enumerate() {
                let a = _mm512_set1_ps(*a.add(i * a_row));
                sums[0] = _mm512_fmadd_ps(a, b_low, sums[0]);
                sums[1] = _mm512_fmadd_ps(a, b_high, sums[1]);
            }
            (a, b) = (a.wrapping_add(a_col), b.wrapping_add(b_row));
        }
        store(&sums, c, c_row, accumulate);
    }
}

/// Writes the sums of a tile to C, or adds them to C. It is inlined into functions that are
/// compiled for AVX-512, as the sums would go through memory otherwise.
///
/// # Safety
/// The CPU has AVX-512 F. C can be read and written for two vectors at each of `ROWS` multiples of
/// the stride.
#[inline(always)]
pub(super) unsafe fn store<const ROWS: usize>(
    sums: &[[__m512; 2]; ROWS],
    c: *mut f32,
    c_row_stride: usize,
    accumulate: bool,
) {
    for (i, sums) in sums.iter().enumerate() {
        for (j, &sum) in sums.iter().enumerate() {
            // SAFETY: the caller grants this vector of C.
            unsafe {
                let c = c.add(i * c_row_stride + j * LANES);
                let sum = if accumulate { _mm512_add_ps(_mm512_loadu_ps(c), sum) } else { sum };
                _mm512_storeu_ps(c, sum);
            }
        }
    }
}

/// Swaps rows and columns.
///
/// # Safety
/// The CPU has AVX-512 F.
#[inline(always)]
pub(super) unsafe fn transpose(tile: &mut Tile) {
    // SAFETY: the caller grants it; a row has 16 words.
    unsafe {
        let mut rows = [_mm512_setzero_si512(); TILE];
        for (words, row) in rows.iter_mut().zip(&tile.0) {
            *words = _mm512_loadu_si512(row.as_ptr().cast());
        }
        for (row, words) in tile.0.iter_mut().zip(transposed(rows)) {
            _mm512_storeu_si512(row.as_mut_ptr().cast(), words);
        }
    }
}

/// Swaps rows and columns in four rounds. With blocks of 8, 4, 2 and 1 words, each round exchanges
/// the block right of the diagonal with the block below it, in every square of 2 × 2 blocks
/// (J. O. Eklundh, *A Fast Computer Method for Matrix Transposing*, 1972). It is inlined into
/// functions that are compiled for AVX-512, as the rows would go through memory otherwise.
///
/// # Safety
/// The CPU has AVX-512 F.
#[inline(always)]
pub(super) unsafe fn transposed(mut rows: [__m512i; TILE]) -> [__m512i; TILE] {
    // SAFETY: the caller grants it.
    unsafe {
        exchange::<8>(&mut rows);
        exchange::<4>(&mut rows);
        exchange::<2>(&mut rows);
        exchange::<1>(&mut rows);
    }
    rows
}

/// One round of [`transposed`].
///
/// # Safety
/// The CPU has AVX-512 F.
#[inline(always)]
unsafe fn exchange<const SIZE: usize>(rows: &mut [__m512i; TILE]) {
    // An index up to 15 takes a word of the upper row, a larger one a word of the lower row.
    let (mut upper, mut lower) = ([0; TILE], [0; TILE]);
    for j in 0..TILE {
        let right = j & SIZE != 0;
        upper[j] = (if right { TILE + j - SIZE } else { j }) as u32;
        lower[j] = (if right { TILE + j } else { j + SIZE }) as u32;
    }
    // SAFETY: arrays of 16 words.
    let (upper, lower) = unsafe {
        (_mm512_loadu_si512(upper.as_ptr().cast()), _mm512_loadu_si512(lower.as_ptr().cast()))
    };
    // A loop of a known length, which the compiler unrolls: the rows stay in registers.
    for pair in 0..TILE / 2 {
        let i = pair / SIZE * 2 * SIZE + pair % SIZE;
        let (above, below) = (rows[i], rows[i + SIZE]);
        // SAFETY: the caller grants it.
        unsafe {
            rows[i] = _mm512_permutex2var_epi32(above, upper, below);
            rows[i + SIZE] = _mm512_permutex2var_epi32(above, lower, below);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::bf16_tiles;

    #[test]
    fn the_vector_transposition_is_a_transposition() {
        if !is_x86_feature_detected!("avx512f") {
            println!("NOT exercised: this CPU lacks AVX-512");
            return;
        }
        let mut tile = Tile([[0; TILE]; TILE]);
        tile.0.as_flattened_mut().iter_mut().zip(0..).for_each(|(word, i)| *word = i);
        let mut expected = tile;
        bf16_tiles::transpose(&mut expected);
        // SAFETY: the CPU was asked above.
        unsafe { transpose(&mut tile) };
        assert_eq!(tile, expected);
    }
}
