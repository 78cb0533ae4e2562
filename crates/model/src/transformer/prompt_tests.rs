//! Prompts in pieces: the bits of keys, values and logits do not depend on how a prompt is cut.

use super::KvCache;
use crate::{ModelConfig, Transformer};
use ndarray::Array2;
use tensor::{Context, Precision, Tensor, isa};

/// Positions of the prompt: more than a block of K of any product, so that attention adds several.
const LEN: usize = 530;

fn model() -> Transformer {
    let config = ModelConfig {
        vocab_size: 70,
        context_length: 600,
        d_model: 48,
        num_heads: 4, // heads of 12 channels: no whole panels
        num_layers: 2,
        d_ff: 530, // more than two blocks of K
        ..ModelConfig::default()
    };
    Transformer::new(config, 3).unwrap()
}

fn prompt() -> Vec<u32> {
    (0..LEN as u32).map(|i| (i * i * 31 + i * 7) % 70).collect()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

/// Keys and values of all layers up to the cache's length, then `logits`.
fn state(cache: &KvCache, logits: &[f32]) -> Vec<Vec<u32>> {
    let written = |x: &Tensor| {
        let &[1, _, capacity, d_head] = x.shape() else { panic!("{:?}", x.shape()) };
        let heads = x.as_slice().chunks_exact(capacity * d_head);
        heads.flat_map(|head| bits(&head[..cache.len() * d_head])).collect()
    };
    let layers = cache.layers.iter().flat_map(|layer| [&layer.keys, &layer.values]);
    layers.map(written).chain([bits(logits)]).collect()
}

/// Reads the prompt in pieces of these lengths, over and over.
fn read(model: &Transformer, context: Context, pieces: &[usize]) -> Vec<Vec<u32>> {
    let ids = prompt();
    let (mut cache, mut rest) = (KvCache::new(model.config()), &ids[..]);
    let mut logits = None;
    for &piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (ids, after) = rest.split_at(piece.min(rest.len()));
        logits = Some(model.next_logits(context, ids, &mut cache));
        rest = after;
    }
    state(&cache, logits.unwrap().as_slice())
}

#[test]
fn a_prompt_has_the_same_bits_however_it_is_cut() {
    let full = model();
    let int8 = model().quantize_int8().unwrap();
    for kernels in isa::available() {
        let f32 = Context::detect().with_kernels(kernels);
        let bf16 = f32.with_precision(Precision::Bf16);
        for (name, model, context) in
            [("f32", &full, f32), ("bf16", &full, bf16), ("int8", &int8, f32)]
        {
            let whole = read(model, context, &[LEN]);
            let ids = Array2::from_shape_vec([1, LEN], prompt()).unwrap();
            let uncached = model.logits(context, ids.view());
            let last = &uncached.as_slice()[(LEN - 1) * model.config().vocab_size..];
            assert!(whole.last() == Some(&bits(last)), "{} {name}: without a cache", kernels.isa());
            for pieces in [&[1][..], &[7], &[64], &[1, 4, 100, 3, 16, 49]] {
                let found = read(model, context, pieces);
                let same = found.iter().zip(&whole).map(|(a, b)| a == b).collect::<Vec<_>>();
                assert!(found == whole, "{} {name}: pieces of {pieces:?}: {same:?}", kernels.isa());
            }
        }
    }
}
