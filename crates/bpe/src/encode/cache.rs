//! The ids of short pre-tokens seen before. Texts repeat themselves: nearly every pre-token is
//! here.
//!
//! A pre-token of up to 15 bytes and its ids, if they fit into sixteen bytes with their number, are
//! one entry of 32 bytes, half a cache line. The cache is two-way set-associative: a key belongs to
//! one set of two entries, one cache line. The entry used last comes first, and a new one replaces
//! the other. So the cache has a fixed size and needs no other rule.

use std::marker::PhantomData;

use crate::encode::token_id::TokenId;
use crate::memory::fibonacci_hash::fibonacci_hash;
use crate::memory::huge_pages::Table;
use crate::memory::prefetch::prefetch;
use crate::memory::short_key::Key;

/// The number of sets: 4 MB, of which a text touches as much as it has distinct pre-tokens.
const NUM_SETS: usize = 1 << 16;

/// The index of a set. Every value of the type is one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SetIndex(u16);

impl SetIndex {
    /// Returns the set of a key.
    #[inline(always)]
    fn of(key: Key) -> SetIndex {
        SetIndex((fibonacci_hash(key.0 ^ key.1.rotate_left(29)) >> 48) as u16)
    }
}

/// The two numbers of the key, and the group of the ids. A free entry is all zeros, which is the
/// key of no pre-token, as none is empty.
type Entry = [u64; 4];

/// A cache from short pre-tokens to ids.
#[derive(Debug)]
pub(crate) struct Cache<T> {
    table: Table<[Entry; 2], NUM_SETS>,
    ids: PhantomData<T>,
}

/// The sets of a [`Cache`], for loops: the position of the table is looked up once.
#[derive(Debug)]
pub(crate) struct Sets<'c, T> {
    sets: &'c mut [[Entry; 2]; NUM_SETS],
    ids: PhantomData<T>,
}

impl<T: TokenId> Cache<T> {
    /// Creates an empty cache.
    pub(crate) fn new() -> Cache<T> {
        Cache { table: Table::zeroed(), ids: PhantomData }
    }

    /// Keeps the cache in huge pages, which pays for much text.
    pub(crate) fn in_huge_pages(self) -> Cache<T> {
        Cache { table: self.table.in_huge_pages(), ..self }
    }

    /// Returns the sets.
    #[inline(always)]
    pub(crate) fn sets(&mut self) -> Sets<'_, T> {
        Sets { sets: self.table.values(), ids: PhantomData }
    }

    /// Appends the ids of a short pre-token: as they are in the cache, or as `merge` appends them.
    #[inline(never)]
    pub(crate) fn get_or_merge(
        &mut self,
        key: Key,
        ids: &mut Vec<T>,
        merge: impl FnOnce(&[u8], &mut Vec<T>),
    ) {
        let set = SetIndex::of(key);
        if let Some(group) = self.sets().find(set, key) {
            return ids.extend_from_slice(&group.as_ref()[..T::group_len(&group)]);
        }
        let before = ids.len();
        merge(&key.bytes()[..key.len()], ids);
        // A pre-token with too many ids for a group is merged again whenever it occurs.
        let Some(group) = T::group(&ids[before..]) else { return };
        self.sets().insert(set, key, group);
    }
}

impl<T: TokenId> Sets<'_, T> {
    /// Returns the set of a pre-token, and prefetches it.
    #[inline(always)]
    pub(crate) fn request(&self, key: Key) -> SetIndex {
        let set = SetIndex::of(key);
        prefetch(&self.sets[usize::from(set.0)]);
        set
    }

    /// Returns the ids of a pre-token of this set, if they are in it.
    #[inline(always)]
    pub(crate) fn find(&mut self, set: SetIndex, key: Key) -> Option<T::Group> {
        let set = &mut self.sets[usize::from(set.0)];
        if !is_of(&set[0], key) && !bring_forward(set, key) {
            return None;
        }
        let [_, _, first, second] = set[0];
        Some(bytemuck::cast([first, second]))
    }

    /// Inserts a pre-token that is not there, in the first place of its set.
    fn insert(&mut self, set: SetIndex, key: Key, group: T::Group) {
        let [first, second]: [u64; 2] = bytemuck::cast(group);
        let set = &mut self.sets[usize::from(set.0)];
        *set = [[key.0, key.1, first, second], set[0]];
    }
}

