//! Pre-tokens seen before, with their ids. Texts repeat themselves: nearly every pre-token is found here.
//!
//! A pre-token of up to 15 bytes and up to 4 ids is one entry of 32 bytes, half a cache line. A set holds two entries; a
//! new one takes the first place, the older one moves to the second, and what was there is forgotten. So the cache has a
//! fixed size, and needs no other rule.

/// Longest pre-token that is kept.
pub(crate) const MAX_BYTES: usize = 15;
/// Most ids that are kept for one.
pub(crate) const MAX_IDS: usize = 4;

/// 2¹⁶ sets, 4 MB, of which a text touches as much as it has different pre-tokens.
const SET_BITS: u32 = 16;

/// The bytes of a pre-token and, in the lowest four bits of the last byte, their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(u64, u64);

/// The number of ids is kept in the upper four bits of the last byte of the key.
const COUNT_SHIFT: u32 = 60;

/// The two parts of the key, and the ids in pairs. Plain integers, so that an empty cache is zeroed pages from the
/// operating system: a key without bytes is not asked for.
type Entry = [u64; 4];

/// A cache from pre-tokens to ids.
#[derive(Debug)]
pub(crate) struct Cache {
    sets: Vec<[Entry; 2]>,
}

impl Key {
    /// The key of `text[start..end]`, which is not empty; `None` when that is too long.
    #[inline]
    pub(crate) fn new(text: &[u8], start: usize, end: usize) -> Option<Key> {
        let len = end - start;
        if len > MAX_BYTES {
            return None;
        }
        let bytes: [u8; 16] = match text.get(start..start + 16) {
            Some(bytes) => bytes.try_into().ok()?,
            None => {
                let mut bytes = [0; 16];
                bytes[..len].copy_from_slice(&text[start..end]);
                bytes
            }
        };
        let bits = u128::from_le_bytes(bytes) & ((1 << (8 * len)) - 1);
        Some(Key(bits as u64, (bits >> 64) as u64 | (len as u64) << 56))
    }

    #[inline]
    fn set(self) -> usize {
        let mixed =
            self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ self.1.wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
        ((mixed ^ mixed >> 32).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - SET_BITS)) as usize
    }
}

impl Cache {
    pub(crate) fn new() -> Cache {
        Cache { sets: vec![[[0; 4]; 2]; 1 << SET_BITS] }
    }

    /// The ids of a pre-token, of which the given number count.
    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<([u32; MAX_IDS], usize)> {
        let set = &self.sets[key.set()];
        set.iter().find(|entry| entry[0] == key.0 && entry[1] & !(0xF << COUNT_SHIFT) == key.1).map(
            |&[_, high, first, second]| {
                let ids =
                    [first as u32, (first >> 32) as u32, second as u32, (second >> 32) as u32];
                (ids, (high >> COUNT_SHIFT) as usize)
            },
        )
    }

    /// Remembers the ids of a pre-token, if there are not too many.
    pub(crate) fn insert(&mut self, key: Key, ids: &[u32]) {
        if ids.len() > MAX_IDS {
            return;
        }
        let pair = |at: usize| {
            let id = |at: usize| u64::from(ids.get(at).copied().unwrap_or(0));
            id(at) | id(at + 1) << 32
        };
        let entry = [key.0, key.1 | (ids.len() as u64) << COUNT_SHIFT, pair(0), pair(2)];
        let set = &mut self.sets[key.set()];
        *set = [entry, set[0]];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tell_pre_tokens_apart() {
        let text = b"a\0\0abcdefghijklmnopqrstuvwxyz";
        let key = |start, end| Key::new(text, start, end);
        assert_eq!(key(0, 1), key(3, 4));
        assert_ne!(key(0, 1), key(0, 2));
        assert_ne!(key(0, 2), key(0, 3));
        assert!(key(3, 18).is_some() && key(3, 19).is_none());
        // Near the end of the text fewer than 16 bytes follow.
        assert_eq!(Key::new(b"xyz", 1, 3), key(27, 29));
    }

    #[test]
    fn what_was_put_in_last_comes_out() {
        let mut cache = Cache::new();
        let text: Vec<u8> = (0..600_000u32).flat_map(u32::to_le_bytes).collect();
        for (number, start) in (0..600_000u32).zip((0..).step_by(4)) {
            let key = Key::new(&text, start, start + 4).unwrap();
            assert_eq!(cache.get(key), None);
            let ids = [number, 1, 2, 3];
            cache.insert(key, &ids[..1 + number as usize % 4]);
            let (found, count) = cache.get(key).unwrap();
            assert_eq!(found[..count], ids[..1 + number as usize % 4]);
        }
        let key = Key::new(b"abc", 0, 3).unwrap();
        cache.insert(key, &[1, 2, 3, 4, 5]);
        assert_eq!(cache.get(key), None);
    }
}
