//! The time of whole training steps: `cargo bench -p lm-cli --bench train_step` prints one line per
//! case, the median of some steps after two to warm up. Names after `--` choose cases.
//!
//! The default model has small batches here: the time per token is that of large ones.

use std::time::Instant;

use model::{Batch, ModelConfig, Transformer};
use optim::{AdamW, AdamWConfig};
use tensor::{Context, Precision, peak};

struct Case {
    name: &'static str,
    config: ModelConfig,
    batch: usize,
    precision: Precision,
    /// The number of threads, 0 for all.
    threads: usize,
}

fn cases() -> Vec<Case> {
    let case = |name| Case {
        name,
        config: ModelConfig::default(),
        batch: 8,
        precision: Precision::F32,
        threads: 0,
    };
    let long = ModelConfig { context_length: 1024, ..ModelConfig::default() };
    let large = ModelConfig {
        d_model: 768,
        num_heads: 12,
        num_layers: 12,
        d_ff: 2048,
        ..ModelConfig::default()
    };
    vec![
        case("f32"),
        Case { threads: 1, ..case("one-thread") },
        Case { config: long, batch: 2, ..case("context-1024") },
        Case { config: large, batch: 4, ..case("large") },
        Case { precision: Precision::Bf16, ..case("bf16") },
    ]
}

/// Returns how many pages of memory the process has fetched from the system; 0 if unknown.
fn page_faults() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    after_name.split_whitespace().nth(7).and_then(|field| field.parse().ok()).unwrap_or(0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the floating-point operations per token: six per weight except for the embedding's, and
/// those of attention's products.
fn flops_per_token(config: &ModelConfig) -> f64 {
    let weights = config.parameter_count() as usize - config.vocab_size * config.d_model;
    (6 * (weights + config.context_length * config.d_model * config.num_layers)) as f64
}

fn run(case: &Case) {
    const STEPS: usize = 5;
    let Case { name, config, batch, precision, .. } = case;
    let (rows, time) = (*batch, config.context_length);
    let context = Context::detect().with_precision(*precision);
    let mut model = Transformer::new(config.clone(), 1).expect("a valid shape");
    let mut optimizer = AdamW::new(AdamWConfig::default(), model.parameters());
    let ids: Vec<u32> = (0..(rows * time) as u32).map(|i| i * 7919 % 10_000).collect();
    let batch = Batch::new([rows, time], ids.clone(), ids);
    let (mut times, mut faults, mut evaluations) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..STEPS {
        let (start, faults_before) = (Instant::now(), page_faults());
        let (_, gradients) = model.loss_and_gradients(context, &batch);
        let scale = optim::clip_scale(optim::global_norm(context, &gradients), 1.0);
        optimizer.step(context, 1e-3, model.parameters_mut(), &gradients, scale);
        drop(gradients);
        times.push(start.elapsed().as_secs_f64());
        faults.push((page_faults() - faults_before) as f64);
        let start = Instant::now();
        model.evaluate(context, &batch);
        evaluations.push(start.elapsed().as_secs_f64());
    }
    let tokens = (rows * time) as f64;
    let step = median(times.split_off(2));
    let rate = flops_per_token(config) * tokens / step;
    println!(
        "{name:<13}{step:>6.2} s per step of {rows} × {time}: {:.0} tokens/s, {:.1} GFLOP/s \
         ({:.0} % of the peak); evaluation {:.2} times the tokens/s; {} page faults per step",
        tokens / step,
        rate / 1e9,
        100.0 * rate / peak::flops(context),
        step / median(evaluations),
        median(faults.split_off(2)),
    );
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    println!("{}", tensor::isa::selection().reason);
    for case in cases() {
        if wanted.is_empty() || wanted.iter().any(|name| name == case.name) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(case.threads).build();
            pool.expect("threads").install(|| run(&case));
        }
    }
}
