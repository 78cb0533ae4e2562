//! The memory that a run takes, estimated before it starts, and the operations of a step.

use std::fmt;
use std::process::Command;

use anyhow::{Result, ensure};
use model::{ModelConfig, Norm};

use crate::run::spec::{TrainingSpec, defaults};
use crate::shell::precision::Choice;

const F32: f64 = 4.0;

/// Estimates the bytes that training needs: weights, gradients and two moments (16 bytes per
/// parameter, 20 with accumulation), and what the forward pass keeps for the backward pass.
pub fn memory(model: &ModelConfig, training: &TrainingSpec) -> f64 {
    let copies = if training.grad_accum > 1 { 5.0 } else { 4.0 };
    let parameters = model.parameter_count() as f64 * F32 * copies;
    let size = |n: usize| n as f64;
    let (c, f, layers) = (size(model.d_model), size(model.d_ff), size(model.num_layers));
    let positions = size(training.batch_size) * size(model.context_length);
    // In bf16, values between the products of a block take half the bytes.
    let inner = if training.precision == Choice::Bf16 { 0.5 } else { 1.0 };
    // Inputs of the two norms.
    let norms = if model.norm == Norm::None { 0.0 } else { 2.0 };
    // Inputs of the two groups of linear layers, q, k, v, the heads' output; up, the activation
    // and, if there is one, the gate.
    let wide = if model.ffn.is_gated() { 3.0 } else { 2.0 };
    let kept = layers * ((norms + 6.0 * inner) * c + wide * inner * f);
    let in_flight = 6.0 * c + wide * inner * f;
    let rows = size(tensor::ops::rows_per_chunk(model.vocab_size));
    let logits = positions.min(rows) * size(model.vocab_size);
    // The output layer's weight in both orders, packed for several chunks of logits.
    let packed = if positions > rows { 2.0 * size(model.vocab_size) * c } else { 0.0 };
    parameters + (positions * (kept + in_flight) + logits + packed) * F32
}

/// Refuses a run that this machine's memory cannot hold. The system would kill it, or another
/// process, without a message.
///
/// # Errors
/// When the estimate is above the machine's memory.
pub fn check_memory(model: &ModelConfig, training: &TrainingSpec) -> Result<()> {
    let needed = memory(model, training);
    let there = machine_memory().unwrap_or(f64::INFINITY);
    let cause = Cause::of(model, training, there);
    ensure!(
        needed <= there,
        "{cause}: training would need about {}, and this machine has {}; give {}",
        bytes(needed),
        bytes(there),
        cause.advice()
    );
    Ok(())
}

/// The values that make a run larger than a memory.
enum Cause {
    /// The weights alone are too many.
    Model { d_model: usize, num_layers: usize, vocab_size: usize },
    /// The context is further above its default than the batch.
    Context { context_length: usize, batch_size: usize },
    /// The batch.
    Batch { batch_size: usize },
}

impl Cause {
    fn of(model: &ModelConfig, training: &TrainingSpec, there: f64) -> Cause {
        let &ModelConfig { d_model, num_layers, vocab_size, context_length, .. } = model;
        if model.parameter_count() as f64 * F32 * 4.0 > there {
            return Cause::Model { d_model, num_layers, vocab_size };
        }
        let (batch_size, default) = (training.batch_size, defaults::<TrainingSpec>());
        let times_batch = batch_size as f64 / default.batch_size as f64;
        let default = ModelConfig::default();
        if context_length as f64 / default.context_length as f64 > times_batch {
            Cause::Context { context_length, batch_size }
        } else {
            Cause::Batch { batch_size }
        }
    }

    fn advice(&self) -> &'static str {
        match self {
            Cause::Model { .. } => "a smaller model",
            Cause::Context { .. } => "a shorter --context-length, smaller batches or both",
            Cause::Batch { .. } => {
                "smaller batches (and --grad-accum), a shorter --context-length or a smaller model"
            }
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Model { d_model, num_layers, vocab_size } => write!(
                f,
                "--d-model {d_model}, --num-layers {num_layers}, --vocab-size {vocab_size}"
            ),
            Cause::Context { context_length, batch_size } => {
                write!(f, "--context-length {context_length} with --batch-size {batch_size}")
            }
            Cause::Batch { batch_size } => write!(f, "--batch-size {batch_size}"),
        }
    }
}

/// Formats a number of bytes, no more exactly than it is estimated.
pub fn bytes(bytes: f64) -> String {
    if bytes >= 1e9 { format!("{:.1} GB", bytes / 1e9) } else { format!("{:.0} MB", bytes / 1e6) }
}

