//! The steps of generation against the passes over whole texts, and their promise of one order.

use super::*;
use crate::ModelConfig;
use ndarray::{Axis, aview1};

fn config() -> ModelConfig {
    ModelConfig {
        vocab_size: 77,
        context_length: 90,
        d_model: 48,
        num_heads: 3,
        num_layers: 2,
        d_ff: 100,
        ..ModelConfig::default()
    }
}

fn ids(len: usize, seed: u32) -> Vec<u32> {
    (0..len as u32).map(|i| (i * 31 + seed * 17 + i * i) % 77).collect()
}

fn slot(model: &Transformer, ids: &[u32]) -> Slot {
    Slot { cache: KvCache::new(model.config()), ids: ids.to_vec() }
}

/// Returns the logits (T, V) of a text whose tokens are appended `piece` at a time.
fn decoded(model: &Transformer, ids: &[u32], piece: usize) -> Vec<f32> {
    let mut decoder = Decoder::new(model, Context::detect());
    let mut slots = [slot(model, &[])];
    let mut logits = Vec::new();
    for piece in ids.chunks(piece) {
        slots[0].ids = piece.to_vec();
        logits.extend_from_slice(decoder.step(&mut slots));
    }
    logits
}

/// Returns every variant of the architecture.
fn variants() -> Vec<ModelConfig> {
    let mut variants = Vec::new();
    for norm in [Norm::Pre, Norm::Post, Norm::None] {
        for ffn in [FeedForward::SwiGlu, FeedForward::GeGlu, FeedForward::Silu, FeedForward::Gelu] {
            let rope = norm == Norm::Pre || ffn == FeedForward::Silu;
            variants.push(ModelConfig { norm, ffn, rope, ..config() });
        }
    }
    variants
}

#[test]
fn logits_are_those_of_a_pass_over_the_whole_text() {
    for config in variants() {
        let model = Transformer::new(config.clone(), 3).unwrap();
        let ids = ids(70, 1);
        let found = decoded(&model, &ids, 1);
        let whole = model.logits(Context::detect(), aview1(&ids).insert_axis(Axis(0)));
        let largest = whole.as_slice().iter().fold(0.0f32, |max, x| max.max(x.abs()));
        for (found, expected) in found.iter().zip(whole.as_slice()) {
            assert!((found - expected).abs() <= 1e-5 * largest.max(1.0), "{config:?}");
        }
    }
}

#[test]
fn drafts_and_batches_have_the_bits_of_one_token_after_the_other() {
    for int8 in [false, true] {
        let mut model = Transformer::new(config(), 3).unwrap();
        if int8 {
            model = model.quantize_int8().unwrap();
        }
        let texts: Vec<_> = (0..19).map(|text| ids(20 + text, text as u32)).collect();
        let alone: Vec<_> = texts.iter().map(|ids| decoded(&model, ids, 1)).collect();
        for (ids, alone) in texts.iter().zip(&alone) {
            assert_eq!(decoded(&model, ids, 5), *alone);
        }
        // All at once, each with another number of tokens per step; texts end at different steps.
        let mut decoder = Decoder::new(&model, Context::detect());
        let mut slots: Vec<_> = texts.iter().map(|_| slot(&model, &[])).collect();
        let mut together = vec![Vec::new(); texts.len()];
        for step in 0.. {
            let pieces = texts.iter().enumerate();
            let pieces: Vec<_> = pieces
                .map(|(text, ids)| ids.chunks(text % 3 + 1).nth(step).unwrap_or_default())
                .collect();
            if pieces.iter().all(|piece| piece.is_empty()) {
                break;
            }
            for (slot, piece) in slots.iter_mut().zip(&pieces) {
                slot.ids = piece.to_vec();
            }
            let mut logits = &*decoder.step(&mut slots);
            for (together, piece) in together.iter_mut().zip(pieces) {
                let (own, others) = logits.split_at(piece.len() * 77);
                together.extend_from_slice(own);
                logits = others;
            }
        }
        assert!(together == alone);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let model = Transformer::new(ModelConfig { d_model: 192, d_ff: 500, ..config() }, 3).unwrap();
    let ids = ids(40, 2);
    let expected = decoded(&model, &ids, 4);
    for threads in [1, 2, 3, 7] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        assert!(pool.install(|| decoded(&model, &ids, 4)) == expected, "{threads} threads");
    }
}

#[test]
fn a_draft_that_is_forgotten_leaves_nothing() {
    let model = Transformer::new(config(), 3).unwrap();
    let ids = ids(30, 1);
    let mut decoder = Decoder::new(&model, Context::detect());
    let mut slots = [slot(&model, &ids[..10])];
    decoder.step(&mut slots);
    slots[0].ids = vec![1, 2, 3];
    decoder.step(&mut slots);
    slots[0].cache.truncate(10);
    slots[0].ids = ids[10..].to_vec();
    assert_eq!(*decoder.step(&mut slots), decoded(&model, &ids, 1)[10 * 77..]);
}
