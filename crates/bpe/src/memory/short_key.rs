//! Short pre-tokens as sixteen bytes, which are compared and hashed without a branch on their
//! length.

use std::ops::Range;

/// The length of the longest pre-token whose bytes are its key.
pub(crate) const MAX_BYTES: usize = 15;

/// The last byte of the key of a long pre-token, where the key of a short one has its length.
const LONG: u64 = 0xFF << 56;

/// The key of a pre-token: sixteen bytes in two numbers, the first byte lowest.
///
/// Of a short pre-token it contains the bytes, then zeros, and its length in the last byte. Of a
/// long one it contains two numbers that the caller chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Key(pub(crate) u64, pub(crate) u64);

/// Masks: `KEEP[len]` keeps the first `len` of 16 bytes.
const KEEP: [(u64, u64); MAX_BYTES + 1] = {
    let mut keep = [(0, 0); MAX_BYTES + 1];
    let mut len = 0;
    while len <= MAX_BYTES {
        let mask = (1u128 << (8 * len)) - 1;
        keep[len] = (mask as u64, (mask >> 64) as u64);
        len += 1;
    }
    keep
};

impl Key {
    /// Returns the key of `text[range]` if it has up to 15 bytes; of a longer range, [`Key::long`]
    /// of its start and end.
    #[inline(always)]
    pub(crate) fn new(text: &[u8], range: Range<usize>) -> Key {
        let Range { start, end } = range;
        let len = end.wrapping_sub(start);
        // Where sixteen bytes are left, all are loaded at once and masked, whatever the length.
        // Written in this way, the question costs one comparison.
        let are_left = text.len() >= 16 && start <= text.len() - 16;
        let bytes = if are_left { text[start..].first_chunk::<16>() } else { None };
        let (Some(&(keep_low, keep_high)), Some(bytes)) = (KEEP.get(len), bytes) else {
            return Key::long_or_near_the_end(text, range);
        };
        let bytes = u128::from_le_bytes(*bytes);
        let (low, high) = (bytes as u64, (bytes >> 64) as u64);
        Key(low & keep_low, high & keep_high | (len as u64) << 56)
    }

    /// Returns the key of a long pre-token, or of a short one with fewer than 16 bytes left.
    #[cold]
    #[inline(never)]
    fn long_or_near_the_end(text: &[u8], range: Range<usize>) -> Key {
        let len = range.len();
        if len > MAX_BYTES {
            return Key::long(range.start as u64, range.end);
        }
        let mut bytes = [0; 16];
        bytes[..len].copy_from_slice(&text[range]);
        bytes[MAX_BYTES] = len as u8;
        let bytes = u128::from_le_bytes(bytes);
        Key(bytes as u64, (bytes >> 64) as u64)
    }

    /// Returns a key for a long pre-token: a number, and one below 2⁵⁶.
    #[inline]
    pub(crate) fn long(number: u64, below: usize) -> Key {
        Key(number, LONG | below as u64)
    }

    /// Returns the two numbers of [`Key::long`], or `None` for a short pre-token.
    #[inline]
    pub(crate) fn as_long(self) -> Option<(u64, usize)> {
        (self.1 >= LONG).then_some((self.0, (self.1 & !LONG) as usize))
    }

    /// Returns the length of a short pre-token.
    pub(crate) fn len(self) -> usize {
        (self.1 >> 56) as usize
    }

    /// Returns the sixteen bytes.
    pub(crate) fn bytes(self) -> [u8; 16] {
        (u128::from(self.0) | u128::from(self.1) << 64).to_le_bytes()
    }

    /// Returns a number that orders the keys of short pre-tokens like their bytes.
    pub(crate) fn rank(self) -> u128 {
        u128::from_be_bytes(self.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_tell_pre_tokens_apart() {
        let text = b"a\0\0abcdefghijklmnopqrstuvwxyz";
        let key = |start, end| Key::new(text, start..end);
        assert_eq!(key(0, 1), key(3, 4));
        assert_ne!(key(0, 1), key(0, 2));
        assert_ne!(key(0, 2), key(0, 3));
        assert_eq!((key(3, 18).as_long(), key(3, 18).len()), (None, 15));
        assert_eq!(key(3, 19).as_long(), Some((3, 19)));
        assert_eq!(Key::long(u64::MAX, (1 << 56) - 1).as_long(), Some((u64::MAX, (1 << 56) - 1)));
        // Near the end of the text fewer than 16 bytes follow.
        assert_eq!(Key::new(b"xyz", 1..3), key(27, 29));
    }

    proptest! {
        #[test]
        fn keys_order_like_their_bytes(
            a in prop::collection::vec(0u8..3, 0..=MAX_BYTES),
            b in prop::collection::vec(0u8..3, 0..=MAX_BYTES),
        ) {
            let text = [&a[..], &b, &[7; 16]].concat();
            let key_a = Key::new(&text, 0..a.len());
            let key_b = Key::new(&text, a.len()..a.len() + b.len());
            prop_assert_eq!(key_a.rank().cmp(&key_b.rank()), a.cmp(&b));
            prop_assert_eq!(&key_a.bytes()[..a.len()], &a[..]);
            prop_assert_eq!(key_a.len(), a.len());
            prop_assert_eq!(Key::new(&b, 0..b.len()), key_b);
        }
    }
}
