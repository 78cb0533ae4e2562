//! AVX-512: vectors of 16 floats, 32 registers.
//!
//! The machine of the recorded figures (`benches/record`) lacks AVX-512; an emulator ran it there.

use super::bf16_tiles::{TILE, Tile};
use super::table::{GemmKernel, Isa, Job, Kernels, Strides};
use super::{pack, portable, rows};
use crate::matrix::Mat;
use std::arch::x86_64::*;

/// 14 × 2 vectors of sums and 2 of B fill 30 of the 32 registers; A is broadcast from memory.
pub(super) const MR: usize = 14;
pub(super) const NR: usize = 2 * LANES;
pub(super) const LANES: usize = 16;

pub(super) static KERNELS: Kernels =
    Kernels { isa: Isa::Avx512, gemm: GEMM, rows: rows::avx512::KERNELS, gemm_bf16: None };

/// Products in f32.
pub(super) const GEMM: GemmKernel = GemmKernel {
    mr: MR,
    nr: NR,
    mc: 10 * MR,
    micro: micro::<true>,
    unpacked: Some(micro::<false>),
    pack_a: pack::<MR>,
    pack_b: pack::<NR>,
    ..portable::GEMM
};

/// # Safety
/// That of [`Pack`](pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn pack<const W: usize>(source: Mat<'_>, panels: &mut [f32], round: bool) {
    pack::pack::<W>(source, panels, round);
}

/// A [`MicroKernel`](super::table::MicroKernel). With `PACKED`, A and B are packed, so that their
/// strides are constants.
///
/// # Safety
/// That of [`MicroKernel`](super::table::MicroKernel).
#[target_feature(enable = "avx512f")]
unsafe fn micro<const PACKED: bool>(Job { k, mut a, mut b, c, mut strides, accumulate }: Job) {
    if PACKED {
        strides = Strides { a_row: 1, a_col: MR, b_row: NR, ..strides };
    }
    let Strides { a_row, a_col, b_row, c_row } = strides;
    let mut sums = [[_mm512_setzero_ps(); 2]; MR];
    // SAFETY: the caller grants MR elements of each of k columns of A and NR of each of k rows of B
    // to read, and NR floats at each of MR multiples of C's stride to read and write. A prefetch
    // may have any address.
    unsafe {
        for i in 0..MR {
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
/// The CPU has AVX-512 F. C can be read and written for two vectors at each of [`MR`] multiples of
/// the stride.
#[inline(always)]
pub(super) unsafe fn store(
    sums: &[[__m512; 2]; MR],
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

/// Swaps rows and columns in four rounds. With blocks of 8, 4, 2 and 1 words, each round exchanges
/// the block right of the diagonal with the block below it, in every square of 2 × 2 blocks
/// (J. O. Eklundh, *A Fast Computer Method for Matrix Transposing*, 1972).
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn transpose(tile: &mut Tile) {
    let mut rows = tile.0.map(|row| {
        // SAFETY: a row has 16 words.
        unsafe { _mm512_loadu_si512(row.as_ptr().cast()) }
    });
    exchange::<8>(&mut rows);
    exchange::<4>(&mut rows);
    exchange::<2>(&mut rows);
    exchange::<1>(&mut rows);
    for (row, words) in tile.0.iter_mut().zip(rows) {
        // SAFETY: a row has 16 words.
        unsafe { _mm512_storeu_si512(row.as_mut_ptr().cast(), words) };
    }
}

/// One round of [`transpose`].
#[inline]
#[target_feature(enable = "avx512f")]
fn exchange<const SIZE: usize>(rows: &mut [__m512i; TILE]) {
    // An index up to 15 takes a word of the upper row, a larger one a word of the lower row.
    let index = |words: [u32; TILE]| {
        // SAFETY: an array of 16 words.
        unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
    };
    let (mut upper, mut lower) = ([0; TILE], [0; TILE]);
    for j in 0..TILE {
        let right = j & SIZE != 0;
        upper[j] = (if right { TILE + j - SIZE } else { j }) as u32;
        lower[j] = (if right { TILE + j } else { j + SIZE }) as u32;
    }
    let (upper, lower) = (index(upper), index(lower));
    for i in (0..TILE).filter(|i| i & SIZE == 0) {
        let (above, below) = (rows[i], rows[i + SIZE]);
        rows[i] = _mm512_permutex2var_epi32(above, upper, below);
        rows[i + SIZE] = _mm512_permutex2var_epi32(above, lower, below);
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
