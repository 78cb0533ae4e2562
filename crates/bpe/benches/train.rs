//! Counting pre-tokens, and learning merges from the counts: `cargo bench -p lm-bpe --bench train`.

mod corpus;

use std::hint::black_box;
use std::ops::ControlFlow;

use bpe::{Pattern, PreTokenCounter, PreTokenCounts, TrainConfig, train};
use corpus::{TEXT_BYTES, text};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};

fn silent(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn counts_of(text: &[u8]) -> PreTokenCounts {
    let counter = PreTokenCounter::new(&Pattern::gpt2(), &[]);
    counter.count_reader(text, &silent).expect("known patterns do not fail");
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
