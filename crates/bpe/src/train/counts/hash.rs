//! Hashes of pre-tokens in the count table.

use std::hash::{BuildHasher, RandomState};

use crate::memory::short_key::Key;

/// Random numbers that go into every hash, drawn anew for each counter, so that nobody can write a
/// text whose pre-tokens all collide. No result depends on them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seeds(u64, u64);

impl Seeds {
    pub fn random() -> Seeds {
        let random = RandomState::new();
        Seeds(random.hash_one(0), random.hash_one(1))
    }

    /// Returns the hash of a key. The key of a long pre-token holds it.
    #[inline]
    pub fn hash(self, key: Key) -> u64 {
        match key.as_long() {
            None => self.hash_short(key),
            Some((hash, _)) => hash,
        }
    }

    /// Hashes the key of a short pre-token. Of any other key the result means nothing.
    #[inline]
    pub fn hash_short(self, key: Key) -> u64 {
        fold(key.0 ^ self.0, key.1 ^ self.1)
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

/// Multiplies to 128 bits and folds both halves with XOR, so that every bit of the result depends
/// on every bit of both factors. This is the mixing step of wyhash (Wang Yi) and foldhash.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_key_holds_its_hash() {
        let seeds = Seeds::random();
        assert_eq!(seeds.hash(Key::long(7, 1 << 40)), 7);
        let short = Key::new(b"fifteen letters", 0..15);
        assert_eq!(seeds.hash(short), seeds.hash(short));
        assert_ne!(seeds.hash(short), seeds.hash(Key::new(b"fifteen letterz", 0..15)));
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
