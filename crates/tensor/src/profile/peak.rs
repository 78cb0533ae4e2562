//! The best rates that this machine reaches, measured on the spot, as the scale for others.

use crate::decode::Team;
use crate::isa::{Isa, Kernels};
use crate::memory::pool::Buffer;
use crate::{Context, simd, vectorize};
use rayon::prelude::*;
use std::hint::black_box;
use std::time::Instant;

/// Vectors of independent sums: enough to hide the latency of a fused multiply-add.
const VECTORS: usize = 12;

/// Multiplies and adds `FLOATS` numbers in registers, many times, and returns the number of
/// operations. The numbers are one array: of an array of vectors, the compiler would gather the
/// first numbers of all, then the second ones.
#[inline(always)]
fn spin<const FLOATS: usize, const FUSED: bool>() -> f64 {
    const STEPS: usize = 250_000;
    let mut sums = [1.0f32; FLOATS];
    let (x, y) = (black_box(0.999), black_box(0.001));
    for _ in 0..STEPS {
        for sum in &mut sums {
            *sum = if FUSED { sum.mul_add(x, y) } else { *sum * x + y };
        }
    }
    black_box(sums);
    (2 * STEPS * FLOATS) as f64
}

/// Returns the best rate of a few trials of `work`, each of which returns how much it did.
fn best_rate(trials: usize, mut work: impl FnMut() -> f64) -> f64 {
    let trial = |_| {
        let start = Instant::now();
        let done = work();
        done / start.elapsed().as_secs_f64()
    };
    (0..trials).map(trial).fold(0.0, f64::max)
}

/// Returns the floating-point operations per second that all threads together reach in this
/// precision without touching memory: the best of a few trials of some milliseconds each. Without
/// instructions for bf16, it is the rate of `f32`.
pub fn flops(context: Context) -> f64 {
    /// Products of bf16 panels in the first-level cache.
    const TIMES: usize = 4000;
    let kernels = context.kernels;
    let in_bf16 = || context.rounds_operands().then(|| kernels.spin_bf16(TIMES)).flatten();
    let in_f32 = || match kernels.isa() {
        Isa::Portable => spin::<{ 4 * VECTORS }, false>(),
        Isa::Avx2 => vectorize!(kernels, spin::<{ 8 * VECTORS }, true>()),
        Isa::Avx512 | Isa::Amx => vectorize!(kernels, spin::<{ 16 * VECTORS }, true>()),
    };
    best_rate(5, || {
        let threads = (0..rayon::current_num_threads()).into_par_iter().with_max_len(1);
        threads.map(|_| in_bf16().unwrap_or_else(in_f32)).sum()
    })
}

/// Returns the bytes per second that all threads together move between memory and registers, in
/// y ← x + y over arrays larger than most caches; reads and writes are counted once each.
pub fn memory_bandwidth(kernels: &Kernels) -> f64 {
    /// Floats of an array: 64 MB.
    const LEN: usize = 1 << 24;
    /// Floats that a task takes.
    const CHUNK: usize = 1 << 16;
    let (x, mut y) = (Buffer::scratch(LEN), Buffer::scratch(LEN));
    // The first trial also pays for the pages, which the system supplies at the first touch.
    best_rate(4, || {
        let chunks = y.as_mut_slice().par_chunks_mut(CHUNK).zip(x.as_slice().par_chunks(CHUNK));
        chunks.for_each(|(y, x)| {
            vectorize!(kernels, y.iter_mut().zip(x).for_each(|(y, &x)| *y += x));
        });
        (3 * LEN * size_of::<f32>()) as f64
    })
}

/// Returns the bytes per second that the threads of `team` together read of an array of so many
/// bytes, over and over, each its own part from first to last: what generation does with weights. A
/// small array may stay in a cache.
pub fn read_bandwidth(kernels: &Kernels, team: &Team, bytes: usize) -> f64 {
    /// Bytes of one trial at least, some milliseconds.
    const TRIAL: usize = 256 << 20;
    let len = (bytes / size_of::<f32>()).max(1 << 16);
    let mut array = Buffer::scratch(len);
    array.as_mut_slice().fill(1.0);
    let part = len.div_ceil(team.threads());
    let times = TRIAL.div_ceil(len * size_of::<f32>());
    best_rate(5, || {
        team.run(|thread| {
            let part = array.as_slice().chunks(part).nth(thread).unwrap_or_default();
            for _ in 0..times {
                black_box(vectorize!(kernels, simd::sum(black_box(part))));
            }
        });
        (times * len * size_of::<f32>()) as f64
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Precision;

    #[test]
    fn every_table_has_a_rate() {
        for table in crate::isa::available() {
            for precision in [Precision::F32, Precision::Bf16] {
                let rate = flops(Context { kernels: table, precision });
                assert!(rate > 0.0 && rate.is_finite(), "{}: {rate:e}", table.isa());
            }
        }
        let bandwidth = memory_bandwidth(crate::isa::active());
        assert!(bandwidth > 0.0 && bandwidth.is_finite(), "{bandwidth:e}");
        let bandwidth = read_bandwidth(crate::isa::active(), &Team::new(2), 1 << 20);
        assert!(bandwidth > 0.0 && bandwidth.is_finite(), "{bandwidth:e}");
    }
}
