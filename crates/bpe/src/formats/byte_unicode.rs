//! GPT-2's spelling of bytes as characters (`bytes_to_unicode` in its `encoder.py`).
//!
//! A byte that is a printable character of Latin-1 is that character. The other 68, in order, are
//! the characters from U+0100 on. So a space is `Ġ`, and each token is a word without white space.

use std::sync::LazyLock;

/// The character of each byte.
static CHARS: LazyLock<[char; 256]> = LazyLock::new(|| {
    let mut next = 0x100;
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        match byte {
            b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF => char::from(byte),
            _ => {
                next += 1;
                char::from_u32(next - 1).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
        }
    })
});

/// The byte of each character below U+0144 that spells one.
static BYTES: LazyLock<[Option<u8>; 0x144]> = LazyLock::new(|| {
    let mut bytes = [None; 0x144];
    for (byte, &c) in (0u8..=255).zip(CHARS.iter()) {
        bytes[c as usize] = Some(byte);
    }
    bytes
});

/// Returns the spelling of `bytes`.
pub(super) fn spell(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| CHARS[byte as usize]).collect()
}

/// Returns the bytes that `text` spells, or `None` when one of its characters spells no byte.
pub(super) fn unspell(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    unspell_into(text, &mut bytes).then_some(bytes)
}

/// Replaces the content of `bytes` by what `text` spells. Returns `false` when one of its
/// characters spells no byte.
pub(super) fn unspell_into(text: &str, bytes: &mut Vec<u8>) -> bool {
    bytes.clear();
    text.chars().all(|c| {
        let byte = BYTES.get(c as usize).copied().flatten();
        bytes.extend(byte);
        byte.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_there_and_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let spelled = spell(&bytes);
        assert_eq!(spelled.chars().count(), 256);
        assert!(!spelled.contains(char::is_whitespace) && !spelled.contains(char::is_control));
        assert_eq!(unspell(&spelled), Some(bytes));
    }

    #[test]
    fn known_spellings() {
        assert_eq!(spell(b" a\n\xAD\xFF"), "ĠaĊŃÿ");
        assert_eq!(unspell("a b"), None);
        assert_eq!(unspell("中"), None);
    }
}
