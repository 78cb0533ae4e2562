//! Pre-tokens seen before, with their ids. Texts repeat themselves: nearly every pre-token is found here.
//!
//! A pre-token of up to 15 bytes and its ids, if they fit into sixteen bytes with their number, are one entry of 32
//! bytes, half a cache line. A set holds two entries; a new one takes the first place, the older one moves to the second, and what was there
//! is forgotten. So the cache has a fixed size, and needs no other rule.

use std::marker::PhantomData;

use crate::ids::TokenId;
use crate::key::{Key, MAX_BYTES};
use crate::prefetch::prefetch;
use crate::spread::{spread, spread_otherwise};

/// 2¹⁶ sets, 4 MB, of which a text touches as much as it has different pre-tokens.
const SET_BITS: u32 = 16;

/// The set of a key.
#[inline(always)]
fn set_of(key: Key) -> usize {
    (spread(key.0 ^ spread_otherwise(key.1)) >> (64 - SET_BITS)) as usize
}

/// The two parts of the key, and the group of the ids. Plain integers, so that an empty cache is zeroed pages from the
/// operating system: a key without bytes is not asked for.
type Entry = [u64; 4];

type Sets = [[Entry; 2]; 1 << SET_BITS];

/// The set in which a pre-token is, if it is in the cache.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SetIndex(u32);

/// Where a pre-token is in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(u32);

impl Place {
    /// The place of a pre-token that is not in the cache.
    pub(crate) const NONE: Place = Place(u32::MAX);
}

/// A cache from pre-tokens to ids.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    sets: Box<Sets>,
    ids: PhantomData<T>,
}

impl<T: TokenId> Cache<T> {
    pub(crate) fn new() -> Cache<T> {
        let sets = vec![[[0; 4]; 2]; 1 << SET_BITS].into_boxed_slice();
        let Ok(sets) = sets.try_into() else { unreachable!("made with the length of its type") };
        Cache { sets, ids: PhantomData }
    }

    /// Whether a pre-token is short enough.
    pub(crate) fn keeps(pre_token: &[u8]) -> bool {
        pre_token.len() <= MAX_BYTES
    }

    /// The set of a pre-token, which is fetched from memory meanwhile.
    #[inline(always)]
    pub(crate) fn ask(&self, key: Key) -> SetIndex {
        let set = set_of(key);
        prefetch(&self.sets[set]);
        SetIndex(set as u32)
    }

    /// Where a pre-token of this set is. Nothing branches on what is found, so that many of these wait for memory at the
    /// same time.
    #[inline(always)]
    pub(crate) fn find(&self, SetIndex(set): SetIndex, key: Key) -> Place {
        let [first, second] = &self.sets[set as usize % (1 << SET_BITS)];
        let is_of = |entry: &Entry| u32::from((entry[0] ^ key.0) | (entry[1] ^ key.1) == 0);
        let (is_first, is_second) = (is_of(first), is_of(second));
        // All ones when it is neither.
        let is_none = (is_first | is_second).wrapping_sub(1);
        Place((2 * set + is_second) | is_none)
    }

    /// The ids at a place, which is not [`Place::NONE`]: the given number of the group's.
    #[inline(always)]
    pub(crate) fn get(&self, place: Place) -> (T::Group, usize) {
        let [_, _, first, second] = self.sets.as_flattened()[place.0 as usize % (2 << SET_BITS)];
        let group = bytemuck::cast([first, second]);
        (group, T::group_len(&group))
    }

    /// Remembers the ids of a pre-token, if neither is too long. A place that was found before may be another's then.
    pub(crate) fn insert(&mut self, key: Key, ids: &[T]) {
        if key == Key::NONE {
            return;
        }
        let Some(group) = T::group(ids) else { return };
        let [first, second]: [u64; 2] = bytemuck::cast(group);
        let set = &mut self.sets[set_of(key)];
        *set = [[key.0, key.1, first, second], set[0]];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get<T: TokenId>(cache: &Cache<T>, key: Key) -> Option<Vec<T>> {
        let place = cache.find(cache.ask(key), key);
        let (group, count) = cache.get(place);
        (place != Place::NONE).then(|| group.as_ref()[..count].to_vec())
    }

    #[test]
    fn what_was_put_in_last_comes_out() {
        let mut cache = Cache::new();
        let text: Vec<u8> = (0..600_000u32).flat_map(u32::to_le_bytes).collect();
        for (number, start) in (0..600_000u32).zip((0..).step_by(4)) {
            let key = Key::new(&text, start, start + 4);
            assert_eq!(get(&cache, key), None);
            let ids = [number, 1, 2];
            let ids = &ids[..1 + number as usize % 3];
            cache.insert(key, ids);
            assert_eq!(get(&cache, key).as_deref(), Some(ids));
        }
    }

    #[test]
    fn the_older_of_two_is_forgotten() {
        let mut cache = Cache::new();
        let text: Vec<u8> = (0..600_000u32).flat_map(u32::to_le_bytes).collect();
        let keys = (0..600_000).map(|at| Key::new(&text, 4 * at, 4 * at + 4));
        let same_set: Vec<Key> = keys.filter(|key| set_of(*key) == 7).take(3).collect();
        for (&key, id) in same_set.iter().zip(1u16..) {
            cache.insert(key, &[id; 7]);
        }
        let found: Vec<_> = same_set.iter().map(|&key| get(&cache, key)).collect();
        assert_eq!(found, [None, Some(vec![2; 7]), Some(vec![3; 7])]);
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let mut cache = Cache::new();
        let key = Key::new(b"abc", 0, 3);
        cache.insert(key, &[1u32, 2, 3, 4]);
        assert_eq!(get(&cache, key), None);
        cache.insert(Key::NONE, &[1]);
        assert_eq!(get(&cache, Key::NONE), None);
    }
}
