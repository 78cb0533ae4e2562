//! The parts of encoding, on one thread: `cargo bench -p lm-bpe --bench encode`.

mod corpus;

use std::hint::black_box;
use std::ops::ControlFlow;

use bpe::{Pattern, PreTokenCounter, Tokenizer, TrainConfig, train};
use corpus::{TEXT_BYTES, text};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

/// Finding pre-tokens.
fn scan(c: &mut Criterion) {
    let mut group = c.benchmark_group("scan");
    group.sample_size(10).throughput(Throughput::Bytes(TEXT_BYTES as u64));
    let latin = text(20_000);
    let greek: String =
        String::from_utf8_lossy(&latin).chars().map(|c| if c == 'a' { 'α' } else { c }).collect();
    for (name, pattern, text) in [
        ("gpt2", Pattern::gpt2(), &latin[..]),
        ("gpt2, a wide letter in most words", Pattern::gpt2(), greek.as_bytes()),
        ("gpt4", Pattern::gpt4(), &latin[..]),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut ends = 0;
                let count = &mut |at: std::ops::Range<usize>| ends ^= at.end;
                pattern.for_each_pre_token(black_box(text), count).expect("a known pattern");
                ends
            });
        });
    }
    group.finish();
}

fn tokenizer() -> Tokenizer {
    let silent = |_| ControlFlow::Continue(());
    let counter = PreTokenCounter::new(&Pattern::gpt2(), &[]);
    counter.count_reader(&text(500_000)[..], &silent).expect("a known pattern");
    let config = TrainConfig { vocab_size: 10_000, special_tokens: Vec::new() };
    let vocab = train(counter.finish(), &config, &silent).expect("a vocabulary").vocab;
    Tokenizer::new(vocab, Pattern::gpt2())
}

/// Encoding what was seen before: scanning and look-ups.
fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("look up");
    group.sample_size(10).throughput(Throughput::Bytes(TEXT_BYTES as u64));
    let tokenizer = tokenizer();
    for num_words in [1_000, 20_000] {
        let text = text(num_words);
        let (mut encoder, mut ids) = (tokenizer.encoder::<u16>(), Vec::new());
        group.bench_function(format!("{num_words} words"), |b| {
            b.iter(|| {
                ids.clear();
                encoder.encode(black_box(&text), &mut ids).expect("a known pattern");
                ids.len()
            });
        });
    }
    group.finish();
}

/// Encoding what was never seen: merging.
fn merge(c: &mut Criterion) {
    let mut group = c.benchmark_group("merge");
    group.sample_size(10);
    let tokenizer = tokenizer();
    let letters: Vec<u8> = text(500_000).into_iter().filter(u8::is_ascii_alphabetic).collect();
    let words: Vec<u8> = letters.chunks(7).flat_map(|word| [b" ", word].concat()).collect();
    for (name, text) in
        [("words of 8 bytes", words), ("one line", letters), ("one letter", vec![b'a'; TEXT_BYTES])]
    {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut ids = Vec::new();
                tokenizer
                    .encoder::<u16>()
                    .encode(black_box(&text), &mut ids)
                    .expect("a known pattern");
                ids.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, scan, look_up, merge);
criterion_main!(benches);
