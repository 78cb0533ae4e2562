//! A small Llama that transformers saved: logits, loss, gradients, forty steps of training and
//! greedy text.

mod common;

use common::{batch, fixture, fixture_path, ids, max_difference, tensor};
use model::{Batch, GenerateOptions, Generator, Sampling, Transformer};
use ndarray::{Axis, aview1};
use optim::{AdamW, AdamWConfig, Decay, Schedule, clip_scale, global_norm};
use safetensors::SafeTensors;
use serde_json::Value;
use tensor::testing::{relative_error, worse};
use tensor::{Context, isa};

fn tiny_llama() -> Transformer {
    Transformer::load(fixture_path("tiny-llama")).unwrap()
}

/// A context for each kernel table that this machine has.
fn contexts() -> Vec<Context> {
    isa::available().into_iter().map(|k| Context::detect().with_kernels(k)).collect()
}

#[test]
fn logits_loss_and_gradients_agree() {
    let bytes = fixture("tiny-llama/io.safetensors");
    let io = SafeTensors::deserialize(&bytes).unwrap();
    let batch = batch(&io);
    let model = tiny_llama();
    for ctx in contexts() {
        let logits = model.logits(ctx, batch.ids.view());
        let logits_off = max_difference(&logits, &tensor(&io, "logits"));
        let (loss, gradients) = model.loss_and_gradients(ctx, &batch);
        let loss_off = (loss - tensor(&io, "loss").item()).abs();
        let evaluated = model.evaluate(ctx, &batch);
        let mut gradients_off = 0.0f64;
        for ((name, _), gradient) in model.parameters().iter().zip(&gradients) {
            let expected = tensor(&io, &format!("grad.{name}"));
            assert_eq!(gradient.shape(), expected.shape(), "{name}");
            let off = relative_error(gradient.as_slice(), expected.as_slice());
            assert!(off < 1e-4, "{:?}: gradient of {name}: {off}", ctx.kernels.isa());
            gradients_off = gradients_off.max(off);
        }
        println!(
            "{:?}: logits {logits_off:.1e}, loss {loss_off:.1e}, gradients {gradients_off:.1e}",
            ctx.kernels.isa()
        );
        assert!(logits_off < 1e-4);
        assert!(loss_off < 1e-5);
        assert!((evaluated - loss).abs() < 1e-6, "{evaluated}, {loss}");
    }
}

#[test]
fn forty_steps_of_training_agree() {
    let bytes = fixture("tiny-llama/io.safetensors");
    let io = SafeTensors::deserialize(&bytes).unwrap();
    let trajectory: Value = serde_json::from_slice(&fixture("tiny-llama/trajectory.json")).unwrap();
    let hyper = &trajectory["hyperparameters"];
    let number = |name: &str| hyper[name].as_f64().unwrap();
    let schedule = Schedule {
        decay: Decay::Cosine,
        max_lr: number("max_lr"),
        min_lr: number("min_lr"),
        warmup_steps: hyper["warmup_steps"].as_u64().unwrap(),
        total_steps: hyper["steps"].as_u64().unwrap(),
    };
    let config = AdamWConfig {
        beta1: hyper["betas"][0].as_f64().unwrap(),
        beta2: hyper["betas"][1].as_f64().unwrap(),
        eps: number("eps"),
        weight_decay: number("weight_decay"),
    };
    let (batches, shape) = ids(&io, "trajectory.batches");
    let (batch, window) = (shape[1], shape[2]);
    let log = trajectory["log"].as_array().unwrap();
    assert_eq!((shape[0], log.len()), (40, 40));

    for ctx in contexts() {
        let mut model = tiny_llama();
        let mut adamw = AdamW::new(config, model.parameters());
        let (mut loss_off, mut norm_off) = (0.0f64, 0.0f64);
        for (batches, logged) in batches.chunks(batch * window).zip(log) {
            let batch = Batch::from_windows(batches.chunks(window));
            let (loss, gradients) = model.loss_and_gradients(ctx, &batch);
            let norm = global_norm(ctx, &gradients);
            let lr = schedule.lr_at(adamw.steps_taken());
            let expected = |name: &str| logged[name].as_f64().unwrap();
            assert!((lr - expected("lr")).abs() < 1e-9, "{lr}: {logged}");
            loss_off = worse(loss_off, (f64::from(loss) - expected("loss")).abs());
            norm_off = worse(norm_off, (norm / expected("grad_norm") - 1.0).abs());
            let scale = clip_scale(norm, number("max_grad_norm"));
            adamw.step(ctx, lr, model.parameters_mut(), &gradients, scale);
        }
        let mut weights_off = 0.0f64;
        for (name, parameter) in model.parameters().iter() {
            let expected = tensor(&io, &format!("trajectory.final.{name}"));
            weights_off = worse(weights_off, f64::from(max_difference(parameter, &expected)));
        }
        println!(
            "{:?}: loss {loss_off:.1e}, gradient norm {norm_off:.1e} (relative), \
             weights {weights_off:.1e}",
            ctx.kernels.isa()
        );
        assert!(loss_off < 1e-3);
        assert!(norm_off < 1e-4);
        assert!(weights_off < 2e-3);
    }
}

