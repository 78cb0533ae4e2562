//! Models of the units for bf16 in plain Rust, as tables: they take the same panels, so that
//! packing, edges and blocking are tested on any machine.

use crate::isa::bf16_tiles::*;
use crate::isa::table::{GemmKernel, Isa, Job, Kernels, store_row};
use crate::isa::{available, portable, rows};
use crate::matrix::element::Element;
use crate::{Context, Precision};
use bytemuck::Zeroable;
use half::bf16;

/// Packing in plain Rust.
#[derive(Clone, Copy)]
pub(crate) struct Plain;

impl<E: Element> Steps<E> for Plain {
    fn transpose(self, tile: &mut Tile) {
        transpose(tile);
    }
}

/// A unit that multiplies tiles.
pub(crate) static TILES: Kernels = Kernels {
    isa: Isa::Portable,
    gemm: portable::GEMM,
    rows: rows::portable::KERNELS,
    gemm_bf16: Some(GemmKernel {
        mr: PANEL,
        nr: PANEL,
        kc: 2 * TILE_K,
        mc: 2 * PANEL,
        k_per_step: TILE_K,
        k_per_slot: 2,
        micro: multiply_panels,
        few_rows: &[],
        bf16_rows: Some(multiply_rows),
        pack_a: |source, panels, _| pack(source, panels, TileOrder::Rows, Plain),
        pack_b: |source, panels, _| pack(source, panels, TileOrder::Pairs, Plain),
        ..portable::GEMM
    }),
};

/// A unit that multiplies vectors of pairs.
pub(crate) static PAIRS: Kernels = Kernels {
    isa: Isa::Portable,
    gemm: portable::GEMM,
    rows: rows::portable::KERNELS,
    gemm_bf16: Some(GemmKernel {
        mr: MR,
        nr: NR,
        kc: 2 * TILE_K,
        mc: 3 * MR,
        k_per_step: 2,
        k_per_slot: 2,
        micro: multiply_pairs::<MR>,
        few_rows: &[(3, multiply_pairs::<3>)],
        pack_a: |source, panels, _| pack_pairs::<MR>(source, panels, Plain),
        pack_b: |source, panels, _| pack_pairs::<NR>(source, panels, Plain),
        ..portable::GEMM
    }),
};

/// Returns every table of this machine in both precisions, and the models in bf16.
pub(crate) fn contexts() -> impl Iterator<Item = Context> {
    let context = |kernels, precision| Context { kernels, precision };
    let both = move |kernels| [Precision::F32, Precision::Bf16].map(|p| context(kernels, p));
    let of_this_machine = available().into_iter().flat_map(both);
    of_this_machine.chain([&TILES, &PAIRS].map(|kernels| context(kernels, Precision::Bf16)))
}

const MR: usize = 14;
const NR: usize = 32;

/// The two numbers of a word.
fn halves(word: u32) -> [f32; 2] {
    [f32::from_bits(word << 16), f32::from_bits(word & 0xffff_0000)]
}

/// d ← d + a·b for the two numbers of a word.
fn add_product(d: &mut f32, a: u32, b: u32) {
    let (a, b) = (halves(a), halves(b));
    *d += a[0] * b[0];
    *d += a[1] * b[1];
}

/// A [`MicroKernel`](crate::isa::table::MicroKernel).
///
/// # Safety
/// That of [`MicroKernel`](crate::isa::table::MicroKernel).
unsafe fn multiply_panels(job: Job) {
    assert!(job.a.addr().is_multiple_of(64), "panels are aligned");
    // SAFETY: the caller grants the panel of A, and all else.
    unsafe {
        let a = std::slice::from_raw_parts(job.a.cast::<Tile>(), 2 * job.k.div_ceil(TILE_K));
        multiply_tiles(a, job);
    }
}

/// A [`MicroKernel`](crate::isa::table::MicroKernel) for rows of A in bf16 that are read where they
/// are.
///
/// # Safety
/// That of [`MicroKernel`](crate::isa::table::MicroKernel).
unsafe fn multiply_rows(job: Job) {
    let (k, a_row) = (job.k, job.strides.a_row);
    assert!(job.a.addr().is_multiple_of(64) && a_row.is_multiple_of(TILE_K), "rows are aligned");
    assert!(k.is_multiple_of(TILE_K), "k consists of whole steps");
    let mut tiles = vec![Tile::zeroed(); 2 * k / TILE_K];
    for (index, tile) in tiles.iter_mut().enumerate() {
        for (i, words) in tile.0.iter_mut().enumerate() {
            let first = (index % 2 * TILE + i) * a_row + index / 2 * TILE_K;
            // SAFETY: the caller grants 32 rows of k numbers.
            *words = unsafe { job.a.cast::<bf16>().add(first).cast::<Words>().read() };
        }
    }
    // SAFETY: the caller grants the panel of B, and C.
    unsafe { multiply_tiles(&tiles, job) };
}

/// Multiplies tiles of A, in place of the job's, by those of B: two of each for every 32 of k.
///
/// # Safety
/// As many tiles of B can be read; 32 floats in each of 32 rows of C can be read and written.
unsafe fn multiply_tiles(a: &[Tile], Job { b, c, strides, accumulate, .. }: Job) {
    assert!(b.addr().is_multiple_of(64), "panels are aligned");
    // SAFETY: the caller grants the panel.
    let b = unsafe { std::slice::from_raw_parts(b.cast::<Tile>(), a.len()) };
    for (i, j) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let mut d = [[0.0; TILE]; TILE];
        for (a, b) in a.chunks_exact(2).zip(b.chunks_exact(2)) {
            for (d, a) in d.iter_mut().zip(&a[i].0) {
                for (&a, b) in a.iter().zip(&b[j].0) {
                    d.iter_mut().zip(b).for_each(|(d, &b)| add_product(d, a, b));
                }
            }
        }
        for (r, d) in d.iter().enumerate() {
            // SAFETY: the caller grants 32 floats in each of 32 rows.
            let row = unsafe {
                let start = c.add((i * TILE + r) * strides.c_row + j * TILE);
                std::slice::from_raw_parts_mut(start, TILE)
            };
            store_row(row, d, accumulate);
        }
    }
}

/// A [`MicroKernel`](crate::isa::table::MicroKernel).
///
/// # Safety
/// That of [`MicroKernel`](crate::isa::table::MicroKernel).
unsafe fn multiply_pairs<const ROWS: usize>(Job { k, a, b, c, strides, accumulate }: Job) {
    let pairs = k.div_ceil(2);
    // SAFETY: the caller grants the panels.
    let (a, b) = unsafe {
        (
            std::slice::from_raw_parts(a.cast::<[u32; MR]>(), pairs),
            std::slice::from_raw_parts(b.cast::<[u32; NR]>(), pairs),
        )
    };
    for i in 0..ROWS {
        let mut d = [0.0; NR];
        for (a, b) in a.iter().zip(b) {
            d.iter_mut().zip(b).for_each(|(d, &b)| add_product(d, a[i], b));
        }
        // SAFETY: the caller grants 32 floats in each of these rows.
        let row = unsafe { std::slice::from_raw_parts_mut(c.add(i * strides.c_row), NR) };
        store_row(row, &d, accumulate);
    }
}
