//! AMX: products of tiles of bfloat16 with sums in f32, 16 × 16 × 32 in one instruction. All else
//! is AVX-512.
//!
//! The unit has 8 tile registers of 16 rows of 64 bytes. Four hold sums, a block of 32 × 32
//! elements of C; two hold A's rows and two B's columns, so that each tile that is loaded is
//! multiplied twice. Panels (see `bf16_tiles`) are read front to back; rows of A that are bf16
//! already and begin cache lines are read where they are.
//!
//! The unit rounds sums to nearest whatever the thread's rounding mode is, and treats subnormal
//! numbers in operands and sums as 0. Products of such tiny numbers therefore differ from those of
//! the other tables, and so do the largest of them after packing (see `avx512_bf16`).
//!
//! The operating system saves the registers only for programs that asked for it ([`permitted`]),
//! and a thread has to configure the sizes of its tiles before it uses them ([`begin`]). The
//! instructions are written as assembly, as their intrinsics are not stable. Reference: Intel,
//! *Software Developer's Manual*, vol. 1, ch. 18.

use super::avx512_bf16::Vectors;
use super::bf16_tiles::{self, PANEL, TILE, TILE_K, Tile, TileOrder};
use super::table::{GemmKernel, Isa, Job, Kernels};
use super::{avx512, rows};
use crate::matrix::Mat;
use half::bf16;
use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::sync::LazyLock;

/// The bytes of a tile.
const TILE_BYTES: usize = size_of::<Tile>();

pub(super) static KERNELS: Kernels = Kernels {
    isa: Isa::Amx,
    gemm: avx512::GEMM,
    rows: rows::avx512::KERNELS_VNNI,
    gemm_bf16: Some(GemmKernel {
        mr: PANEL,
        nr: PANEL,
        // A panel of B takes 32 kB of the first-level cache; the two blocks of A that are packed
        // together take 512 kB of the second.
        kc: 16 * TILE_K,
        mc: 8 * PANEL,
        k_per_step: TILE_K,
        k_per_slot: 2,
        micro,
        // Tiles of sums have 16 rows at least, and take as long as memory gives B.
        few_rows: &[],
        unpacked: None,
        bf16_rows: Some(bf16_rows),
        pack_a,
        pack_b,
        begin,
        end,
    }),
};

/// Returns `true` if the CPU has tiles of bf16 and the operating system lets this process use them.
pub(super) fn is_available() -> bool {
    const AMX_BF16: u32 = 1 << 22;
    const AMX_TILE: u32 = 1 << 24;
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| {
        let leaves = __cpuid(0).eax;
        let features = if leaves >= 7 { __cpuid_count(7, 0).edx } else { 0 };
        // Packing rounds by AVX-512 BF16, which every CPU with tiles of bf16 has.
        let rounds = is_x86_feature_detected!("avx512bf16");
        features & AMX_BF16 != 0 && features & AMX_TILE != 0 && rounds && permitted()
    });
    *AVAILABLE
}

/// Asks Linux for the permission to use tile registers, which then holds for all threads of the
/// process, and returns `true` if it was granted.
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: this request takes a number and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}

/// The operand of `ldtilecfg`: 8 tiles of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_per_row: [u16; 16],
    rows: [u8; 16],
}

