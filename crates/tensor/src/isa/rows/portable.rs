//! Plain Rust: the definition that the other tables are compared with.

use super::{BLOCK, DenseJob, GROUP, Int8Job, LANES, RowsKernels, STREAMS, Tile, WeightedRows};
use std::slice::from_raw_parts;

pub(in crate::isa) const KERNELS: RowsKernels = RowsKernels {
    // SAFETY: the caller grants what the type of kernels asks for, here and below.
    f32: |job, tile| unsafe { dense(job, tile, |w| w) },
    // SAFETY: as above.
    bf16: |job, tile| unsafe { dense(job, tile, half::bf16::to_f32) },
    // SAFETY: as above.
    f16: |job, tile| unsafe { dense(job, tile, half::f16::to_f32) },
    int8,
    weighted_sum,
};

/// # Safety
/// That of [`DenseKernel`](super::DenseKernel).
unsafe fn dense<E: Copy>(job: DenseJob<E>, tile: &mut Tile, widen: impl Fn(E) -> f32 + Copy) {
    let DenseJob { k, x, x_stride, rows, w, outputs } = job;
    for j in 0..outputs {
        // SAFETY: the caller grants `outputs` rows of k weights.
        let w = unsafe { from_raw_parts(w.add(j * k), k) };
        for (i, tile) in tile.iter_mut().enumerate().take(rows) {
            // SAFETY: the caller grants `rows` rows of k floats.
            let x = unsafe { from_raw_parts(x.add(i * x_stride), k) };
            tile[j] = dot(x, w, widen);
        }
    }
}

/// Returns Σ x_k·w_k in the order of all tables.
fn dot<E: Copy>(x: &[f32], w: &[E], widen: impl Fn(E) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    for (x, w) in x.chunks(LANES).zip(w.chunks(LANES)) {
        for (lane, (x, &w)) in lanes.iter_mut().zip(x.iter().zip(w)) {
            *lane += x * widen(w);
        }
    }
    let mut half = LANES / 2;
    while half > 0 {
        for l in 0..half {
            lanes[l] += lanes[l + half];
        }
        half /= 2;
    }
    lanes[0]
}

/// An [`Int8Kernel`](super::Int8Kernel).
///
/// # Safety
/// That of [`Int8Kernel`](super::Int8Kernel).
unsafe fn int8(Int8Job { groups, x_scales, x, rows, w_scales, w }: Int8Job, tile: &mut Tile) {
    // SAFETY: the caller grants these sizes.
    let (x_scales, x, w_scales, w) = unsafe {
        (
            from_raw_parts(x_scales, rows * groups),
            from_raw_parts(x, rows * groups * GROUP),
            from_raw_parts(w_scales, groups * BLOCK),
            from_raw_parts(w, groups * GROUP * BLOCK),
        )
    };
    for (i, sums) in tile.iter_mut().enumerate().take(rows) {
        sums.fill(0.0);
        for g in 0..groups {
            let x = &x[(i * groups + g) * GROUP..][..GROUP];
            let w = &w[g * GROUP * BLOCK..][..GROUP * BLOCK];
            let mut dots = [0i32; BLOCK];
            for (x, w) in x.chunks_exact(4).zip(w.chunks_exact(4 * BLOCK)) {
                for (dot, w) in dots.iter_mut().zip(w.chunks_exact(4)) {
                    *dot +=
                        x.iter().zip(w).map(|(&x, &w)| i32::from(x) * i32::from(w)).sum::<i32>();
                }
            }
            let w_scales = &w_scales[g * BLOCK..][..BLOCK];
            for ((sum, dot), w_scale) in sums.iter_mut().zip(dots).zip(w_scales) {
                *sum += dot as f32 * (w_scale.to_f32() * x_scales[i * groups + g]);
            }
        }
    }
}

/// A [`WeightedSum`](super::WeightedSum).
///
/// # Safety
/// That of [`WeightedSum`](super::WeightedSum).
unsafe fn weighted_sum(WeightedRows { count, p, v, width, o }: WeightedRows) {
    // SAFETY: the caller grants these sizes.
    let (p, v, o) = unsafe {
        (
            from_raw_parts(p, count),
            from_raw_parts(v, count * width),
            std::slice::from_raw_parts_mut(o, width),
        )
    };
    for (i, o) in o.iter_mut().enumerate() {
        let mut sums = [0.0; STREAMS];
        for (t, p) in p.iter().enumerate() {
            sums[t % STREAMS] += p * v[t * width + i];
        }
        *o = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    }
}
