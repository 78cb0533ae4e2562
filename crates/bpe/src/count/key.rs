//! Keys of the count table: a short pre-token as it stands, a long one by its hash and where its bytes are.

use std::hash::{BuildHasher, RandomState};

/// The longest pre-token whose bytes fit into a key.
pub(super) const MAX_INLINE: usize = 15;

/// The last byte of a key that refers to an arena.
const LONG: u64 = 0xFF;

/// A pre-token in 16 bytes.
///
/// - Up to 15 bytes: the bytes from the left, zeros, and the length in the last byte. As a big-endian number it orders
///   keys like the bytes they stand for.
/// - Longer: `high` is a hash, `low` the offset of the bytes in an arena, and 0xFF in the last byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Key {
    high: u64,
    low: u64,
}

impl Key {
    /// The key of a pre-token of at most 15 bytes, the first of 16 given. What follows the pre-token is ignored.
    #[inline]
    pub fn inline(bytes: &[u8; 16], len: usize) -> Key {
        let key = u128::from_be_bytes(*bytes);
        let (keep_high, keep_low) = KEEP[len];
        Key { high: (key >> 64) as u64 & keep_high, low: key as u64 & keep_low | len as u64 }
    }

    /// The key of a long pre-token with this hash, stored at `offset`.
    pub fn long(hash: u64, offset: usize) -> Key {
        Key { high: hash, low: (offset as u64) << 8 | LONG }
    }

    /// Where the bytes of a long pre-token are; `None` if it is short.
    #[inline]
    pub fn offset(self) -> Option<usize> {
        (self.low & 0xFF == LONG).then_some((self.low >> 8) as usize)
    }

    /// The bytes of a short pre-token, and how many of them count.
    pub fn bytes(self) -> ([u8; 16], usize) {
        (
            (u128::from(self.high) << 64 | u128::from(self.low)).to_be_bytes(),
            (self.low & 0xFF) as usize,
        )
    }

    /// The hash of either kind.
    #[inline]
    pub fn hash(self, seeds: Seeds) -> u64 {
        match self.offset() {
            None => fold(self.high ^ seeds.0, self.low ^ seeds.1),
            Some(_) => self.high,
        }
    }
}

/// `KEEP[len]`: masks that keep the first `len` of 16 bytes.
const KEEP: [(u64, u64); MAX_INLINE + 1] = {
    let mut keep = [(0, 0); MAX_INLINE + 1];
    let mut len = 1;
    while len <= MAX_INLINE {
        let mask = u128::MAX << (8 * (16 - len));
        keep[len] = ((mask >> 64) as u64, mask as u64);
        len += 1;
    }
    keep
};

/// Drawn anew in each process, so that no text can be written whose pre-tokens all collide. No result depends on them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seeds(u64, u64);

impl Seeds {
    pub fn random() -> Seeds {
        let random = RandomState::new();
        Seeds(random.hash_one(0), random.hash_one(1))
    }

    /// The hash of a long pre-token.
    pub fn hash_long(self, bytes: &[u8]) -> u64 {
        let (words, rest) = bytes.as_chunks::<8>();
        let mut hash = self.0 ^ bytes.len() as u64;
        for word in words {
            hash = fold(hash ^ u64::from_le_bytes(*word), self.1);
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        fold(hash ^ u64::from_le_bytes(last), self.1 ^ self.0)
    }
}

/// Both halves of the 128-bit product, folded: every bit of the result depends on every bit of both factors.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(word: &[u8]) -> Key {
        let mut bytes = [0xAA; 16];
        bytes[..word.len()].copy_from_slice(word);
        Key::inline(&bytes, word.len())
    }

    proptest! {
        #[test]
        fn short_keys_order_like_their_bytes(
            a in prop::collection::vec(0u8..3, 0..=MAX_INLINE),
            b in prop::collection::vec(0u8..3, 0..=MAX_INLINE),
        ) {
            prop_assert_eq!(key(&a).cmp(&key(&b)), a.cmp(&b));
            let (bytes, len) = key(&a).bytes();
            prop_assert_eq!(&bytes[..len], &a[..]);
            prop_assert_eq!(key(&a).offset(), None);
        }
    }

    #[test]
    fn long_keys_know_hash_and_offset() {
        let key = Key::long(7, 1 << 40);
        assert_eq!(key.offset(), Some(1 << 40));
        assert_eq!(key.hash(Seeds::random()), 7);
    }

    #[test]
    fn hashes_of_long_words_see_every_byte_and_the_length() {
        let seeds = Seeds::random();
        let word = [b'a'; 40];
        let hash = seeds.hash_long(&word);
        for i in 0..word.len() {
            let mut other = word;
            other[i] ^= 1;
            assert_ne!(seeds.hash_long(&other), hash);
        }
        assert_ne!(seeds.hash_long(&word[..39]), hash);
        assert_ne!(seeds.hash_long(&[0; 16]), seeds.hash_long(&[0; 17]));
    }
}
