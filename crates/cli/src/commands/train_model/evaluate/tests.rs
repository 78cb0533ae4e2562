use std::path::Path;

use model::ModelConfig;

use super::*;
use crate::data::tokens::{TokenType, TokenWriter};

const TIME: usize = 4;

fn token_file(path: &Path, len: u16) -> TokenFile {
    let mut writer = TokenWriter::create(path, TokenType::U16).unwrap();
    writer.write(&(0..len).map(|index| index % 11).collect::<Vec<u16>>()).unwrap();
    writer.finish().unwrap();
    TokenFile::open(path).unwrap()
}

fn evaluator(batch_size: usize, batches: usize) -> Evaluator {
    Evaluator { context: Context::detect(), batch_size, batches, seed: 3, may_break_off: true }
}

fn model() -> Transformer {
    let config = ModelConfig {
        vocab_size: 11,
        context_length: TIME,
        d_model: 8,
        num_heads: 2,
        num_layers: 1,
        d_ff: 16,
        ..ModelConfig::default()
    };
    Transformer::new(config, 0).unwrap()
}

#[test]
fn every_token_but_the_first_is_predicted_exactly_once() {
    let dir = tempfile::tempdir().unwrap();
    for len in 2..30 {
        let tokens = token_file(&dir.path().join("tokens.npy"), len);
        for batch_size in [1, 2, 3, 100] {
            let evaluator = evaluator(batch_size, 0);
            let mut predicted = vec![];
            for batch in evaluator.batches(&tokens, TIME) {
                let (rows, time) = batch.ids.dim();
                assert!(time <= TIME && rows <= batch_size);
                for (ids, targets) in batch.ids.rows().into_iter().zip(batch.targets.rows()) {
                    assert!(ids.iter().skip(1).eq(targets.iter().take(time - 1)));
                }
                predicted.extend(batch.targets);
            }
            let all: Vec<u32> = tokens.iter(1..len as usize).collect();
            assert_eq!(predicted, all, "{len} tokens, {batch_size} sequences per batch");
        }
    }
}

#[test]
fn the_loss_is_the_mean_over_all_predictions() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = token_file(&dir.path().join("tokens.npy"), 2 * TIME as u16 + 3);
    let model = model();
    let mean = |start: usize, time: usize| {
        let batch = batches::read(&tokens, &[start as u64], time);
        f64::from(model.evaluate(Context::detect(), &batch))
    };
    let expected = (4.0 * mean(0, 4) + 4.0 * mean(4, 4) + 2.0 * mean(8, 2)) / 10.0;
    let evaluation = evaluator(2, 0).run(&model, &tokens, None).unwrap().unwrap();
    assert_eq!(evaluation.tokens, 10);
    assert!((evaluation.val_loss - expected).abs() < 1e-6);
    assert!((evaluation.perplexity - expected.exp()).abs() < 1e-4);
}

#[test]
fn random_batches_are_the_same_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = token_file(&dir.path().join("tokens.npy"), 200);
    let model = model();
    let first = evaluator(3, 2).run(&model, &tokens, None).unwrap().unwrap();
    let second = evaluator(3, 2).run(&model, &tokens, None).unwrap().unwrap();
    assert_eq!(first, second);
    assert_eq!(first.tokens, 2 * 3 * TIME as u64);
}
