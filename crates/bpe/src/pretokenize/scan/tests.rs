use std::sync::LazyLock;

use super::scalar::ascii_letters;
use super::{GPT2, GPT4, GPT4_IN_ONIGURUMA, LLAMA3, O200K, QWEN2};
use crate::pretokenize::classes::{Class, class_of};
use crate::pretokenize::pattern::Pattern;
use crate::pretokenize::regex::RegexSplitter;
use proptest::prelude::*;
use rayon::prelude::*;

/// Each pattern by scanner and by regular expression.
static TWINS: LazyLock<[(Pattern, RegexSplitter); 6]> = LazyLock::new(|| {
    [
        (Pattern::gpt2(), GPT2),
        (Pattern::gpt4(), GPT4),
        (Pattern::in_oniguruma(GPT4).unwrap(), GPT4_IN_ONIGURUMA),
        (Pattern::parse(LLAMA3).unwrap(), LLAMA3),
        (Pattern::parse(QWEN2).unwrap(), QWEN2),
        (Pattern::parse(O200K).unwrap(), O200K),
    ]
    .map(|(pattern, regex)| {
        assert!(pattern.leaves_no_gap(), "{regex} has no scanner");
        (pattern, RegexSplitter::in_fancy_regex(regex).unwrap())
    })
});

fn scanned<'t>(pattern: &Pattern, text: &'t [u8]) -> Vec<&'t [u8]> {
    let mut pieces = Vec::new();
    pattern.for_each_pre_token(text, &mut |at| pieces.push(&text[at])).unwrap();
    pieces
}

#[track_caller]
fn assert_twins_agree(text: &[u8]) {
    for (pattern, regex) in TWINS.iter() {
        assert_eq!(scanned(pattern, text), regex.pieces(text), "{} on {text:?}", pattern.name());
    }
}

#[test]
fn known_texts() {
    let show = |pattern: &Pattern, text: &str| {
        let pieces = scanned(pattern, text.as_bytes());
        pieces
            .iter()
            .map(|piece| String::from_utf8_lossy(piece).into_owned())
            .collect::<Vec<_>>()
            .join("|")
    };
    let text = "I'd  say 'twas 12345 o'clock!!\n\n It'S\t done ";
    assert_eq!(
        show(&Pattern::gpt2(), text),
        "I|'d| | say| '|twas| 12345| o|'|clock|!!|\n\n| It|'|S|\t| done| "
    );
    assert_eq!(
        show(&Pattern::gpt4(), text),
        "I|'d| | say| '|twas| |123|45| o|'clock|!!\n\n| It|'S|\t| done| "
    );
}

/// Each character of Unicode beside characters of each class, letters, numbers and spaces in more
/// places than others.
#[test]
fn every_character_in_context() {
    let all: Vec<char> = ('\0'..=char::MAX).collect();
    all.chunks(1 << 12).collect::<Vec<_>>().into_par_iter().for_each(|some| {
        let mut text = String::new();
        for &c in some {
            text.extend(['a', c, ' ', c]);
            if class_of(c) != Class::Other || c < '\u{3000}' {
                text.extend([
                    c, '1', c, '\'', c, '!', c, c, ' ', ' ', c, '\n', c, '\u{3000}', c, '\'', 's',
                    c,
                ]);
            }
        }
        for (pattern, regex) in TWINS.iter() {
            let bytes = text.as_bytes();
            assert_eq!(scanned(pattern, bytes), regex.pieces(bytes), "{:?}…", some[0]);
        }
    });
    for c in (0..=0x2FFF).filter_map(char::from_u32) {
        assert_twins_agree(c.to_string().as_bytes());
    }
}

/// Pieces that the patterns distinguish, in random order.
fn mixed() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "a", "Z", "AB", "é", "É", "ǅ", "ʰ", "中", "ª", "\u{17f}", "\u{212a}", "0", "7", "½", "٣",
        "Ⅷ", " ", "  ", "\t", "\r", "\n", "\r\n", "\u{85}", "\u{a0}", "\u{2028}", "\u{3000}", "'",
        "'s", "'S", "'ll", "'lL", "'ve", "'rE", "'d", "'M", "'t", "!", "-", "/", "\n/", "…",
        "\u{301}", "\u{200d}", "👍", "\u{0}", "\u{7f}", "\u{feff}", "\u{1c}",
    ];
    let piece = prop_oneof![
        12 => prop::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => any::<char>().prop_map(|c| c.to_string().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 1..3),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8000))]

    #[test]
    fn scanners_agree_with_their_expressions(text in mixed()) {
        assert_twins_agree(&text);
    }
}

/// Long texts, mostly of ASCII, in which windows begin and end anywhere.
fn long_ascii() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        "a", "Zeit", " word", " I", "7", " 1234", " ", "  ", "\n", "\t", "\r\n", "'s", "'", "'ll",
        "'r", "'ve", " '", "!", "...", "\"", "(x)", "\0",
    ];
    let piece = prop_oneof![
        60 => prop::sample::select(PIECES).prop_map(String::from),
        1 => (1usize..90, prop::sample::select(PIECES))
            .prop_map(|(count, piece)| piece.repeat(count)),
        1 => prop::sample::select(&["é", "中文字", "\u{3000}", "\u{2028}", "👍"][..])
            .prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn windows_agree_with_the_expressions(text in long_ascii()) {
        assert_twins_agree(&text);
    }
}

proptest! {
    #[test]
    fn any_bytes(text in prop::collection::vec(any::<u8>(), 0..60)) {
        assert_twins_agree(&text);
    }

    #[test]
    fn custom_patterns_lose_nothing(text in mixed(), which in 0usize..4) {
        let pattern = Pattern::parse([r"\p{L}+", "x*", r"(?=a)|\s", "."][which]).unwrap();
        let pieces = scanned(&pattern, &text);
        prop_assert!(pieces.iter().all(|piece| !piece.is_empty()));
        prop_assert_eq!(pieces.concat(), text);
    }
}

#[test]
fn letters_of_eight_bytes() {
    for filler in *b"aAzZ" {
        for at in 0..8 {
            for byte in 0..=255 {
                let mut bytes = [filler; 8];
                bytes[at] = byte;
                let expected = bytes.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
                assert_eq!(ascii_letters(u64::from_le_bytes(bytes)), expected, "{bytes:?}");
            }
        }
    }
}

#[test]
fn expressions_that_are_none_are_refused() {
    let error = Pattern::parse(r"(a|\p{Nonsense}").unwrap_err().to_string();
    assert!(error.contains(r"Nonsense") && !error.contains('\n'), "{error}");
}

#[test]
fn endless_backtracking_is_an_error() {
    let pattern = Pattern::parse(r"(?:(a|aa)+)(?!a|b)c").unwrap();
    let error = pattern.for_each_pre_token(&[b'a'; 200], &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("simpler pattern"), "{error}");
}