static CONFIG: TileConfig = TileConfig {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    bytes_per_row: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

/// Configures the tiles of this thread.
///
/// # Safety
/// That of [`ThreadHook`](super::table::ThreadHook).
unsafe fn begin() {
    // SAFETY: the CPU has the instruction, and reads 64 bytes.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const CONFIG, options(nostack, readonly)) };
}

/// Releases the tiles of this thread, so that the system need not save them.
///
/// # Safety
/// That of [`ThreadHook`](super::table::ThreadHook).
unsafe fn end() {
    // SAFETY: the CPU has the instruction.
    unsafe { asm!("tilerelease", options(nostack, nomem)) };
}

/// A [`MicroKernel`](super::table::MicroKernel) for packed panels.
///
/// # Safety
/// That of [`MicroKernel`](super::table::MicroKernel).
unsafe fn micro(job: Job) {
    // A panel's tiles lie one after the other.
    let tiles = Tiles { row: TILE_BYTES / TILE, low: TILE_BYTES, step: 2 * TILE_BYTES };
    // SAFETY: the caller grants it.
    unsafe { multiply(job, tiles) };
}

/// A [`MicroKernel`](super::table::MicroKernel) for rows of A in bf16 that are read where they are,
/// `a_row` numbers apart; `k` is a multiple of 32.
///
/// # Safety
/// That of [`MicroKernel`](super::table::MicroKernel).
unsafe fn bf16_rows(job: Job) {
    let row = size_of::<bf16>() * job.strides.a_row;
    let tiles = Tiles { row, low: TILE * row, step: size_of::<bf16>() * TILE_K };
    // SAFETY: the caller grants it.
    unsafe { multiply(job, tiles) };
}

/// The places of the two tiles of A for each 32 columns, in bytes.
struct Tiles {
    /// From one row of a tile to the next.
    row: usize,
    /// From the upper tile to the lower one.
    low: usize,
    /// From the tiles of 32 columns to those of the next.
    step: usize,
}

/// Multiplies 32 rows of A by a panel of B.
///
/// # Safety
/// That of [`MicroKernel`](super::table::MicroKernel); of A, 16 rows of 64 bytes can be read for
/// both tiles of every 32 columns, at the places that `tiles` gives.
#[inline(always)]
unsafe fn multiply(Job { k, a, b, c, strides, accumulate }: Job, tiles: Tiles) {
    debug_assert!(k > 0);
    let c_row = strides.c_row;
    // Sums stay in tmm0 to tmm3, the four 16 × 16 quarters of the tile of C, and start as zeros or
    // as what C holds. Each round loads the upper and lower tile of A (tmm4, tmm5) and the left and
    // right tile of B (tmm6, tmm7) and adds the four products. A load stands as late as its first
    // use allows, so that it overlaps with the product before it.
    //
    // SAFETY: the caller grants the operands, two tiles of each for every 32 numbers along K, and
    // 32 rows of 32 floats of C; the tiles are configured. The loop runs once for every 32 of K,
    // which is not 0.
    unsafe {
        asm!(
            "test {accumulate}, {accumulate}",
            "jnz 2f",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "jmp 3f",
            "2:",
            "tileloadd tmm0, [{c} + {c_stride}*1]",
            "tileloadd tmm1, [{c} + {c_stride}*1 + 64]",
            "tileloadd tmm2, [{c_low} + {c_stride}*1]",
            "tileloadd tmm3, [{c_low} + {c_stride}*1 + 64]",
            "3:",
            "tileloadd tmm4, [{a} + {a_stride}*1]",
            "tileloadd tmm6, [{b} + {b_stride}*1]",
            "tileloadd tmm7, [{b} + {b_stride}*1 + 1024]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm5, [{a_low} + {a_stride}*1]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {a}, {a_step}",
            "add {a_low}, {a_step}",
            "add {b}, 2048",
            "dec {blocks}",
            "jnz 3b",
            "tilestored [{c} + {c_stride}*1], tmm0",
            "tilestored [{c} + {c_stride}*1 + 64], tmm1",
            "tilestored [{c_low} + {c_stride}*1], tmm2",
            "tilestored [{c_low} + {c_stride}*1 + 64], tmm3",
            accumulate = in(reg) u64::from(accumulate),
            a = inout(reg) a => _,
            a_low = inout(reg) a.wrapping_byte_add(tiles.low) => _,
            a_stride = in(reg) tiles.row,
            a_step = in(reg) tiles.step,
            b = inout(reg) b => _,
            b_stride = in(reg) TILE_BYTES / TILE,
            blocks = inout(reg) k.div_ceil(TILE_K) => _,
            c = in(reg) c,
            c_low = in(reg) c.wrapping_add(TILE * c_row),
            c_stride = in(reg) size_of::<f32>() * c_row,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// # Safety
/// That of [`Pack`](super::pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
unsafe fn pack_a(source: Mat<'_>, panels: &mut [f32], _round: bool) {
    // SAFETY: the caller grants it: `is_available` asks for AVX-512 BF16.
    bf16_tiles::pack(source, panels, TileOrder::Rows, unsafe { Vectors::new() });
}

/// # Safety
/// That of [`Pack`](super::pack::Pack).
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")]
unsafe fn pack_b(source: Mat<'_>, panels: &mut [f32], _round: bool) {
    // SAFETY: the caller grants it: `is_available` asks for AVX-512 BF16.
    bf16_tiles::pack(source, panels, TileOrder::Pairs, unsafe { Vectors::new() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_has_the_layout_of_the_manual() {
        assert_eq!((size_of::<TileConfig>(), align_of::<TileConfig>()), (64, 64));
        assert_eq!(std::mem::offset_of!(TileConfig, bytes_per_row), 16);
        assert_eq!(std::mem::offset_of!(TileConfig, rows), 48);
        assert_eq!((CONFIG.palette, CONFIG.bytes_per_row[7], CONFIG.rows[7]), (1, 64, 16));
        assert_eq!((CONFIG.bytes_per_row[8], CONFIG.rows[8]), (0, 0));
    }
}
