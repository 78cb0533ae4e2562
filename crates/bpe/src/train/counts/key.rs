//! Keys of the count table: a short pre-token as it stands, a long one by its hash and where its
//! bytes are.

use std::hash::{BuildHasher, RandomState};

use crate::memory::short_key::Key;

/// What stands for a pre-token in the table: the key of a short one, or hash and place of a long
/// one in the same two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct CountKey(Key);

impl CountKey {
    /// A short pre-token.
    #[inline]
    pub fn short(key: Key) -> CountKey {
        CountKey(key)
    }

    /// A long pre-token with this hash, stored at `offset` of an arena, which has less than 2⁵⁶
    /// bytes.
    pub fn long(hash: u64, offset: usize) -> CountKey {
        CountKey(Key::long(hash, offset))
    }

    /// The key of a short pre-token, or where the bytes of a long one are.
    #[inline]
    pub fn get(self) -> Result<Key, usize> {
        self.0.as_long().map_or(Ok(self.0), |(_, offset)| Err(offset))
    }

    /// The hash of either kind.
    #[inline]
    pub fn hash(self, seeds: Seeds) -> u64 {
        match self.get() {
            Ok(Key(low, high)) => fold(low ^ seeds.0, high ^ seeds.1),
            Err(_) => self.0.0,
        }
    }
}

/// Drawn anew in each process, so that no text can be written whose pre-tokens all collide. No
/// result depends on them.
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

/// Both halves of the 128-bit product, folded: every bit of the result depends on every bit of both
/// factors.
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
        assert_eq!(key.get(), Err(1 << 40));
        assert_eq!(key.hash(Seeds::random()), 7);
        let short = Key::new(b"fifteen letters", 0..15);
        assert_eq!(CountKey::short(short).get(), Ok(short));
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
