//! Matrix products at the shapes of the default model (batch 32 × 256), in f32 memory, packing included.
//!
//! `cargo bench -p tensor --bench gemm` prints the rate of each shape and its share of the peak, which is
//! measured on the spot by a loop that only multiplies and adds in registers. `LM_ISA` chooses the table.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rayon::prelude::*;
use std::hint::black_box;
use std::time::{Duration, Instant};
use tensor::kernels::gemm::{Mat, MatMut, gemm};
use tensor::kernels::{Kernels, selection};
use tensor::{Context, Isa, Precision};

/// One of the three products of a linear layer with weights W (out, in) on `ROWS` rows.
#[derive(Clone, Copy)]
enum Product {
    /// y = x·Wᵀ.
    Forward,
    /// dx = dy·W.
    Dx,
    /// dW = dyᵀ·x.
    Dw,
}

const ROWS: usize = 8192;
/// Inputs and outputs of the model's layers: attention, feed-forward network (up, down), vocabulary.
const LAYERS: [(usize, usize); 4] = [(512, 512), (512, 1344), (1344, 512), (512, 10_000)];

/// `steps` rounds of multiplying and adding in 12 vectors of 8 floats, which depend on nothing in memory.
#[inline(always)]
fn spin<const FUSED: bool>(steps: usize) -> f32 {
    let mut sums = [[1.0f32; LANES]; VECTORS];
    let (x, y) = (black_box([0.999f32; LANES]), black_box([0.001f32; LANES]));
    for _ in 0..steps {
        for sums in &mut sums {
            for i in 0..LANES {
                sums[i] = if FUSED { sums[i].mul_add(x[i], y[i]) } else { sums[i] * x[i] + y[i] };
            }
        }
    }
    sums.iter().flatten().sum()
}

const VECTORS: usize = 12;
const LANES: usize = 8;

/// Floating-point operations a second that all threads together reach without touching memory.
fn peak(kernels: &Kernels) -> f64 {
    const STEPS: usize = 1_000_000;
    let threads = rayon::current_num_threads();
    let start = Instant::now();
    (0..threads).into_par_iter().with_max_len(1).for_each(|_| {
        let sum = match kernels.isa() {
            Isa::Portable => spin::<false>(STEPS),
            _ => kernels.vectorize(
                #[inline(always)]
                || spin::<true>(STEPS),
            ),
        };
        black_box(sum);
    });
    (threads * STEPS * VECTORS * LANES * 2) as f64 / start.elapsed().as_secs_f64()
}

fn noise(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 8 & 0xffff) as f32 / 32_768.0 - 1.0)
        .collect()
}

fn shapes(c: &mut Criterion) {
    let chosen = selection();
    println!("{}; {} threads", chosen.reason, rayon::current_num_threads());
    // The best of many measurements, some beside each shape: the clock and the neighbours change.
    let mut top: f64 = 0.0;
    let mut results = Vec::new();
    for precision in [Precision::F32, Precision::Bf16] {
        let context = Context { kernels: chosen.kernels, precision };
        let mut group = c.benchmark_group(format!("gemm {} {precision}", chosen.kernels.isa()));
        group.sample_size(10).warm_up_time(Duration::from_millis(300));
        for (inputs, outputs) in LAYERS {
            let (x, w, dy) = (noise(ROWS * inputs), noise(outputs * inputs), noise(ROWS * outputs));
            let mut result = vec![0.0; ROWS.max(outputs) * inputs.max(outputs)];
            for (name, product) in
                [("y", Product::Forward), ("dx", Product::Dx), ("dw", Product::Dw)]
            {
                let flops = 2 * ROWS * inputs * outputs;
                let x = Mat::new(&x, ROWS, inputs);
                let w = Mat::new(&w, outputs, inputs);
                let dy = Mat::new(&dy, ROWS, outputs);
                let (a, b) = match product {
                    Product::Forward => (x, w.t()),
                    Product::Dx => (dy, w),
                    Product::Dw => (dy.t(), x),
                };
                let (rows, cols) = (a.rows(), b.cols());
                let mut best = Duration::MAX;
                top = (0..5).map(|_| peak(chosen.kernels)).fold(top, f64::max);
                group.throughput(Throughput::Elements(flops as u64));
                group.bench_function(
                    BenchmarkId::new(name, format!("{ROWS}×{inputs}×{outputs}")),
                    |bencher| {
                        bencher.iter(|| {
                            let start = Instant::now();
                            let c = MatMut::new(&mut result[..rows * cols], rows, cols);
                            gemm(context, a, b, c, false);
                            best = best.min(start.elapsed());
                        });
                    },
                );
                if best == Duration::MAX {
                    continue; // left out by a filter
                }
                let label = format!("{precision} {name} {ROWS}×{inputs}×{outputs}");
                results.push((precision, label, flops as f64 / best.as_secs_f64()));
            }
        }
        group.finish();
    }

    let share =
        |rate: f64| format!("{:.1} GFLOP/s, {:.1} % of the peak", rate / 1e9, 100.0 * rate / top);
    println!("measured peak: {:.1} GFLOP/s; best runs:", top / 1e9);
    for (_, label, rate) in &results {
        println!("{label}: {}", share(*rate));
    }
    for precision in [Precision::F32, Precision::Bf16] {
        let logs: Vec<f64> =
            results.iter().filter(|(p, ..)| *p == precision).map(|(.., rate)| rate.ln()).collect();
        if !logs.is_empty() {
            let mean = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
            println!("{precision} geometric mean: {}", share(mean));
        }
    }
}

criterion_group!(benches, shapes);
criterion_main!(benches);
