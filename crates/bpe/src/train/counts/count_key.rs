//! Keys of the count table: the bytes of a short pre-token, the hash and place of a long one.

use std::hash::{BuildHasher, RandomState};

use crate::memory::short_key::Key;

/// A pre-token in the table: the key of a short one, or hash and place of a long one in the same
/// two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CountKey(Key);

/// A [`CountKey`] taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    /// A short pre-token.
    Short(Key),
    /// A long pre-token, whose bytes are at `offset` of the arena.
    Long { offset: usize },
}

impl CountKey {
    /// The key of a short pre-token.
    #[inline]
    pub fn short(key: Key) -> CountKey {
        CountKey(key)
    }

    /// The key of a long pre-token with this hash, stored at `offset` of an arena, which has fewer
    /// than 2⁵⁶ bytes.
    pub fn long(hash: u64, offset: usize) -> CountKey {
        CountKey(Key::long(hash, offset))
    }

    /// Tells the two kinds apart.
    #[inline]
    pub fn kind(self) -> KeyKind {
        match self.0.as_long() {
            None => KeyKind::Short(self.0),
            Some((_, offset)) => KeyKind::Long { offset },
        }
    }

    /// The hash of either kind.
    #[inline]
    pub fn hash(self, seeds: Seeds) -> u64 {
        match self.kind() {
            KeyKind::Short(Key(low, high)) => fold(low ^ seeds.0, high ^ seeds.1),
            KeyKind::Long { .. } => self.0.0,
        }
    }
}

/// Random numbers that go into every hash, drawn anew for each counter, so that nobody can write a
/// text whose pre-tokens all collide. No result depends on them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seeds(u64, u64);

impl Seeds {
    pub fn random() -> Seeds {
        let random = RandomState::new();
        Seeds(random.hash_one(0), random.hash_one(1))
    }

    /// Hashes a long pre-token.
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

/// Multiplies to 128 bits and folds both halves with XOR, so that every bit of the result depends on
/// every bit of both factors. This is the mixing step of wyhash (Wang Yi) and foldhash.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_keys_know_hash_and_offset() {
        let key = CountKey::long(7, 1 << 40);
        assert_eq!(key.kind(), KeyKind::Long { offset: 1 << 40 });
        assert_eq!(key.hash(Seeds::random()), 7);
        let short = Key::new(b"fifteen letters", 0..15);
        assert_eq!(CountKey::short(short).kind(), KeyKind::Short(short));
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
