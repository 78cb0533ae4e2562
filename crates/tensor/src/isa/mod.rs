//! Inner loops: one table of them for each instruction set, of which one is chosen at run time.
//!
//! | file | holds |
//! |---|---|
//! | `table` | the types of a table: [`Kernels`], and the micro-kernels of matrix products |
//! | `select` | the choice: tables that this machine can run, the one in use, and the reason |
//! | `portable`, `avx2`, `avx512`, `avx512_bf16`, `amx` | one table each |
//! | `rows` | inner loops for few rows of input, as in generation |
//! | `pack` | packing: copying operands into the order in which the micro-kernel reads them |
//! | `bf16_tiles` | packing for units that multiply tiles or pairs of bf16 |
#![allow(unsafe_code)]

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_bf16;
#[cfg(any(test, target_arch = "x86_64"))]
mod bf16_tiles;
mod pack;
pub(crate) mod portable;
pub(crate) mod rows;
mod select;
mod table;
#[cfg(test)]
pub(crate) mod tests;

pub use select::{Selection, active, available, from_env, selection};
pub(crate) use table::{GemmKernel, Job, MicroKernel, PACKED_COLS, Strides};
pub use table::{Isa, Kernels};

// Every table is checked while it is compiled.
const _: () = {
    portable::KERNELS.check();
    #[cfg(target_arch = "x86_64")]
    {
        avx2::KERNELS.check();
        avx512::KERNELS.check();
        avx512::KERNELS_VNNI.check();
        avx512_bf16::KERNELS.check();
        #[cfg(not(miri))]
        amx::KERNELS.check();
    }
};
