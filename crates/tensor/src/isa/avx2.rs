//! AVX2 and FMA: vectors of 8 floats, 16 registers.

use super::pack::{Quads, Squares, pack};
use super::table::{GemmKernel, Isa, Job, Kernels, Strides};
use super::{portable, rows};
use crate::matrix::Mat;
use std::arch::x86_64::*;

/// 6 × 2 vectors of sums, 2 of B and 1 of A fill 15 of the 16 registers.
const MR: usize = 6;
const NR: usize = 2 * LANES;
const LANES: usize = 8;

pub(super) static KERNELS: Kernels =
    Kernels { isa: Isa::Avx2, gemm: GEMM, rows: rows::avx2::KERNELS, gemm_bf16: None };

/// Products in f32.
pub(super) const GEMM: GemmKernel = GemmKernel {
    mr: MR,
    nr: NR,
    mc: 24 * MR,
    micro: micro::<MR, true>,
    few_rows: &[(1, micro::<1, true>), (3, micro::<3, true>)],
    unpacked: Some(micro::<MR, false>),
    pack_a,
    pack_b,
    ..portable::GEMM
};

/// # Safety
/// That of [`Pack`](super::pack::Pack).
#[target_feature(enable = "avx2,fma")]
unsafe fn pack_a(source: Mat<'_>, panels: &mut [f32], round: bool) {
    pack::<MR, 4>(source, panels, round, Quads);
}

/// # Safety
/// That of [`Pack`](super::pack::Pack).
#[target_feature(enable = "avx2,fma")]
unsafe fn pack_b(source: Mat<'_>, panels: &mut [f32], round: bool) {
    // SAFETY: the caller grants it.
    pack::<NR, LANES>(source, panels, round, unsafe { Octets::new() });
}

/// Squares of 8 × 8.
#[derive(Clone, Copy)]
struct Octets(());

impl Octets {
    /// # Safety
    /// The CPU has AVX2.
    unsafe fn new() -> Self {
        Self(())
    }
}

impl Squares<LANES> for Octets {
    type Vector = __m256;

    #[inline(always)]
    fn load(self, numbers: [f32; LANES]) -> __m256 {
        // SAFETY: there are eight floats; whoever made this knows that the CPU has AVX2.
        unsafe { _mm256_loadu_ps(numbers.as_ptr()) }
    }

    #[inline(always)]
    fn transpose(self, rows: [__m256; LANES]) -> [__m256; LANES] {
        // SAFETY: as above.
        unsafe {
            // Pairs of rows, then groups of four, within each half of the vectors; then halves.
            let mut pairs = rows;
            for i in (0..LANES).step_by(2) {
                pairs[i] = _mm256_unpacklo_ps(rows[i], rows[i + 1]);
                pairs[i + 1] = _mm256_unpackhi_ps(rows[i], rows[i + 1]);
            }
            let mut fours = pairs;
            for i in (0..LANES).step_by(4) {
                fours[i] = _mm256_shuffle_ps::<0x44>(pairs[i], pairs[i + 2]);
                fours[i + 1] = _mm256_shuffle_ps::<0xee>(pairs[i], pairs[i + 2]);
                fours[i + 2] = _mm256_shuffle_ps::<0x44>(pairs[i + 1], pairs[i + 3]);
                fours[i + 3] = _mm256_shuffle_ps::<0xee>(pairs[i + 1], pairs[i + 3]);
            }
            let mut columns = fours;
            for i in 0..LANES / 2 {
                columns[i] = _mm256_permute2f128_ps::<0x20>(fours[i], fours[i + 4]);
                columns[i + 4] = _mm256_permute2f128_ps::<0x31>(fours[i], fours[i + 4]);
            }
            columns
        }
    }

    #[inline(always)]
    fn store(self, vector: __m256, to: &mut [f32; LANES]) {
        // SAFETY: as for `load`.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), vector) };
    }
}

/// A [`MicroKernel`](super::table::MicroKernel). With `PACKED`, A and B are packed, so that their
/// strides are constants.
///
/// # Safety
/// That of [`MicroKernel`](super::table::MicroKernel).
#[target_feature(enable = "avx2,fma")]
unsafe fn micro<const ROWS: usize, const PACKED: bool>(
    Job { k, mut a, mut b, c, mut strides, accumulate }: Job,
) {
    if PACKED {
        strides = Strides { a_row: 1, a_col: MR, b_row: NR, ..strides };
    }
    let Strides { a_row, a_col, b_row, c_row } = strides;
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    // SAFETY: the caller grants ROWS elements of each of k columns of A and NR of each of k rows of
    // B to read, and NR floats at each of ROWS multiples of C's stride to read and write.
    unsafe {
        for i in 0..ROWS {
            _mm_prefetch::<_MM_HINT_T0>(c.add(i * c_row).cast());
        }
        for _ in 0..k / UNROLLED {
            for _ in 0..UNROLLED {
                add_product(a, a_row, b, &mut sums);
                (a, b) = (a.wrapping_add(a_col), b.wrapping_add(b_row));
            }
        }
        for _ in 0..k % UNROLLED {
            add_product(a, a_row, b, &mut sums);
            (a, b) = (a.wrapping_add(a_col), b.wrapping_add(b_row));
        }
        for (i, sums) in sums.iter().enumerate() {
            for (j, &sum) in sums.iter().enumerate() {
                let c = c.add(i * c_row + j * LANES);
                let sum = if accumulate { _mm256_add_ps(_mm256_loadu_ps(c), sum) } else { sum };
                _mm256_storeu_ps(c, sum);
            }
        }
    }
}

/// Steps along K between two jumps back. A core that is shared with another hyper-thread fetches
/// instructions only every other cycle, and fewer of them where they end at a jump: unrolling made
/// products up to a tenth faster on a shared Zen 3.
const UNROLLED: usize = 4;

/// Adds the product of a column of A and a row of B to the sums.
///
/// # Safety
/// The CPU has AVX2 and FMA; a float at each of ROWS multiples of `a_row`, and NR floats of `b`,
/// can be read.
#[target_feature(enable = "avx2,fma")]
#[inline]
unsafe fn add_product<const ROWS: usize>(
    a: *const f32,
    a_row: usize,
    b: *const f32,
    sums: &mut [[__m256; 2]; ROWS],
) {
    // SAFETY: the caller grants it.
    unsafe {
        let b_low = _mm256_loadu_ps(b);
        let b_high = _mm256_loadu_ps(b.add(LANES));
        for (i, sums) in sums.iter_mut().enumerate() {
            let a = _mm256_broadcast_ss(&*a.add(i * a_row));
            sums[0] = _mm256_fmadd_ps(a, b_low, sums[0]);
            sums[1] = _mm256_fmadd_ps(a, b_high, sums[1]);
        }
    }
}
