//! Looking up the ids of pre-tokens in the cache, a batch at a time.

use crate::encode::cache::{Cache, SetIndex};
use crate::encode::miss::MissEncoder;
use crate::encode::token_id::TokenId;
use crate::memory::short_key::Key;
use crate::pretokenize::boundaries::MAX_PENDING;
use crate::pretokenize::pipeline::Lookup;

/// The most ids of a batch: eight per group of the cache, of either type.
pub(crate) const MAX_BATCH_IDS: usize = MAX_PENDING * 8;

/// Memory for the ids of a batch.
pub(crate) type GroupBuffer<T> = [T; MAX_BATCH_IDS];

/// Appends the ids of pre-tokens to `ids`: those in the cache, and others as `misses` encodes them.
pub(crate) struct IdLookup<'r, 't, T> {
    pub(crate) cache: &'r mut Cache<T>,
    pub(crate) misses: &'r mut MissEncoder<'t, T>,
    pub(crate) buffer: &'r mut GroupBuffer<T>,
    pub(crate) ids: &'r mut Vec<T>,
}

impl<T: TokenId> Lookup for IdLookup<'_, '_, T> {
    type Place = SetIndex;

    #[inline(always)]
    fn request(&mut self) -> impl Fn(Key) -> SetIndex {
        let sets = self.cache.sets();
        move |key| sets.request(key)
    }

    #[inline(always)]
    fn resolve(&mut self, text: &[u8], keys: &[Key], sets_of_keys: &[SetIndex]) {
        let (cache, ids, buffer) = (&mut *self.cache, &mut *self.ids, &mut *self.buffer);
        // Hits go into a buffer of fixed size first, and from there to `ids` all at once, so that
        // the loop does not ask each time whether `ids` must grow.
        let mut count = 0;
        let mut sets = cache.sets();
        for (&key, &set) in keys.iter().zip(sets_of_keys) {
            let Some(group) = sets.find(set, key) else {
                ids.extend_from_slice(&buffer[..count]);
                count = 0;
                self.misses.append(text, key, cache, ids);
                sets = cache.sets();
                continue;
            };
            // A group is copied whole, whatever the number of its ids: the length of the copy is
            // constant then. The next group overwrites what was too much.
            let places = group.as_ref();
            buffer[count..count + places.len()].copy_from_slice(places);
            count += T::group_len(&group);
        }
        ids.extend_from_slice(&buffer[..count]);
    }
}
