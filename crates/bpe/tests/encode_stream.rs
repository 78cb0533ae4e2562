//! A stream gives the ids of the whole text, whatever the chunks and threads, and everything agrees with the definition.

use std::io::{self, Read};

use bpe::{Error, Pattern, Segment, StreamOptions, StreamStats, Tokenizer, Vocab, merge_naive};
use proptest::prelude::*;

fn tokenizer(pattern: &str, specials: &[&str]) -> Tokenizer {
    let specials: Vec<String> = specials.iter().map(|text| (*text).to_string()).collect();
    let base = 256 + specials.len() as u32;
    let merges = vec![
        (b'a'.into(), b'b'.into()),
        (b' '.into(), base),
        (b' '.into(), b' '.into()),
        (base, base),
        (base + 3, base + 3),
        (0xC3, 0xA9),
        (b'\''.into(), b's'.into()),
        (b'1'.into(), b'2'.into()),
        // So that it matters whether a contraction is torn apart.
        (b'\''.into(), b'l'.into()),
        (b'\''.into(), b'r'.into()),
        (b'!'.into(), b'\''.into()),
        (base + 2, base + 1),
    ];
    Tokenizer::new(Vocab::from_merges(merges, &specials).unwrap(), Pattern::parse(pattern).unwrap())
}

/// By definition: special tokens, pre-tokens, merges one by one.
fn encode_naively(tokenizer: &Tokenizer, text: &[u8]) -> Vec<u32> {
    let mut ids = Vec::new();
    for segment in tokenizer.specials().segments(text) {
        match segment {
            Segment::Special(id) => ids.push(id),
            Segment::Text(text) => tokenizer
                .pattern()
                .for_each_pre_token(text, &mut |at| {
                    ids.extend(merge_naive(tokenizer.vocab(), &text[at]))
                })
                .unwrap(),
        }
    }
    ids
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "ab",
        "abab",
        "a",
        "b",
        " ab",
        "é",
        " ",
        "  ",
        "\n",
        "\r\n",
        "'s",
        "'l",
        "l",
        "'re",
        "e",
        "12",
        "1",
        "!",
        "<|",
        "<|end|>",
        "<|end|><|end|>",
        "中",
        "x",
    ];
    let piece = prop_oneof![
        12 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        1 => (1usize..60).prop_map(|count| b"ab".repeat(count)),
        1 => "[abx]{200,400}".prop_map(String::into_bytes),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

fn stream(tokenizer: &Tokenizer, text: &[u8], options: StreamOptions) -> (Vec<u32>, StreamStats) {
    let mut ids: Vec<u32> = Vec::new();
    let sink = |some: &[u16]| {
        ids.extend(some.iter().map(|&id| u32::from(id)));
        Ok::<(), Error>(())
    };
    let stats = tokenizer.encode_stream(text, options, sink, |_| ()).unwrap();
    (ids, stats)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn streams_give_the_ids_of_the_whole(
        text in text(), which in 0usize..3, special in 0usize..3, chunk_size in 1usize..200, threads in 1usize..5,
    ) {
        let specials = [&[][..], &["<|end|>"], &["<|end|>", "<|end|><|end|>", "x!"]][special];
        let tokenizer = tokenizer(["gpt2", "gpt4", r"\w+|\W"][which], specials);
        let expected = encode_naively(&tokenizer, &text);
        prop_assert_eq!(&tokenizer.encode(&text).unwrap(), &expected);
        let (ids, stats) = stream(&tokenizer, &text, StreamOptions { threads, chunk_size });
        prop_assert_eq!(&ids, &expected);
        prop_assert_eq!(stats, StreamStats { bytes: text.len() as u64, tokens: ids.len() as u64 });
        prop_assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
}

/// A part of a pre-token may be a token of the vocabulary, but only a whole one becomes it without merging.
#[test]
fn parts_of_a_pre_token_are_no_whole_ones() {
    let mut tokens: Vec<Vec<u8>> = (0u8..=255).map(|byte| vec![byte]).collect();
    tokens.push(b"bc".to_vec());
    let vocab = Vocab::new(&tokens, vec![], vec![]).unwrap();
    let tokenizer = Tokenizer::new(vocab, Pattern::gpt2()).with_whole_pre_tokens();
    assert_eq!(tokenizer.encode(b"bc").unwrap(), [256]);
    let text = [&b"a".repeat(300)[..], b"bc"].concat();
    let (ids, _) = stream(&tokenizer, &text, StreamOptions { threads: 2, chunk_size: 10 });
    let bytes: Vec<u32> = text.iter().map(|&byte| byte.into()).collect();
    assert_eq!(ids, bytes);
}

/// Gives some text, then fails.
struct Failing(usize);

impl Read for Failing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::Error::other("the cable was pulled"));
        }
        self.0 -= 1;
        buffer.fill(b' ');
        Ok(buffer.len())
    }
}

#[test]
fn failures_end_the_stream() {
    let tokenizer = tokenizer("gpt2", &[]);
    for threads in [1, 3] {
        let options = StreamOptions { threads, chunk_size: 100 };
        let failed =
            tokenizer.encode_stream(Failing(5), options, |_: &[u16]| Ok::<(), Error>(()), |_| ());
        assert!(failed.unwrap_err().to_string().contains("cable"));

        let text = b"some words ".repeat(1000);
        let mut calls = 0;
        let sink = |_: &[u32]| {
            calls += 1;
            if calls == 3 { Err(Error::from(io::Error::other("the disk is full"))) } else { Ok(()) }
        };
        let failed = tokenizer.encode_stream(&text[..], options, sink, |_| ());
        assert!(failed.unwrap_err().to_string().contains("disk is full"));
        assert_eq!(calls, 3);
    }
}

#[test]
fn a_panic_does_not_hang_the_others() {
    let text = b"some words ".repeat(1000);
    let options = StreamOptions { threads: 4, chunk_size: 50 };
    let sink = |_: &[u32]| -> Result<(), Error> { panic!("a bug in a sink") };
    // Whichever thread it was, the panic goes on in this one.
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        tokenizer("gpt2", &[]).encode_stream(&text[..], options, sink, |_| ())
    }));
    assert!(ended.is_err(), "the panic was swallowed");
}

#[test]
fn progress_adds_up() {
    let tokenizer = tokenizer("gpt2", &[]);
    let text = b"ab ab ".repeat(5000);
    let sum = std::sync::atomic::AtomicU64::new(0);
    let options = StreamOptions { threads: 2, chunk_size: 1000 };
    let progress = |bytes| {
        sum.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    };
    tokenizer.encode_stream(&text[..], options, |_: &[u16]| Ok::<(), Error>(()), progress).unwrap();
    assert_eq!(sum.into_inner(), text.len() as u64);
}
