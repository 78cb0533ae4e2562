//! Texts that are normalized, with special tokens before and after that: a stream gives the ids of
//! the whole text, and these are those of the definition.

use std::borrow::Cow;

use bpe::formats::Parts;
use bpe::{
    Error, Normalizer, Pattern, Segment, SpecialFlags, SpecialTokens, StreamOptions, Tokenizer,
    Vocab, merge_naive,
};
use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

/// Special tokens, and whether they wait for the normalizer.
const SPECIALS: &[(&str, bool)] =
    &[("<|>", false), ("é", false), ("K", false), ("xé", true), ("e\u{301}\n", true), ("ab", true)];

fn tokenizer(pattern: &str, normalizer: Normalizer) -> Tokenizer {
    let specials = SPECIALS.iter().map(|(text, _)| (*text).to_string());
    // A byte is a token already.
    let (single, specials): (Vec<_>, Vec<_>) = specials.partition(|text| text.len() == 1);
    let base = 256 + specials.len() as u32;
    let merges = vec![(0xCC, 0x81), (98, 98), (32, 98), (10, 10), (base + 1, base + 1)];
    let vocab = Vocab::from_merges(merges, &specials).unwrap();
    let vocab = vocab.with_extra_specials(&single).unwrap();
    let waits = |text: &str| SPECIALS.iter().any(|&(special, waits)| special == text && waits);
    let late = vocab.specials().iter().filter(|(text, _)| waits(text)).map(|&(_, id)| id);
    let flags = late.map(|id| (id, SpecialFlags { special: false, normalized: true })).collect();
    let tokenizer = Tokenizer::new(vocab, Pattern::parse(pattern).unwrap());
    Tokenizer::from_parts(Parts { normalizer, flags: Cow::Owned(flags), ..tokenizer.parts() })
}

/// By definition: the special tokens that do not wait, NFC, those that do, pre-tokens, merges.
fn encode_naively(tokenizer: &Tokenizer, text: &[u8]) -> Vec<u32> {
    let parts = tokenizer.parts();
    let waits = |id: u32| parts.flags.get(&id).is_some_and(|flags| flags.normalized);
    let normalize = |text: &[u8]| -> Vec<u8> {
        if tokenizer.normalizer() == Normalizer::Nothing {
            return text.to_vec();
        }
        let chunks = text.utf8_chunks();
        chunks
            .flat_map(|chunk| {
                let valid: String = chunk.valid().nfc().collect();
                [valid.into_bytes(), chunk.invalid().to_vec()].concat()
            })
            .collect()
    };
    let all = tokenizer.vocab().specials();
    let first: Vec<_> = all.iter().filter(|(_, id)| !waits(*id)).cloned().collect();
    let then: Vec<_> = all
        .iter()
        .filter(|(_, id)| waits(*id))
        .map(|(text, id)| (String::from_utf8(normalize(text.as_bytes())).unwrap(), *id))
        .collect();
    let [first, then] = [first, then].map(|specials| SpecialTokens::new(&specials));
    let mut ids = Vec::new();
    for segment in first.segments(text) {
        let part = match segment {
            Segment::Special(found) => {
                ids.push(found.id);
                continue;
            }
            Segment::Text(part) => normalize(&text[part]),
        };
        for segment in then.segments(&part) {
            match segment {
                Segment::Special(found) => ids.push(found.id),
                Segment::Text(at) => {
                    let text = &part[at];
                    let merge = &mut |at| ids.extend(merge_naive(tokenizer.vocab(), &text[at]));
                    tokenizer.pattern().for_each_pre_token(text, merge).unwrap();
                }
            }
        }
    }
    ids
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "e",
        "\u{301}",
        "\u{323}",
        "é",
        "x",
        "b",
        "a",
        " ",
        "\n",
        "  ",
        "\r\n",
        "'",
        "'s",
        "1",
        "<|>",
        "<",
        "|",
        ">",
        "\u{338}",
        "\u{212A}",
        "K",
        "\u{37E}",
        "中",
        "文",
        "가",
        "\u{1100}",
        "\u{1161}",
        "\u{11A8}",
        "e\u{301}\n",
        "xe\u{301}",
        "!",
        "bbbb",
    ];
    let piece = prop_oneof![
        20 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn streams_give_the_ids_of_the_whole(
        text in text(),
        pattern in prop::sample::select(&["gpt2", "gpt4", r"\p{L}+|\S"]),
        normalizer in prop::sample::select(&[Normalizer::Nothing, Normalizer::Nfc]),
        chunk_size in 1usize..60,
        threads in 1usize..4,
    ) {
        let tokenizer = tokenizer(pattern, normalizer);
        let expected = encode_naively(&tokenizer, &text);
        prop_assert_eq!(&tokenizer.encode(&text).unwrap(), &expected);
        let mut ids: Vec<u32> = Vec::new();
        let sink = |some: &[u32]| {
            ids.extend(some);
            Ok::<(), Error>(())
        };
        let options = StreamOptions { threads, chunk_size };
        tokenizer.encode_stream(&text[..], options, sink, |_| ()).unwrap();
        prop_assert_eq!(&ids, &expected);
    }
}
