//! The ids of pre-tokens too long for [`Cache`](crate::encode::cache::Cache): indentation, lines of
//! dashes, long names. They are rare, but merging them costs most.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

/// The length of the longest pre-token that is kept. With [`PLACES`] it bounds the memory: 3 MB
/// with ids of 16 bits, 5 MB with ids of 32 bits, if every byte becomes an id.
const MAX_BYTES: usize = 256;

/// The number of places. A pre-token has one, by its hash; the last one that came is kept there.
const PLACES: usize = 1 << 12;

/// A cache from long pre-tokens to ids.
#[derive(Debug)]
pub(crate) struct LongCache<T> {
    places: Vec<Kept<T>>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Default)]
struct Kept<T> {
    pre_token: Vec<u8>,
    ids: Vec<T>,
}

impl<T: Copy + Default> LongCache<T> {
    /// Creates an empty cache.
    pub(crate) fn new() -> LongCache<T> {
        LongCache { places: vec![Kept::default(); PLACES], hasher: RandomState::default() }
    }

    /// Appends the ids of `pre_token`, which is not empty, to `ids`: as they are in the cache, or
    /// as `merge` appends them to a list.
    pub(crate) fn get_or_merge(
        &mut self,
        pre_token: &[u8],
        ids: &mut Vec<T>,
        merge: impl FnOnce(&mut Vec<T>),
    ) {
        if pre_token.len() > MAX_BYTES {
            return merge(ids);
        }
        let place = self.hasher.hash_one(pre_token) as usize % PLACES;
        let kept = &mut self.places[place];
        if kept.pre_token != pre_token {
            kept.ids.clear();
            merge(&mut kept.ids);
            kept.pre_token.clear();
            kept.pre_token.extend_from_slice(pre_token);
        }
        ids.extend_from_slice(&kept.ids);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_gets_its_own_ids_and_most_only_once() {
        let mut cache = LongCache::new();
        let words: Vec<String> =
            (0..3 * PLACES).map(|i| format!("{i:0width$}", width = 1 + i % 300)).collect();
        let mut merged = 0;
        let mut look_up = |word: &String| {
            let mut ids = vec![7];
            cache.get_or_merge(word.as_bytes(), &mut ids, |ids| {
                merged += 1;
                ids.extend(word.bytes().map(u32::from));
            });
            assert!(ids[1..].iter().eq(word.bytes().map(u32::from).collect::<Vec<_>>().iter()));
        };
        words.iter().for_each(&mut look_up);
        words[2 * PLACES..].iter().rev().for_each(&mut look_up);
        assert!((3 * PLACES..4 * PLACES).contains(&merged), "{merged}");
    }
}