/// Returns the bytes of memory and swap space that this process may use, where the system tells.
fn machine_memory() -> Option<f64> {
    if cfg!(target_os = "macos") {
        let output = Command::new("sysctl").args(["-n", "hw.memsize"]).output().ok()?;
        return String::from_utf8(output.stdout).ok()?.trim().parse().ok();
    }
    // The limit of a container; the word "max" if it may use all.
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let limit = limit.and_then(|text| text.trim().parse().ok()).unwrap_or(f64::INFINITY);
    linux_memory().map(|memory| memory.min(limit))
}

/// Returns the bytes of memory and swap space together.
fn linux_memory() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kilobytes = |name: &str| -> Option<f64> {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    Some((kilobytes("MemTotal:")? + kilobytes("SwapTotal:").unwrap_or(0.0)) * 1024.0)
}

/// Returns the floating-point operations of one step: six per weight and token (two forward, four
/// backward; looking up an embedding takes none), and attention's two products of T/2 × C per token
/// on average, also three times.
pub fn operations_per_step(model: &ModelConfig, training: &TrainingSpec) -> f64 {
    let embedding = model.vocab_size as f64 * model.d_model as f64;
    let weights = model.parameter_count() as f64 - embedding;
    let span = model.context_length as f64 / 2.0;
    let attention = 3.0 * 2.0 * 2.0 * span * model.d_model as f64 * model.num_layers as f64;
    (6.0 * weights + attention) * training.tokens_per_step(model.context_length) as f64
}

#[cfg(test)]
mod tests {
    use tensor::Precision;

    use super::*;
    use crate::commands::flags::parse_from;
    use crate::commands::train_model::args::Args;

    fn config(flags: &[&str]) -> (ModelConfig, TrainingSpec) {
        let argv = [&["train-model", "--train-dataset", "t.npy"], flags].concat();
        let (args, _): (Args, _) = parse_from(argv).unwrap();
        let model = args.model.config(None).unwrap();
        let training = args.training.resolve(model.context_length, Precision::F32).unwrap();
        (model, training)
    }

    #[test]
    fn the_default_run_needs_one_to_two_gigabytes() {
        let (model, training) = config(&[]);
        let needed = memory(&model, &training);
        assert!((1e9..2.5e9).contains(&needed), "{needed}");
        assert!(check_memory(&model, &training).is_ok());
    }

    #[test]
    fn bf16_takes_less() {
        let (model, mut training) = config(&[]);
        let in_f32 = memory(&model, &training);
        training.precision = Choice::Bf16;
        // Measured on Linux: 1.70 and 1.21 GB, so 0.71.
        assert!((0.68..0.73).contains(&(memory(&model, &training) / in_f32)));
    }

    #[test]
    fn without_a_gate_less_is_kept() {
        let (gated, training) = config(&["--d-ff", "1344"]);
        let plain = ModelConfig { ffn: model::FeedForward::Gelu, ..gated.clone() };
        let gates = 4.0 * 1344.0 * 8192.0 * F32;
        assert!(memory(&plain, &training) < memory(&gated, &training) - gates);
    }

    #[test]
    fn a_batch_that_no_machine_holds_is_refused() {
        let (model, training) = config(&["--batch-size", "1000000000", "--steps", "1"]);
        if machine_memory().is_some() {
            let error = check_memory(&model, &training).unwrap_err().to_string();
            assert!(error.starts_with("--batch-size 1000000000"), "{error}");
        }
    }

    #[test]
    fn what_is_too_large_is_blamed() {
        let blamed = |flags: &[&str]| {
            let (model, training) = config(flags);
            Cause::of(&model, &training, 64e9).to_string()
        };
        assert!(blamed(&["--context-length", "1000000", "--steps=1"]).starts_with("--context-len"));
        assert!(blamed(&["--batch-size", "100000", "--steps=1"]).starts_with("--batch-size"));
        let wide = blamed(&["--d-model=65536", "--num-heads=512", "--d-ff=200000", "--steps=1"]);
        assert!(wide.starts_with("--d-model 65536"), "{wide}");
    }

    #[test]
    fn operations_of_the_default_step() {
        let (model, training) = config(&[]);
        let weights = 10_000 * 512 + 4 * (4 * 512 * 512 + 3 * 512 * 1344 + 2 * 512) + 512;
        // Queries with keys, and weights with values, over 128 positions on average.
        let attention = 4 * 2 * (2 * 128 * 512);
        let expected = 3.0 * (2 * weights + attention) as f64 * 8192.0;
        assert_eq!(operations_per_step(&model, &training), expected);
    }
}
