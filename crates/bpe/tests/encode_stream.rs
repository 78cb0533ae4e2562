//! A stream gives the ids of the whole text, whatever the chunks and threads, and everything agrees
//! with the definition.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

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
            Segment::Special(found) => ids.push(found.id),
            Segment::Text(part) => ids.extend(encode_ordinary_naively(tokenizer, &text[part])),
        }
    }
    ids
}

/// By definition: pre-tokens, merges one by one.
fn encode_ordinary_naively(tokenizer: &Tokenizer, text: &[u8]) -> Vec<u32> {
    let mut ids = Vec::new();
    let merge = &mut |at| ids.extend(merge_naive(tokenizer.vocab(), &text[at]));
    tokenizer.pattern().for_each_pre_token(text, merge).unwrap();
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
        "a token of many bytes",
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
        text in text(),
        which in 0usize..3,
        special in 0usize..4,
        chunk_size in 1usize..200,
        threads in 1usize..5,
    ) {
        let specials = [
            &[][..],
            &["<|end|>"],
            &["<|end|>", "<|end|><|end|>", "x!"],
            // Such as the pattern finds too, in part or as a whole; and one that is too long for a
            // key.
            &["中", " 1", "ba", "a token of many bytes"],
        ][special];
        let tokenizer = tokenizer(["gpt2", "gpt4", r"\w+|\W"][which], specials);
        let expected = encode_naively(&tokenizer, &text);
        prop_assert_eq!(&tokenizer.encode(&text).unwrap(), &expected);
        let ordinary = encode_ordinary_naively(&tokenizer, &text);
        prop_assert_eq!(tokenizer.encode_ordinary(&text).unwrap(), ordinary);
        let (ids, stats) = stream(&tokenizer, &text, StreamOptions { threads, chunk_size });
        prop_assert_eq!(&ids, &expected);
        prop_assert_eq!(stats, StreamStats { bytes: text.len() as u64, tokens: ids.len() as u64 });
        prop_assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
}

/// A part of a pre-token may be a token of the vocabulary, but only a whole one becomes it without
/// merging.
#[test]
fn parts_of_a_pre_token_are_no_whole_ones() {
    let mut tokens: Vec<Vec<u8>> = (0u8..=255).map(|byte| vec![byte]).collect();
    tokens.push(b"bc".to_vec());
    let vocab = Vocab::new(&tokens, vec![], vec![]).unwrap();
    let tokenizer = Tokenizer::new(vocab, Pattern::gpt2()).ignore_merges();
    assert_eq!(tokenizer.encode(b"bc").unwrap(), [256]);
    let text = [&b"a".repeat(300)[..], b"bc"].concat();
    let (ids, _) = stream(&tokenizer, &text, StreamOptions { threads: 2, chunk_size: 10 });
    let bytes: Vec<u32> = text.iter().map(|&byte| byte.into()).collect();
    assert_eq!(ids, bytes);
}

/// The rest of a failed text is not part of the next one.
#[test]
fn an_encoder_goes_on_after_a_failure() {
    let tokenizer = tokenizer(r"(?:(a|aa)+)(?!a|b)c|x", &[]);
    let mut encoder = tokenizer.encoder::<u32>();
    for few in [3, 40] {
        let text = [b"x".repeat(few), b"a".repeat(300)].concat();
        assert!(encoder.encode(&text, &mut Vec::new()).is_err());
        let mut ids = Vec::new();
        encoder.encode(b"xxyx", &mut ids).unwrap();
        assert_eq!(ids, tokenizer.encode(b"xxyx").unwrap());
    }
}

/// A special token's text is no token when it is not special.
#[test]
fn whole_pre_tokens_leave_special_tokens_out() {
    let vocab = Vocab::from_merges(vec![], &["<|>".to_string()]).unwrap();
    let tokenizer = Tokenizer::new(vocab, Pattern::gpt2()).ignore_merges();
    assert_eq!(tokenizer.encode(b"<|>").unwrap(), [256]);
    let bytes = b"<|>".map(u32::from);
    assert_eq!(tokenizer.encode_ordinary(b"<|>").unwrap(), bytes);
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

/// A text without an end, which tells how much of it was read.
struct Endless<'c>(&'c AtomicUsize);

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.fetch_add(buffer.len(), Ordering::Relaxed);
        buffer.iter_mut().zip(b"word ".iter().cycle()).for_each(|(byte, &letter)| *byte = letter);
        Ok(buffer.len())
    }
}

/// While the sink has its first chunk, the others go on, as far as they may; after its failure
/// nothing is handed on.
#[test]
fn a_slow_sink_holds_nobody_up_and_bounds_what_is_read() {
    const CHUNK: usize = 1000;
    let tokenizer = tokenizer("gpt2", &[]);
    for threads in [2, 4] {
        let read = AtomicUsize::new(0);
        let mut calls = 0;
        let sink = |_: &[u32]| {
            calls += 1;
            let chunks = || read.load(Ordering::Relaxed) / CHUNK;
            while calls == 1 && chunks() < 2 * threads {
                std::thread::yield_now();
            }
            // Time to read more than may be read.
            std::thread::sleep(Duration::from_millis(20));
            assert!(chunks() <= 3 * threads + calls + 2, "{} chunks", chunks());
            if calls == 3 { Err(Error::from(io::Error::other("enough"))) } else { Ok(()) }
        };
        let options = StreamOptions { threads, chunk_size: CHUNK };
        let failed = tokenizer.encode_stream(Endless(&read), options, sink, |_| ());
        assert!(failed.unwrap_err().to_string().contains("enough"));
        assert_eq!(calls, 3);
    }
}

/// Gives some text, waits until the sink is at work, and fails; the sink fails later.
#[test]
fn the_first_of_two_failures_is_told() {
    let tokenizer = tokenizer("gpt2", &[]);
    let (is_handing_on, has_failed) = (AtomicBool::new(false), AtomicBool::new(false));
    let wait_for = |flag: &AtomicBool| {
        while !flag.load(Ordering::Relaxed) {
            std::thread::yield_now();
        }
    };
    struct Late<F>(usize, F);
    impl<F: FnMut()> Read for Late<F> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            if self.0 == 0 {
                (self.1)();
                return Err(io::Error::other("the cable was pulled"));
            }
            self.0 -= 1;
            buffer.iter_mut().step_by(2).for_each(|byte| *byte = b' ');
            Ok(buffer.len())
        }
    }
    let reader = Late(1, || {
        wait_for(&is_handing_on);
        has_failed.store(true, Ordering::Relaxed);
    });
    let sink = |_: &[u32]| {
        is_handing_on.store(true, Ordering::Relaxed);
        wait_for(&has_failed);
        std::thread::sleep(Duration::from_millis(50));
        Err(Error::from(io::Error::other("the disk is full")))
    };
    let options = StreamOptions { threads: 2, chunk_size: 100 };
    let failed = tokenizer.encode_stream(reader, options, sink, |_| ());
    assert!(failed.unwrap_err().to_string().contains("cable"));
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
