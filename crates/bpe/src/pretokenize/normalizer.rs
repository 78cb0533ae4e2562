//! Unicode normalization of texts before they are split, for tokenizers that ask for it.

use std::borrow::Cow;

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The form that a tokenizer brings texts into. What is not UTF-8 stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Normalizer {
    /// Texts stay as they are.
    #[default]
    Nothing,
    /// Unicode's Normalization Form C: characters are composed where they can be.
    Nfc,
}

/// The first byte of U+0300, the first character that is not NFC wherever it stands.
const COMBINING: u8 = 0xCC;

/// The bytes of two characters.
pub(crate) const TWO_CHARS: usize = 8;

impl Normalizer {
    /// Returns the normalized text.
    pub(crate) fn normalize(self, text: &[u8]) -> Cow<'_, [u8]> {
        if self == Normalizer::Nothing || is_nfc(text) {
            return Cow::Borrowed(text);
        }
        let mut normalized = Vec::with_capacity(text.len());
        for chunk in text.utf8_chunks() {
            let mut bytes = [0; 4];
            for c in chunk.valid().nfc() {
                normalized.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
            }
            normalized.extend_from_slice(chunk.invalid());
        }
        Cow::Owned(normalized)
    }

    /// Returns `true` if the characters on either side of `at` are the same in the normalized text,
    /// and it is there the sum of its two parts, whatever comes before and after; `false` if that
    /// is not sure. `at` is inside `text`, and two characters follow it, or the end of the text.
    pub(crate) fn is_boundary(self, text: &[u8], at: usize) -> bool {
        if self == Normalizer::Nothing {
            return true;
        }
        let is_inside_char = text[at] & 0xC0 == 0x80;
        let before = text[at.saturating_sub(4)..at].utf8_chunks().last();
        let last = before.and_then(|chunk| match chunk.invalid() {
            [] => chunk.valid().chars().next_back(),
            _ => None,
        });
        // The character behind the cut may be composed with the one that follows it.
        let after = &text[at..text.len().min(at + TWO_CHARS)];
        let next = after.utf8_chunks().next().map_or("", |chunk| chunk.valid()).chars().take(2);
        !is_inside_char && last.into_iter().chain(next).all(is_inert)
    }
}

/// Returns `true` if the text is surely in NFC.
fn is_nfc(text: &[u8]) -> bool {
    text.iter().all(|&byte| byte < COMBINING)
        || text.utf8_chunks().all(|chunk| is_nfc_quick(chunk.valid().chars()) == IsNormalized::Yes)
}

/// Returns `true` if NFC changes the character by itself in no way, and composes it with none
/// before it.
fn is_inert(c: char) -> bool {
    canonical_combining_class(c) == 0 && is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_composed_and_other_bytes_stay() {
        let nfc = |text: &[u8]| Normalizer::Nfc.normalize(text).into_owned();
        assert_eq!(nfc("e\u{301}".as_bytes()), "é".as_bytes());
        assert_eq!(nfc("\u{212A}\u{1100}\u{1161}".as_bytes()), "K가".as_bytes());
        assert_eq!(nfc(b"\xFFe\xCC\x81\xCC"), b"\xFF\xC3\xA9\xCC");
        assert_eq!(Normalizer::Nothing.normalize("e\u{301}".as_bytes()), "e\u{301}".as_bytes());
        assert!(matches!(Normalizer::Nfc.normalize("aé中".as_bytes()), Cow::Borrowed(_)));
    }

    /// Characters that compose, that are composed, that are reordered, and none of these.
    const PIECES: &[&str] = &[
        "e", "\u{301}", "\u{327}", "\u{323}", "<", "\u{338}", " ", "\n", "é", "\u{1100}",
        "\u{1161}", "\u{11A8}", "가", "\u{212A}", "\u{37E}", "中", "\u{958}", "1", "'",
    ];

    proptest! {
        #[test]
        fn texts_are_the_sum_of_their_parts(
            pieces in prop::collection::vec(prop::sample::select(PIECES), 0..12),
            odd in prop::option::of(0usize..12),
        ) {
            let mut text = pieces.concat().into_bytes();
            if let Some(at) = odd.filter(|&at| at < text.len()) {
                text[at] = 0xFF;
            }
            let nfc = |text: &[u8]| Normalizer::Nfc.normalize(text).into_owned();
            let whole = nfc(&text);
            for at in (1..text.len()).filter(|&at| Normalizer::Nfc.is_boundary(&text, at)) {
                let (left, right) = (nfc(&text[..at]), nfc(&text[at..]));
                prop_assert_eq!(left.last(), text[..at].last());
                prop_assert_eq!(right.first(), text[at..].first());
                prop_assert_eq!([left, right].concat(), whole.clone(), "{:?} {}", text, at);
            }
        }
    }
}
