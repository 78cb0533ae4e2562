use super::*;
use crate::{Generator, ModelConfig, Sampling};

fn model(context_length: usize) -> Transformer {
    model_with(context_length, 3)
}

fn model_with(context_length: usize, seed: u64) -> Transformer {
    let config = ModelConfig {
        vocab_size: 50,
        context_length,
        d_model: 16,
        num_heads: 2,
        num_layers: 2,
        d_ff: 24,
        ..ModelConfig::default()
    };
    Transformer::new(config, seed).unwrap()
}

/// The tokens of each text of a batch in which at most `together` run at a time, and the reason for
/// its end.
fn batch(
    model: &Transformer,
    together: usize,
    texts: &[(Vec<u32>, GenerateOptions)],
) -> Vec<(Vec<u32>, Option<FinishReason>)> {
    let mut batch = BatchGenerator::new(model, Context::detect());
    let mut results = vec![(Vec::new(), None); texts.len()];
    let (mut left, mut events) = (texts.iter(), Vec::new());
    loop {
        while batch.len() < together
            && let Some((prompt, options)) = left.next()
        {
            batch.add(prompt, options).unwrap();
        }
        if batch.is_empty() {
            return results;
        }
        batch.step(&mut events);
        for event in events.drain(..) {
            match event {
                Event::Token { text, id } => results[text].0.push(id),
                Event::End { text, reason } => results[text].1 = Some(reason),
                Event::Moved { .. } => {}
            }
        }
    }
}

/// Texts of all kinds: prompts that share a beginning, of other lengths, with stop tokens, greedy
/// and not.
fn texts(speculate: usize) -> Vec<(Vec<u32>, GenerateOptions)> {
    let text = |i: usize| {
        let prompt: Vec<u32> = match i % 4 {
            0 => vec![1, 2, 3, 4, 5],
            1 => vec![1, 2, 3, 9],
            2 => vec![i as u32],
            _ => (0..30).map(|j| (i + j) as u32 % 50).collect(),
        };
        let temperature = if i.is_multiple_of(3) { 0.0 } else { 1.0 };
        let repetition_penalty = if i % 5 == 4 { 1.3 } else { 1.0 };
        let sampling = Sampling { temperature, repetition_penalty, ..Sampling::default() };
        let stop_ids = if i.is_multiple_of(2) { vec![7, 8, 9] } else { vec![] };
        let (max_tokens, seed) = (i * 7 % 40, i as u64);
        (prompt, GenerateOptions { sampling, max_tokens, stop_ids, seed, speculate })
    };
    (0..20).map(text).collect()
}

#[test]
fn each_text_is_the_one_that_it_is_alone() {
    for context_length in [1, 12, 64] {
        let model = model(context_length);
        let texts = texts(0);
        let alone = |(prompt, options): &(Vec<u32>, GenerateOptions)| {
            let mut generator = Generator::new(&model, Context::detect(), prompt, options).unwrap();
            let ids: Vec<u32> = generator.by_ref().collect();
            (ids, generator.finish_reason())
        };
        let expected: Vec<_> = texts.iter().map(alone).collect();
        assert!(expected.iter().any(|(_, reason)| *reason == Some(FinishReason::Stop)));
        for together in [1, 3, 16, 20] {
            assert_eq!(batch(&model, together, &texts), expected, "{together} at a time");
        }
    }
}

#[test]
fn drafts_change_nothing() {
    for context_length in [12, 64] {
        let model = model(context_length);
        let expected = batch(&model, 1, &texts(0));
        for speculate in [1, 4, 100] {
            for together in [1, 5] {
                assert_eq!(batch(&model, together, &texts(speculate)), expected, "{speculate}");
            }
        }
    }
}

#[test]
fn drafts_save_steps_where_a_text_repeats_itself() {
    let model = model_with(64, 19);
    let steps = |speculate| {
        let sampling = Sampling::greedy();
        let options =
            GenerateOptions { sampling, max_tokens: 60, speculate, ..GenerateOptions::default() };
        let mut batch = BatchGenerator::new(&model, Context::detect());
        batch.add(&[1, 2], &options).unwrap();
        let (mut events, mut steps) = (Vec::new(), 0);
        while !batch.is_empty() {
            batch.step(&mut events);
            steps += 1;
        }
        let tokens = events.iter().filter(|event| matches!(event, Event::Token { .. })).count();
        assert_eq!(tokens, 60);
        steps
    };
    // With this seed the text is one of few words.
    assert_eq!(steps(0), 60);
    assert!(steps(8) < 20, "{}", steps(8));
}

#[test]
fn a_text_that_is_removed_makes_room() {
    let model = model(64);
    let mut batch = BatchGenerator::new(&model, Context::detect());
    let options = GenerateOptions::default();
    assert_eq!(batch.add(&[1], &options), Ok(0));
    assert_eq!(batch.add(&[2], &options), Ok(1));
    let mut events = Vec::new();
    batch.step(&mut events);
    batch.remove(0);
    batch.remove(9);
    assert_eq!(batch.len(), 1);
    assert_eq!(batch.add(&[1, 3], &options), Ok(2));
    events.clear();
    batch.step(&mut events);
    let texts: Vec<usize> = events
        .iter()
        .map(|event| match event {
            Event::Token { text, .. } | Event::Moved { text } | Event::End { text, .. } => *text,
        })
        .collect();
    assert_eq!(texts, [2, 1]);
    assert_eq!((batch.slots.len(), batch.add(&[50], &options).is_err()), (2, true));
}

#[test]
fn a_prompt_is_read_once_for_all_texts_that_begin_with_it() {
    let model = model(64);
    let mut batch = BatchGenerator::new(&model, Context::detect());
    let prompt: Vec<u32> = (0..40).collect();
    for len in [40, 40, 30] {
        batch.add(&prompt[..len], &GenerateOptions::default()).unwrap();
    }
    batch.step(&mut Vec::new());
    assert_eq!(batch.prompt_tokens_read(), 40 + 1 + 1);
}
