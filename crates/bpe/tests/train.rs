//! Training against the plain trainer, against reference merges, and at its limits.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use bpe::{
    Error, Pattern, PreTokenCounter, PreTokenCounts, TrainConfig, Trained, learn_merges_naive,
    train,
};
use proptest::prelude::*;

fn silent(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn count(text: &[u8], specials: &[String]) -> PreTokenCounts {
    let counter = PreTokenCounter::new(&Pattern::gpt2(), specials);
    counter.count_reader(text, &silent).unwrap();
    counter.finish()
}

fn config(vocab_size: usize, specials: &[String]) -> TrainConfig {
    TrainConfig { vocab_size, special_tokens: specials.to_vec() }
}

fn train_text(text: &[u8], vocab_size: usize, specials: &[String]) -> Trained {
    train(count(text, specials), &config(vocab_size, specials), &silent).unwrap()
}

/// Merges as pairs of byte strings.
fn merge_bytes(trained: &Trained) -> Vec<(Vec<u8>, Vec<u8>)> {
    let bytes = |id| trained.vocab.token(id).unwrap().to_vec();
    trained.vocab.merges().iter().map(|&(left, right)| (bytes(left), bytes(right))).collect()
}

fn naive(counts: &PreTokenCounts, num_specials: u32, max_merges: usize) -> Vec<(u32, u32)> {
    let words: Vec<(&[u8], u64)> = counts.iter().collect();
    learn_merges_naive(&words, 256 + num_specials, max_merges)
}

/// Reads ever more of the text, in pieces of `size` bytes.
struct Trickle<'t> {
    text: &'t [u8],
    size: usize,
}

impl std::io::Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.size.min(out.len()).min(self.text.len());
        let (now, later) = self.text.split_at(n);
        out[..n].copy_from_slice(now);
        self.text = later;
        Ok(n)
    }
}

/// Words, special tokens whole and in part, characters of several bytes, a contraction, line ends.
const PIECE: &str = "[ab ]{0,12}|<\\|a\\|>|<\\|a|[\u{e9}\u{1f600}\u{301}]{1,3}|'s|  \n";

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn learns_what_the_plain_trainer_learns(
        words in prop::collection::vec(("[ab]{1,12}|[abc]{1,6}|a{1,20}", 1u64..4), 0..12),
        max_merges in 0usize..40,
        num_specials in 0usize..3,
    ) {
        let counts = PreTokenCounts::from_counts(words.iter().map(|(word, count)| (word, *count)));
        let expected = naive(&counts, num_specials as u32, max_merges);
        let specials: Vec<String> = (0..num_specials).map(|i| format!("<{i}>")).collect();
        let config = config(256 + num_specials + max_merges, &specials);
        let trained = train(counts.clone(), &config, &silent).unwrap();
        prop_assert_eq!(trained.vocab.merges(), expected);

        // Each word once more, merged by hand, gives the number of tokens.
        let mut num_tokens = 0;
        for (word, count) in counts.iter() {
            let mut symbols: Vec<u32> = word.iter().map(|&byte| u32::from(byte)).collect();
            let vocab = &trained.vocab;
            for (&(left, right), &token) in vocab.merges().iter().zip(vocab.merged()) {
                let mut i = 0;
                while i + 1 < symbols.len() {
                    if (symbols[i], symbols[i + 1]) == (left, right) {
                        symbols.splice(i..i + 2, [token]);
                    }
                    i += 1;
                }
            }
            num_tokens += symbols.len() as u64 * count;
        }
        prop_assert_eq!(trained.num_tokens, num_tokens);
    }

    #[test]
    fn one_long_word_too(
        word in "[ab]{200,600}|[a-d]{200,600}|(ab|a){100,200}",
        max_merges in 0usize..400,
    ) {
        let counts = PreTokenCounts::from_counts([(word, 1)]);
        let expected = naive(&counts, 0, max_merges);
        let trained = train(counts, &config(256 + max_merges, &[]), &silent).unwrap();
        prop_assert_eq!(trained.vocab.merges(), expected);
    }

    #[test]
    fn counts_do_not_depend_on_threads_chunks_or_tables(
        parts in prop::collection::vec(PIECE, 0..60),
        broken in prop::collection::vec(any::<u8>(), 0..4),
        threads in 1usize..5,
        chunk in 1usize..40,
        table in prop::sample::select(vec![0, 1 << 20]),
        piece in 1usize..50,
    ) {
        let mut text = parts.concat().into_bytes();
        text.extend(broken);
        let specials = ["<|a|>".to_string()];
        let whole = count(&text, &specials);

        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let streamed = pool.install(|| {
            let counter = PreTokenCounter::new(&Pattern::gpt2(), &specials);
            let counter = counter.with_sizes(chunk, table);
            counter.count_reader(Trickle { text: &text, size: piece }, &silent).unwrap();
            counter.finish()
        });
        prop_assert_eq!(&streamed, &whole);
        prop_assert_eq!(whole.summary().bytes, text.len() as u64);
    }
}

