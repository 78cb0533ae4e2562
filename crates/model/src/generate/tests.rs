use super::sample::{self, Sampling};
use super::*;
use crate::{ModelConfig, Transformer};
use ndarray::{Axis, aview1};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use tensor::Context;
use text::kept;

fn model(context_length: usize) -> Transformer {
    let config = ModelConfig {
        vocab_size: 40,
        context_length,
        d_model: 16,
        num_heads: 2,
        num_layers: 2,
        d_ff: 24,
        ..ModelConfig::default()
    };
    Transformer::new(config, 11).unwrap()
}

fn options(max_tokens: usize, temperature: f64) -> GenerateOptions {
    let sampling = Sampling { temperature, ..Sampling::default() };
    GenerateOptions { sampling, max_tokens, seed: 5, ..GenerateOptions::default() }
}

fn generate(
    model: &Transformer,
    prompt: &[u32],
    options: &GenerateOptions,
) -> (Vec<u32>, FinishReason) {
    let mut generator = Generator::new(model, Context::detect(), prompt, options).unwrap();
    let tokens = generator.by_ref().collect();
    (tokens, generator.finish_reason().expect("a finished generator"))
}

/// Generates without a cache: the whole window is read again for each token.
fn generate_naively(model: &Transformer, prompt: &[u32], options: &GenerateOptions) -> Vec<u32> {
    let config = model.config();
    let mut rng = ChaCha8Rng::seed_from_u64(options.seed);
    let mut tokens = prompt.to_vec();
    let mut start = tokens.len().saturating_sub(config.context_length);
    for _ in 0..options.max_tokens {
        start = tokens.len() - kept(tokens.len() - start, config.context_length);
        let window = &tokens[start..];
        let logits = model.logits(Context::detect(), aview1(window).insert_axis(Axis(0)));
        let mut last = logits.as_slice()[(window.len() - 1) * config.vocab_size..].to_vec();
        let seen = tokens.iter().copied().collect::<BTreeSet<_>>();
        tokens.push(sample::choose(&mut last, seen, &options.sampling, &mut rng));
    }
    tokens.split_off(prompt.len())
}

#[test]
fn the_cache_changes_nothing_inside_and_past_the_context() {
    let model = model(12);
    for prompt in
        [&[3][..], &[1, 2, 3, 4, 5], &[9; 12], &[7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]]
    {
        for temperature in [0.0, 1.0] {
            let mut options = options(40, temperature);
            options.sampling.repetition_penalty = 1.1;
            let expected = generate_naively(&model, prompt, &options);
            assert_eq!(generate(&model, prompt, &options), (expected, FinishReason::Length));
        }
    }
}

#[test]
fn the_window_moves_to_its_newest_half_when_it_is_full() {
    assert_eq!([12, 13].map(|len| kept(len, 12)), [12, 6]);
    assert_eq!([1, 2].map(|len| kept(len, 1)), [1, 1]);

    let model = model(12);
    let long = options(20, 0.0);
    let mut generator = Generator::new(&model, Context::detect(), &[1, 2], &long).unwrap();
    assert_eq!(generator.by_ref().take(11).count(), 11);
    assert!(!generator.window_has_moved(), "the 11th token came from a window of 12");
    generator.next();
    assert!(generator.window_has_moved());
}

#[test]
fn a_context_of_one_token_works() {
    let model = model(1);
    let options = options(5, 0.0);
    assert_eq!(generate(&model, &[4, 5], &options).0, generate_naively(&model, &[4, 5], &options));
}

#[test]
fn a_stop_token_ends_it_and_is_not_part_of_it() {
    let model = model(32);
    let (tokens, _) = generate(&model, &[3], &options(10, 0.0));
    let stop = tokens[4];
    let before = tokens.iter().position(|&id| id == stop).unwrap();
    let stopping = GenerateOptions { stop_ids: vec![39, stop], ..options(10, 0.0) };
    let expected = (tokens[..before].to_vec(), FinishReason::Stop);
    assert_eq!(generate(&model, &[3], &stopping), expected);
}

#[test]
fn the_seed_decides() {
    let model = model(32);
    let with_seed = |seed| generate(&model, &[3], &GenerateOptions { seed, ..options(20, 1.0) }).0;
    assert_eq!(with_seed(1), with_seed(1));
    assert_ne!(with_seed(1), with_seed(2));
}

#[test]
fn nothing_is_generated_from_nothing_or_from_strange_settings() {
    let model = model(8);
    let error =
        |prompt: &[u32], options| Generator::new(&model, Context::detect(), prompt, &options).err();
    assert_eq!(error(&[], options(1, 1.0)), Some(GenerateError::EmptyPrompt));
    let message = error(&[1, 40], options(1, 1.0)).unwrap().to_string();
    assert!(
        message.starts_with("the token id 40 at position 1 is beyond the model's vocabulary of 40")
    );
    assert!(matches!(error(&[1], options(1, -1.0)), Some(GenerateError::Sampling(_))));
    assert_eq!(generate(&model, &[1], &options(0, 1.0)), (vec![], FinishReason::Length));
}
