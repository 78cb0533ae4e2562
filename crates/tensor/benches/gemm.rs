//! Matrix products at the shapes of the default model (batch 32 × 256), in f32 memory, packing
//! included.
//!
//! `cargo bench -p lm-tensor --bench gemm` prints the rate of each shape and its share of the peak,
//! which is measured on the spot by loops in registers. `LM_ISA` chooses the table.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::time::{Duration, Instant};
use tensor::gemm::{Beta, Mat, MatMut, Threads, gemm};
use tensor::isa::selection;
use tensor::{Context, Precision, peak};

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
/// Inputs and outputs of the model's layers: attention, feed-forward network (up, down),
/// vocabulary.
const LAYERS: [(usize, usize); 4] = [(512, 512), (512, 1344), (1344, 512), (512, 10_000)];

fn noise(len: usize) -> Vec<f32> {
    (0..len)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 8 & 0xffff) as f32 / 32_768.0 - 1.0)
        .collect()
}

fn shapes(c: &mut Criterion) {
    let chosen = selection();
    println!("{}; {} threads", chosen.reason, rayon::current_num_threads());
    // The peak is the best of many measurements, some beside each shape, as the clock and the load
    // of neighbours change.
    let mut tops = [0.0f64; 2];
    let mut results = Vec::new();
    for (precision, top) in [Precision::F32, Precision::Bf16].into_iter().zip(&mut tops) {
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
                *top = top.max(peak::flops(context));
                group.throughput(Throughput::Elements(flops as u64));
                group.bench_function(
                    BenchmarkId::new(name, format!("{ROWS}×{inputs}×{outputs}")),
                    |bencher| {
                        bencher.iter(|| {
                            let start = Instant::now();
                            let c = MatMut::new(&mut result[..rows * cols], rows, cols);
                            gemm(context, a, b, c, Beta::Zero, Threads::All);
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

    for (precision, top) in [Precision::F32, Precision::Bf16].into_iter().zip(tops) {
        let of_precision = || results.iter().filter(move |(p, ..)| *p == precision);
        if of_precision().next().is_none() {
            continue; // left out by a filter
        }
        println!("measured peak in {precision}: {:.1} GFLOP/s; best runs:", top / 1e9);
        let print = |label: &str, rate: f64| {
            println!("{label}: {:.1} GFLOP/s, {:.1} % of the peak", rate / 1e9, 100.0 * rate / top);
        };
        of_precision().for_each(|(_, label, rate)| print(label, *rate));
        let logs: Vec<f64> = of_precision().map(|(.., rate): &(_, _, f64)| rate.ln()).collect();
        let mean = (logs.iter().sum::<f64>() / logs.len() as f64).exp();
        print(&format!("{precision} geometric mean"), mean);
    }
}

criterion_group!(benches, shapes);
criterion_main!(benches);
