//! Reading and generating with the same bits: keys, values and logits do not depend on how a prompt
//! is cut, or on the texts that are generated together.

use crate::formats::WeightForm;
use crate::{Decoder, KvCache, ModelConfig, Slot, Transformer};
use ndarray::Array2;
use std::ops::Range;
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

/// Models in each form that inference has, with the precision that goes with it.
fn models() -> Vec<(WeightForm, Precision, Transformer)> {
    let dir = tempfile::tempdir().unwrap();
    model().save(dir.path()).unwrap();
    let forms = [
        (WeightForm::AsStored, Precision::F32),
        (WeightForm::AsStored, Precision::Bf16),
        (WeightForm::Bf16, Precision::F32),
        (WeightForm::Bf16, Precision::Bf16),
        (WeightForm::Int8, Precision::F32),
    ];
    let load = |form| Transformer::load_for_inference(dir.path(), form, 1).unwrap();
    forms.map(|(form, precision)| (form, precision, load(form))).into()
}

#[test]
fn a_prompt_has_the_same_bits_however_it_is_cut() {
    let models = models();
    for kernels in isa::available() {
        for (form, precision, model) in &models {
            let context = Context { kernels, precision: *precision };
            let name = format!("{} {form:?} {precision}", kernels.isa());
            let whole = read(model, context, &[LEN]);
            let ids = Array2::from_shape_vec([1, LEN], prompt()).unwrap();
            let uncached = model.logits(context, ids.view());
            let last = &uncached.as_slice()[(LEN - 1) * model.config().vocab_size..];
            assert!(whole.last() == Some(&bits(last)), "{name}: without a cache");
            for pieces in [&[1][..], &[7], &[64], &[1, 4, 100, 3, 16, 49]] {
                let found = read(model, context, pieces);
                let same = found.iter().zip(&whole).map(|(a, b)| a == b).collect::<Vec<_>>();
                assert!(found == whole, "{name}: pieces of {pieces:?}: {same:?}");
            }
        }
    }
}

/// The prompt of text i, and the ids that follow it.
fn text(i: usize) -> (Vec<u32>, Vec<u32>) {
    let prompt = prompt()[i..30 + 10 * i].to_vec();
    (prompt, (0..8).map(|j| (i * 17 + j * 5) as u32 % 70).collect())
}

/// Reads the prompts of these texts, text i in pieces of `piece(i)` ids, and appends their ids in
/// steps, of text i `count(i, step)` at a time. Returns the bits of the logits after each id.
fn generate(
    model: &Transformer,
    context: Context,
    texts: Range<usize>,
    piece: impl Fn(usize) -> usize,
    count: impl Fn(usize, usize) -> usize,
) -> Vec<Vec<Vec<u32>>> {
    let mut slots: Vec<_> = texts
        .clone()
        .map(|i| {
            let mut cache = KvCache::new(model.config());
            for ids in text(i).0.chunks(piece(i)) {
                model.next_logits(context, ids, &mut cache);
            }
            Slot { cache, ids: Vec::new() }
        })
        .collect();
    let mut left: Vec<_> = texts.clone().map(|i| text(i).1.into_iter()).collect();
    let mut found = vec![Vec::new(); slots.len()];
    let mut decoder = Decoder::new(model, context);
    for step in 0.. {
        if left.iter().all(|left| left.len() == 0) {
            break;
        }
        for ((slot, left), i) in slots.iter_mut().zip(&mut left).zip(texts.clone()) {
            slot.ids = left.by_ref().take(count(i, step)).collect();
        }
        let mut rows = decoder.step(&mut slots).chunks_exact(model.config().vocab_size);
        for (slot, found) in slots.iter().zip(&mut found) {
            found.extend(rows.by_ref().take(slot.ids.len()).map(bits));
        }
    }
    found
}

#[test]
fn a_text_has_the_same_bits_in_every_batch() {
    const TEXTS: usize = 16;
    let in_pool = |threads, f: &(dyn Fn() -> Vec<Vec<Vec<u32>>> + Sync)| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(f)
    };
    let models = models();
    for kernels in isa::available() {
        for (form, precision, model) in &models {
            let context = Context { kernels, precision: *precision };
            // Alone: the prompt in one piece, one id per step, one thread.
            let alone = |i| generate(model, context, i..i + 1, |_| LEN, |_, _| 1).remove(0);
            let alone = in_pool(1, &|| (0..TEXTS).map(alone).collect());
            assert!(alone.iter().all(|rows| rows.len() == 8));
            for (batch, threads) in [(1, 2), (3, 1), (16, 3)] {
                let piece = |i| [1, 7, 64, LEN][i % 4];
                let count = |i, step| [1, 3, 0, 2][(i + step) % 4];
                for first in (0..TEXTS).step_by(batch).take(3) {
                    let texts = first..TEXTS.min(first + batch);
                    let found =
                        in_pool(threads, &|| generate(model, context, texts.clone(), piece, count));
                    let isa = kernels.isa();
                    let name = format!("{isa} {form:?} {precision}, {threads} threads");
                    assert!(found == alone[texts.clone()], "{name}: texts {texts:?}");
                }
            }
        }
    }
}
