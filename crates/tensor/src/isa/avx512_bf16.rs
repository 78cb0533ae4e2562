//! AVX-512 BF16: one instruction multiplies vectors of 16 pairs of bfloat16 and adds the products
//! up in f32. All else is AVX-512, whose table has these products where the CPU has the extension.
//!
//! That instruction and the one that rounds ([`Steps`]) treat subnormal numbers as 0. Products of
//! such tiny numbers therefore differ from those of the other tables. And the largest subnormal
//! numbers, whose nearest bfloat16 is the smallest normal one, are rounded to 0 while they are
//! packed, but not when an operation has rounded them before.

// Tiles of C are those of AVX-512: 14 × 2 vectors of sums.
use super::avx512::{LANES, MR, NR};
use super::bf16_tiles::{Steps, TILE, TILE_K, Tile, pack_pairs};
use super::table::{GemmKernel, Isa, Job, Kernels};
use super::{avx512, portable, rows};
use crate::matrix::Mat;
use half::{bf16, f16};
use std::arch::x86_64::*;

pub(super) static KERNELS: Kernels = Kernels {
    isa: Isa::Avx512,
    gemm: avx512::GEMM,
    // Every CPU with BF16 has VNNI, which came before it.
    rows: rows::avx512::KERNELS_VNNI,
    gemm_bf16: Some(GemmKernel {
        mr: MR,
        nr: NR,
        kc: 512,
        mc: 10 * MR,
        k_per_step: 2,
        k_per_slot: 2,
        micro: micro::<MR>,
        few_rows: &[(4, micro::<4>), (8, micro::<8>)],
        pack_a: pack::<MR>,
        pack_b: pack::<NR>,
        ..portable::GEMM
    }),
};

/// Packing by vectors: one instruction rounds 32 numbers.
#[derive(Clone, Copy)]
pub(super) struct Vectors(());

impl Vectors {
    /// # Safety
    /// The CPU has AVX-512 F, BW and BF16.
    pub(super) unsafe fn new() -> Self {
        Self(())
    }
}

impl Steps<f32> for Vectors {
    #[inline(always)]
    fn transpose(self, tile: &mut Tile) {
        // SAFETY: whoever made this knows that the CPU has the instruction set.
        unsafe { avx512::transpose(tile) };
    }

    #[inline(always)]
    fn row(self, numbers: &[f32; TILE_K]) -> [u32; TILE] {
        // SAFETY: as above.
        unsafe { round_row(numbers) }
    }

    #[inline(always)]
    fn pairs(self, first: &[f32; TILE], second: &[f32; TILE]) -> [u32; TILE] {
        // SAFETY: as above.
        unsafe { round_pairs(first, second) }
    }
}

impl Steps<bf16> for Vectors {
    #[inline(always)]
    fn transpose(self, tile: &mut Tile) {
        Steps::<f32>::transpose(self, tile);
    }
}

impl Steps<f16> for Vectors {
    #[inline(always)]
    fn transpose(self, tile: &mut Tile) {
        Steps::<f32>::transpose(self, tile);
    }
}

/// Implements [`Steps::row`].
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
fn round_row(numbers: &[f32; TILE_K]) -> [u32; TILE] {
    // SAFETY: there are 32 floats; 32 numbers of 16 bits are 16 words.
    unsafe {
        let low = _mm512_loadu_ps(numbers.as_ptr());
        let high = _mm512_loadu_ps(numbers[LANES..].as_ptr());
        std::mem::transmute(_mm512_cvtne2ps_pbh(high, low))
    }
}

/// Implements [`Steps::pairs`].
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
#[inline]
fn round_pairs(first: &[f32; TILE], second: &[f32; TILE]) -> [u32; TILE] {
    /// Number i of the first half, then of the second.
    const ZIPPED: [u16; TILE_K] = {
        let mut zipped = [0; TILE_K];
        let mut i = 0;
        while i < TILE_K {
            zipped[i] = (i / 2 + i % 2 * TILE) as u16;
            i += 1;
        }
        zipped
    };
    // SAFETY: there are 16 floats each; vectors and arrays are plain bits of the same size.
    unsafe {
        let low = _mm512_loadu_ps(first.as_ptr());
        let high = _mm512_loadu_ps(second.as_ptr());
        let rounded: __m512i = std::mem::transmute(_mm512_cvtne2ps_pbh(high, low));
        let zipped = _mm512_loadu_si512(ZIPPED.as_ptr().cast());
        std::mem::transmute(_mm512_permutexvar_epi16(zipped, rounded))
    }
}

/// # Safety
/// That of [`Pack`](super::pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
unsafe fn pack<const W: usize>(source: Mat<'_>, panels: &mut [f32], _round: bool) {
    // SAFETY: the caller grants it.
    pack_pairs::<W>(source, panels, unsafe { Vectors::new() });
}

/// A [`MicroKernel`](super::table::MicroKernel).
///
/// # Safety
/// That of [`MicroKernel`](super::table::MicroKernel).
#[target_feature(enable = "avx512f,avx512bf16")]
unsafe fn micro<const ROWS: usize>(Job { k, a, b, c, strides, accumulate }: Job) {
    let (mut a, mut b) = (a.cast::<i32>(), b.cast::<i32>());
    let mut sums = [[_mm512_setzero_ps(); 2]; ROWS];
    // SAFETY: the caller grants MR and NR words for every pair along K, and NR floats at each of
    // ROWS multiples of the stride to read and write. A prefetch may have any address. The vectors
    // that change their type are plain bits.
    unsafe {
        let pairs = |words: __m512i| std::mem::transmute::<__m512i, __m512bh>(words);
        for i in 0..ROWS {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::tests::model::Plain;

    #[test]
    fn rounding_by_vectors_is_rounding() {
        if !(is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512bf16")) {
            println!("NOT exercised: this CPU lacks AVX-512 BF16");
            return;
        }
        // SAFETY: the CPU was asked just now.
        let vectors = unsafe { Vectors::new() };
        // Ties, other halves, infinities, NaN, the largest number (rounded to infinity), zeros, the
        // smallest normal number.
        let bits = [
            0x3f80_8000u32,
            0x3f81_8000,
            0x3f80_8001,
            0xbf81_7fff,
            0x7f80_0000,
            0xff80_0000,
            0x7f80_0001,
            0x7f7f_ffff,
            0,
            0x8000_0000,
            0x0080_0000,
        ];
        let numbers: [f32; TILE_K] = std::array::from_fn(|i| f32::from_bits(bits[i % bits.len()]));
        assert_eq!(vectors.row(&numbers), Plain.row(&numbers));
        let (first, second) = numbers.as_chunks::<TILE>().0.split_at(1);
        assert_eq!(vectors.pairs(&first[0], &second[0]), Plain.pairs(&first[0], &second[0]));
        // The largest subnormal number: 0 for the instruction, the smallest normal one if rounded
        // to nearest.
        let tiny = [f32::from_bits(0x007f_ffff); TILE_K];
        assert_eq!((vectors.row(&tiny), Plain.row(&tiny)), ([0; TILE], [0x0080_0080; TILE]));
    }
}