#[test]
fn reference_cases() {
    #[derive(serde::Deserialize)]
    struct Case {
        text: String,
        vocab_size: usize,
        special_tokens: Vec<String>,
        merges_hex: Vec<(String, String)>,
    }
    let json = include_str!("fixtures/bpe_train_cases.json");
    let cases: std::collections::BTreeMap<String, Case> = serde_json::from_str(json).unwrap();
    assert_eq!(cases.len(), 4);
    let hex = |text: &str| -> Vec<u8> {
        (0..text.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
            .collect()
    };
    for (name, case) in cases {
        let trained = train_text(case.text.as_bytes(), case.vocab_size, &case.special_tokens);
        let expected: Vec<_> = case.merges_hex.iter().map(|(a, b)| (hex(a), hex(b))).collect();
        assert_eq!(merge_bytes(&trained), expected, "case {name}");
    }
}

#[test]
fn counts_beyond_32_bits() {
    let big = u64::from(u32::MAX);
    let counts =
        PreTokenCounts::from_counts([("ab", big + 1), ("cd", big), ("ef", big + 2), ("ef", big)]);
    let trained = train(counts, &config(259, &[]), &silent).unwrap();
    let bytes = |a: u8, b: u8| (vec![a], vec![b]);
    assert_eq!(merge_bytes(&trained), [bytes(b'e', b'f'), bytes(b'a', b'b'), bytes(b'c', b'd')]);
    assert_eq!(trained.summary.pre_tokens, 4 * big + 3);
}

#[test]
fn texts_without_pairs() {
    let specials = ["<|endoftext|>".to_string()];
    for text in ["", "<|endoftext|><|endoftext|>", "<|endoftext|>a<|endoftext|>"] {
        let trained = train_text(text.as_bytes(), 1000, &specials);
        assert_eq!(trained.vocab.len(), 257, "{text:?}");
        assert_eq!(trained.summary.bytes, text.len() as u64);
    }
    let none = train_text(b"", 257, &specials);
    assert_eq!((none.num_tokens, none.distinct, none.bytes_per_token()), (0, 0, None));
    let two = train_text(b"<|endoftext|>a<|endoftext|>", 257, &specials);
    assert_eq!((two.num_tokens, two.summary.specials, two.summary.pre_tokens), (3, 2, 1));
    assert_eq!(two.bytes_per_token(), Some(9.0));
}

#[test]
fn impossible_configurations() {
    let specials = |texts: &[&str]| texts.iter().map(|text| text.to_string()).collect::<Vec<_>>();
    let too_small = config(257, &specials(&["<a>", "<b>"])).num_merges().unwrap_err();
    assert!(matches!(too_small, Error::VocabSizeTooSmall { vocab_size: 257, special_tokens: 2 }));
    for texts in [&["a"][..], &[""], &["<a>", "<a>"]] {
        assert!(
            matches!(config(300, &specials(texts)).num_merges(), Err(Error::Vocab { .. })),
            "{texts:?}"
        );
    }
    assert_eq!(config(258, &specials(&["<a>", "<b>"])).num_merges().unwrap(), 0);
}

#[test]
fn work_can_be_interrupted() {
    let stop = |_| ControlFlow::Break(());
    let counter = PreTokenCounter::new(&Pattern::gpt2(), &[]);
    assert!(matches!(counter.count_reader(&b"abc"[..], &stop), Err(Error::Interrupted)));
    assert!(matches!(counter.count_reader(&b"abc"[..], &stop), Err(Error::Interrupted)));
    let counts = PreTokenCounts::from_counts([("abc", 1)]);
    assert!(matches!(train(counts, &config(300, &[]), &stop), Err(Error::Interrupted)));
}

/// A long word whose pairs all occur once is merged from the left into ever longer tokens, whose
/// spellings would take hundreds of gigabytes.
#[test]
fn tokens_that_outgrow_memory_are_refused() {
    let word: Vec<u8> =
        (0..1u32 << 20).flat_map(|i| i.wrapping_mul(0x9E37_79B1).to_be_bytes()).collect();
    let counts = PreTokenCounts::from_counts([(word, 1)]);
    let error = train(counts, &config(10_000_000, &[]), &silent).unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: "learned tokens", .. }), "{error}");
}

/// The worst cases of the issue about speed, an eighth of their size: they must not be quadratic.
#[test]
fn worst_cases_are_near_linear() {
    const BYTES: usize = 1 << 20;
    let random = |modulus: u32| {
        let mut state = 1u64;
        move || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as u32 % modulus) as u8
        }
    };
    let mut letter = random(26);
    let line: Vec<u8> = (0..BYTES).map(|_| b'a' + letter()).collect();
    let mut byte = random(256);
    let noise: Vec<u8> = (0..BYTES).map(|_| byte()).collect();
    let words: String = (0..125_000).map(|i| format!(" {i:x}word")).collect();
    let cases = [
        ("one letter", vec![b'a'; BYTES]),
        ("spaces", vec![b' '; BYTES]),
        ("ab", b"ab".repeat(BYTES / 2)),
        ("one line", line),
        ("random bytes", noise),
        ("joined emoji", "\u{1f600}\u{200d}".repeat(BYTES / 7).into_bytes()),
        ("distinct words", words.into_bytes()),
    ];
    for (name, text) in cases {
        let started = Instant::now();
        let trained = train_text(&text, 10_000, &[]);
        assert!(trained.num_tokens < text.len() as u64);
        // A quadratic trainer takes minutes; what is allowed here leaves room for a slow machine.
        assert!(started.elapsed() < Duration::from_secs(20), "{name}: {:?}", started.elapsed());
    }
}
