//! Counting pre-tokens, and learning merges from the counts: `cargo bench -p bpe --bench train`.

use std::hint::black_box;
use std::ops::ControlFlow;

use bpe::{Pattern, PreTokenCounter, PreTokenCounts, TrainConfig, train};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

const TEXT_BYTES: usize = 8 << 20;

fn silent(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Sentences of made-up words: word k is about 1/k as frequent as the first, as in natural text.
fn text(num_words: u32) -> Vec<u8> {
    const SYLLABLES: [&str; 16] = [
        "ba", "lo", "mi", "ra", "tu", "ne", "ki", "so", "da", "ve", "po", "li", "tor", "sha",
        "bel", "nim",
    ];
    let mut state = 1u64;
    let mut random = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1u64 << 24) as f64
    };
    let mut text = String::with_capacity(TEXT_BYTES + 64);
    while text.len() < TEXT_BYTES {
        let mut word = f64::from(num_words).powf(random()) as u32;
        while word > 0 {
            text.push_str(SYLLABLES[(word % 16) as usize]);
            word /= 16;
        }
        text.push_str(match (random() * 16.0) as u32 {
            0 => ".\n",
            1 => ", ",
            2 => "'s ",
            _ => " ",
        });
    }
    text.into_bytes()
}

fn counts_of(text: &[u8]) -> PreTokenCounts {
    let counter = PreTokenCounter::new(&Pattern::gpt2(), &[]);
    counter.count_slice(text, &silent).expect("known patterns do not fail");
    counter.finish()
}

fn count(c: &mut Criterion) {
    let mut group = c.benchmark_group("count");
    group.sample_size(10).throughput(Throughput::Bytes(TEXT_BYTES as u64));
    for num_words in [20_000, 500_000] {
        let text = text(num_words);
        group.bench_function(format!("{num_words} words"), |b| {
            b.iter(|| counts_of(black_box(&text)))
        });
    }
    group.finish();
}

fn merge(c: &mut Criterion) {
    let mut group = c.benchmark_group("merge");
    group.sample_size(10);
    let cases = [
        ("words", text(500_000)),
        ("one line", text(500_000).into_iter().filter(u8::is_ascii_alphabetic).collect()),
    ];
    for (name, text) in cases {
        let counts = counts_of(&text);
        for vocab_size in [10_000, 32_000] {
            let config = TrainConfig { vocab_size, special_tokens: Vec::new() };
            group.bench_function(format!("{name}, {vocab_size} tokens"), |b| {
                b.iter_batched(
                    || counts.clone(),
                    |counts| train(counts, &config, &silent).expect("a vocabulary"),
                    BatchSize::LargeInput,
                );
            });
        }
    }
    group.finish();
}

criterion_group!(benches, count, merge);
criterion_main!(benches);
