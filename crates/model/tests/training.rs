//! Training as a whole: it learns, and its result does not depend on the number of threads.

use model::{Batch, ModelConfig, Transformer};
use optim::{AdamW, AdamWConfig, clip_scale, global_norm};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tensor::{Context, Precision};

/// Random token ids.
fn random_batch(vocab_size: usize, batch: usize, time: usize) -> Batch {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let windows: Vec<Vec<u32>> = (0..batch)
        .map(|_| (0..=time).map(|_| rng.random_range(0..vocab_size as u32)).collect())
        .collect();
    Batch::from_windows(windows.iter().map(Vec::as_slice))
}

fn optimizer(model: &Transformer) -> AdamW {
    AdamW::new(AdamWConfig::default(), model.parameters())
}

#[test]
fn the_default_model_learns_one_batch_by_heart() {
    const BATCH: usize = 4;
    const TIME: usize = 64;
    const MAX_STEPS: usize = 60;
    let config = ModelConfig::default();
    let batch = random_batch(config.vocab_size, BATCH, TIME);
    let mut model = Transformer::new(config, 0).unwrap();
    let mut adamw = optimizer(&model);
    let ctx = Context::detect();
    let start = std::time::Instant::now();
    let mut losses = Vec::new();
    while losses.len() < MAX_STEPS && losses.last().is_none_or(|loss| *loss >= 0.05) {
        let (loss, gradients) = model.loss_and_gradients(ctx, &batch);
        let scale = clip_scale(global_norm(ctx, &gradients), 1.0);
        adamw.step(ctx, 2e-3, model.parameters_mut(), &gradients, scale);
        losses.push(loss);
    }
    println!(
        "{:?}: {:.1} s, losses {losses:.3?}",
        ctx.kernels.isa(),
        start.elapsed().as_secs_f32()
    );
    assert!(losses.last().is_some_and(|loss| *loss < 0.05));
}

/// Three steps of a model large enough that every operation works in parallel, on `threads`
/// threads.
fn three_steps(threads: usize, precision: Precision) -> (Vec<f32>, Vec<Vec<f32>>) {
    const BATCH: usize = 3;
    const TIME: usize = 70;
    let config = ModelConfig {
        vocab_size: 1500,
        context_length: 80,
        d_model: 96,
        num_heads: 4,
        num_layers: 2,
        d_ff: 200,
        ..ModelConfig::default()
    };
    let batch = random_batch(config.vocab_size, BATCH, TIME);
    let mut model = Transformer::new(config, 3).unwrap();
    let mut adamw = optimizer(&model);
    let ctx = Context::detect().with_precision(precision);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    let losses = pool.install(|| {
        let step = |_| {
            let (loss, gradients) = model.loss_and_gradients(ctx, &batch);
            let scale = clip_scale(global_norm(ctx, &gradients), 1.0);
            adamw.step(ctx, 1e-3, model.parameters_mut(), &gradients, scale);
            loss
        };
        (0..3).map(step).collect()
    });
    (losses, model.parameters().tensors().iter().map(|t| t.as_slice().to_vec()).collect())
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for precision in [Precision::F32, Precision::Bf16] {
        let (losses, weights) = three_steps(1, precision);
        for threads in [2, 5] {
            let (other_losses, other_weights) = three_steps(threads, precision);
            assert_eq!(losses, other_losses, "{threads} threads, {precision}");
            assert!(weights == other_weights, "{threads} threads, {precision}");
        }
    }
}

#[test]
fn bf16_products_give_almost_the_loss_and_gradients_of_f32() {
    let config = ModelConfig {
        vocab_size: 300,
        context_length: 32,
        d_model: 64,
        num_heads: 4,
        num_layers: 2,
        d_ff: 128,
        ..ModelConfig::default()
    };
    let batch = random_batch(config.vocab_size, 2, 32);
    let model = Transformer::new(config, 3).unwrap();
    let f32 = Context::detect();
    let bf16 = f32.with_precision(Precision::Bf16);
    let (loss, gradients) = model.loss_and_gradients(f32, &batch);
    let (rounded_loss, rounded) = model.loss_and_gradients(bf16, &batch);
    assert!((loss - rounded_loss).abs() < 0.02 && loss != rounded_loss, "{loss}, {rounded_loss}");
    for ((name, _), (g, r)) in model.parameters().iter().zip(gradients.iter().zip(&rounded)) {
        let off = tensor::testing::relative_error(r.as_slice(), g.as_slice());
        assert!(off < 0.03, "gradient of {name}: {off}");
    }
}
