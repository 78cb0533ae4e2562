//! Plain Rust whose loops the compiler vectorises for units that every 64-bit CPU has (SSE2, NEON).

use super::pack::{Quads, pack};
use super::rows;
use super::table::{GemmKernel, Isa, Job, Kernels, store_row};

const MR: usize = 6;
const NR: usize = 8;

pub(crate) static KERNELS: Kernels =
    Kernels { isa: Isa::Portable, gemm: GEMM, rows: rows::portable::KERNELS, gemm_bf16: None };

/// Products in f32. Other tables take over the entries that they do not override.
pub(super) const GEMM: GemmKernel = GemmKernel {
    mr: MR,
    nr: NR,
    kc: 256,
    mc: 12 * MR,
    micro: micro::<MR>,
    few_rows: &[(1, micro::<1>), (3, micro::<3>)],
    bf16_rows: None,
    unpacked: None,
    pack_a: |source, panels, round| pack::<MR, 4>(source, panels, round, Quads),
    pack_b: |source, panels, round| pack::<NR, 4>(source, panels, round, Quads),
    k_per_step: 1,
    k_per_slot: 1,
    begin: || (),
    end: || (),
};

/// A [`MicroKernel`](super::table::MicroKernel). Products are not fused with sums, as not every CPU
/// can do that.
///
/// # Safety
/// That of [`MicroKernel`](super::table::MicroKernel).
unsafe fn micro<const ROWS: usize>(Job { k, a, b, c, strides, accumulate }: Job) {
    // SAFETY: the caller grants k·MR and k·NR floats.
    let (a, b) =
        unsafe { (std::slice::from_raw_parts(a, k * MR), std::slice::from_raw_parts(b, k * NR)) };
    let mut sums = [[0.0f32; NR]; ROWS];
    for (a, b) in a.as_chunks::<MR>().0.iter().zip(b.as_chunks::<NR>().0) {
        for i in 0..ROWS {
            for j in 0..NR {
                sums[i][j] += a[i] * b[j];
            }
        }
    }
    for (i, sums) in sums.iter().enumerate() {
        // SAFETY: the caller grants NR floats at each of ROWS multiples of the stride, to us alone.
        let row = unsafe { std::slice::from_raw_parts_mut(c.add(i * strides.c_row), NR) };
        store_row(row, sums, accumulate);
    }
}