#[test]
fn greedy_text_is_identical_with_and_without_a_cache() {
    let model = tiny_llama();
    let cases: Value = serde_json::from_slice(&fixture("tiny-llama/greedy.json")).unwrap();
    let list = |value: &Value| -> Vec<u32> {
        value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
    };
    for ctx in contexts() {
        for case in cases.as_array().unwrap() {
            let (prompt, expected) = (list(&case["prompt"]), list(&case["greedy"]));
            let options = GenerateOptions {
                sampling: Sampling { temperature: 0.0, ..Sampling::default() },
                max_tokens: expected.len(),
                ..GenerateOptions::default()
            };
            let generator = Generator::new(&model, ctx, &prompt, &options).unwrap();
            assert_eq!(generator.collect::<Vec<_>>(), expected, "{:?}: with", ctx.kernels.isa());

            let mut tokens = prompt.clone();
            for _ in 0..expected.len() {
                let logits = model.logits(ctx, aview1(&tokens).insert_axis(Axis(0)));
                let last = &logits.as_slice()[(tokens.len() - 1) * logits.last_dim()..];
                tokens.push(model::sample::greedy(last));
            }
            assert_eq!(tokens[prompt.len()..], expected, "{:?}: without", ctx.kernels.isa());
        }
    }
}

#[test]
fn scores_are_the_loss_of_each_token() {
    let bytes = fixture("tiny-llama/io.safetensors");
    let io = SafeTensors::deserialize(&bytes).unwrap();
    let (input_ids, shape) = ids(&io, "input_ids");
    let logits = tensor(&io, "logits");
    let (time, vocab_size) = (shape[1], logits.last_dim());
    let scores = tiny_llama().score(Context::detect(), &input_ids[..time]).unwrap();
    assert_eq!(scores.len(), time - 1);
    for (position, score) in scores.iter().enumerate() {
        let row = &logits.as_slice()[position * vocab_size..][..vocab_size];
        let sum: f64 = row.iter().map(|&x| f64::from(x).exp()).sum();
        let expected = f64::from(row[input_ids[position + 1] as usize]) - sum.ln();
        assert!((score - expected).abs() < 1e-4, "{position}: {score}, not {expected}");
    }
}

#[test]
fn eight_bits_change_the_loss_by_little() {
    let bytes = fixture("tiny-llama/io.safetensors");
    let io = SafeTensors::deserialize(&bytes).unwrap();
    let batch = batch(&io);
    let expected = tensor(&io, "loss").item();
    let model = tiny_llama().quantize_int8().unwrap();
    for ctx in contexts() {
        let loss = model.evaluate(ctx, &batch);
        println!("{:?}: loss {loss} in 8 bits, {expected} in full", ctx.kernels.isa());
        assert!((loss - expected).abs() < 0.01 && loss != expected);
    }
}
