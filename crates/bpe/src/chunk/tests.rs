use super::*;
use crate::special::Segment;
use proptest::prelude::*;

/// Splits a text into special tokens and pre-tokens: nothing else matters for encoding.
fn pieces(text: &[u8], pattern: &Pattern, specials: &SpecialTokens) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for segment in specials.segments(text) {
        match segment {
            Segment::Special(found) => {
                pieces.push(format!("special {}", found.id).into_bytes());
            }
            Segment::Text(part) => {
                let text = &text[part];
                pattern.for_each_pre_token(text, &mut |at| pieces.push(text[at].to_vec())).unwrap();
            }
        }
    }
    pieces
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "a", "bc", "'", "'s", "'ll", "l", "r", "e", " ", "  ", "\n", "\r", "\t", "1", "234", "!",
        "<", "<|", "|>", "|", ">", "<|>", "<|><|>", "é", "\u{3000}", "\u{2028}", "中", "½",
        "\u{301}", "\u{17f}", "A", "É", "ǅ", "/", "\n/",
    ];
    let piece = prop_oneof![
        9 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => (prop::sample::select(vec!["a", "bc"]), 1usize..40)
            .prop_map(|(piece, n)| piece.repeat(n).into_bytes()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn specials() -> impl Strategy<Value = SpecialTokens> {
    const SETS: &[&[&str]] = &[
        &[],
        &["<|>"],
        &["<|>", "<|><|>"],
        &["<|", "|>", "<|>"],
        &["a", " ", "'s"],
        &["é", "\n\n", "a<"],
        &["aaaaaaaaaaaa", "bcbcbcbcb"],
    ];
    prop::sample::select(SETS).prop_map(|set| {
        let specials: Vec<_> = set.iter().map(|text| (*text).to_string()).zip(0..).collect();
        SpecialTokens::new(&specials)
    })
}

fn pattern() -> impl Strategy<Value = Pattern> {
    use crate::pretokenize::scan::{GPT4_IN_ONIGURUMA, LLAMA3, O200K, QWEN2};
    let scanned = [GPT4_IN_ONIGURUMA, LLAMA3, QWEN2, O200K, r"(?s:.+)"];
    prop::sample::select([&scanned[..], &["gpt2", "gpt4", r"\w+|\s+", "a.{1,3}"]].concat())
        .prop_map(|name| Pattern::parse(name).unwrap())
}

/// Gives one to five bytes at a time, and is interrupted in between.
struct Dribble<'t>(&'t [u8], usize);

impl Read for Dribble<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = (self.1 + 1) % 6;
        if self.1 == 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = self.1.min(self.0.len()).min(buffer.len());
        buffer[..len].copy_from_slice(&self.0[..len]);
        self.0 = &self.0[len..];
        Ok(len)
    }
}

fn read_chunks(text: &[u8], cutter: &Cutter, size: usize) -> Vec<Vec<u8>> {
    let mut reader = ChunkReader::new(Dribble(text, 0), cutter.clone(), size);
    let mut chunks = Vec::new();
    let mut chunk = Vec::new();
    while reader.next_chunk(&mut chunk).unwrap() {
        chunks.push(chunk.clone());
    }
    chunks
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn chunks_have_the_pieces_of_the_whole(
        text in text(), specials in specials(), pattern in pattern(), size in 1usize..40,
    ) {
        let cutter = Cutter::new(&pattern, &specials);
        let whole = pieces(&text, &pattern, &specials);
        let read = read_chunks(&text, &cutter, size);
        prop_assert_eq!(read.concat(), &text[..]);
        let of_read: Vec<_> =
            read.iter().flat_map(|chunk| pieces(chunk, &pattern, &specials)).collect();
        prop_assert_eq!(&of_read, &whole);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_run_is_cut_into_two_and_nothing_else_changes(text in text(), pattern in pattern()) {
        let ends = |text: &[u8], from: usize| {
            let mut ends = vec![];
            pattern.for_each_pre_token(text, &mut |at| ends.push(from + at.end)).unwrap();
            ends
        };
        let whole = ends(&text, 0);
        for at in (1..text.len()).filter(|&at| pattern.is_in_run(&text, at)) {
            let mut expected = whole.clone();
            expected.push(at);
            expected.sort_unstable();
            expected.dedup();
            let (left, right) = text.split_at(at);
            prop_assert_eq!([ends(left, 0), ends(right, at)].concat(), expected, "at {}", at);
        }
    }
}

#[test]
fn chunks_are_as_long_as_asked_for() {
    // The larger size takes more memory than the first read gets.
    for (size, words) in [(100, 1000), (1 << 18, 200_000)] {
        let text = "word ".repeat(words);
        for name in ["gpt2", "gpt4"] {
            let cutter = Cutter::new(&Pattern::parse(name).unwrap(), &SpecialTokens::new(&[]));
            let read = read_chunks(text.as_bytes(), &cutter, size);
            assert!(read.concat() == text.as_bytes());
            let lens: Vec<usize> = read.iter().map(Vec::len).collect();
            assert!(lens.iter().all(|&len| len <= size), "{lens:?}");
            assert!(lens.len() < text.len() / size + 10, "{lens:?}");
        }
    }
}

#[test]
fn custom_patterns_are_cut_at_special_tokens() {
    let specials = SpecialTokens::new(&[("<|>".into(), 0)]);
    let cutter = Cutter::new(&Pattern::parse(r"\w+").unwrap(), &specials);
    let text = "one two three<|>four five<|>six".as_bytes();
    let chunks = read_chunks(text, &cutter, 18);
    assert_eq!(chunks, [&b"one two three<|>"[..], b"four five<|>six"]);
}

/// Any place of these texts may be inside a special token: a run of a long one, or of a short one
/// where a long one could be too. Checking all tokens that could span each place would take
/// minutes.
#[test]
fn runs_of_special_tokens_are_cut_soon() {
    let long = "w ".repeat(1500);
    for specials in [vec![long.clone()], vec![format!("{long}!"), "w w".into(), " w ".into()]] {
        let specials: Vec<(String, u32)> = specials.into_iter().zip(0..).collect();
        let cutter = Cutter::new(&Pattern::gpt2(), &SpecialTokens::new(&specials));
        let text = [&b"w ".repeat(100_000)[..], b"and so on"].concat();
        let mut reader = ChunkReader::new(&text[..], cutter, 10_000);
        let (mut chunk, mut read, mut count) = (Vec::new(), Vec::new(), 0);
        while reader.next_chunk(&mut chunk).unwrap() {
            assert!(chunk.len() <= 20_000, "{}", chunk.len());
            read.extend_from_slice(&chunk);
            count += 1;
        }
        assert!(read == text);
        assert!(count < 40, "{count} chunks");
    }
}