#[inline(always)]
fn is_of(entry: &Entry, key: Key) -> bool {
    (entry[0] ^ key.0) | (entry[1] ^ key.1) == 0
}

/// Swaps the entries of a set if the second is that of the key. Returns `true` if it was.
///
/// Frequent pre-tokens are nearly always in the first place, so that the branch to here is
/// predictable.
#[cold]
#[inline(never)]
fn bring_forward(set: &mut [Entry; 2], key: Key) -> bool {
    let is_second = is_of(&set[1], key);
    if is_second {
        set.swap(0, 1);
    }
    is_second
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &[u8]) -> Key {
        Key::new(text, 0..text.len())
    }

    fn get<T: TokenId>(cache: &mut Cache<T>, key: Key) -> Option<Vec<T>> {
        let mut sets = cache.sets();
        let set = sets.request(key);
        sets.find(set, key).map(|group| group.as_ref()[..T::group_len(&group)].to_vec())
    }

    fn insert<T: TokenId + PartialEq>(cache: &mut Cache<T>, key: Key, ids: &[T]) {
        let mut found = vec![ids[0]];
        cache.get_or_merge(key, &mut found, |bytes, found| {
            assert_eq!(Key::new(bytes, 0..bytes.len()), key);
            found.extend_from_slice(ids);
        });
        assert_eq!(&found[1..], ids);
    }

    #[test]
    fn what_was_put_in_last_comes_out() {
        let mut cache = Cache::new();
        for number in 0..600_000u32 {
            let key = key(&number.to_le_bytes());
            assert_eq!(get(&mut cache, key), None);
            let ids = [number, 1, 2];
            let ids = &ids[..1 + number as usize % 3];
            for _ in 0..2 {
                insert(&mut cache, key, ids);
                assert_eq!(get(&mut cache, key).as_deref(), Some(ids));
            }
        }
    }

    #[test]
    fn of_three_the_one_that_was_not_asked_for_is_forgotten() {
        let mut cache = Cache::new();
        let keys = (0..600_000u32).map(|number| key(&number.to_le_bytes()));
        let same_set: Vec<Key> = keys.filter(|&key| SetIndex::of(key).0 == 7).take(3).collect();
        let ids = [[1u16; 7], [2; 7], [3; 7]];
        insert(&mut cache, same_set[0], &ids[0]);
        insert(&mut cache, same_set[1], &ids[1]);
        assert_eq!(get(&mut cache, same_set[0]).as_deref(), Some(&ids[0][..]));
        insert(&mut cache, same_set[2], &ids[2]);
        let found: Vec<_> = same_set.iter().map(|&key| get(&mut cache, key)).collect();
        assert_eq!(found, [Some(vec![1; 7]), None, Some(vec![3; 7])]);
    }

    #[test]
    fn every_byte_tells_pre_tokens_apart() {
        // Pre-tokens of one set that differ in their first bytes only, and in their last only.
        let words = |first: bool| {
            (0..300_000u32).map(move |number| {
                let number = format!("{number:07}");
                if first {
                    format!("{number}same end")
                } else {
                    format!("beginning{number}")[1..].to_string()
                }
            })
        };
        for first in [true, false] {
            let same_set: Vec<String> = words(first)
                .filter(|word| SetIndex::of(key(word.as_bytes())).0 == 7)
                .take(2)
                .collect();
            let keys = [&same_set[0], &same_set[1]].map(|word| key(word.as_bytes()));
            assert_eq!((keys[0].0 == keys[1].0, keys[0].1 == keys[1].1), (!first, first));
            let mut cache = Cache::new();
            insert(&mut cache, keys[0], &[1u16]);
            assert_eq!(get(&mut cache, keys[1]), None);
            insert(&mut cache, keys[1], &[2]);
            assert_eq!(keys.map(|key| get(&mut cache, key)), [Some(vec![1]), Some(vec![2])]);
        }
    }

    #[test]
    fn what_is_too_long_is_not_kept() {
        let mut cache = Cache::new();
        insert(&mut cache, key(b"abc"), &[1u32, 2, 3, 4]);
        assert_eq!(get(&mut cache, key(b"abc")), None);
        let long = Key::long(1, 2);
        assert_eq!(get(&mut cache, long), None);
    }
}
