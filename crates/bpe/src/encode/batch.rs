//! Pre-tokens looked up in the cache many at a time.
//!
//! One after the other, each look-up would wait for memory, and the next one for it. So a batch
//! goes through two loops in which hardly a branch depends on the text. When it is full, its keys
//! are made and the cache is asked for their sets. Its ids are copied when the next batch is full:
//! by then the memory has come, and a pre-token that is not first in its set is the only surprise.

use crate::encode::cache::{Cache, SetIndex};
use crate::encode::miss::Merger;
use crate::encode::token_id::TokenId;
use crate::memory::short_key::Key;
use crate::pretokenize::boundaries::{PendingEnds, ROOM};

/// Most ids of a pre-token in the cache, of either type.
const MAX_GROUP: usize = 8;

/// Pre-tokens on their way from a text to ids.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    pending: PendingEnds,
    /// The keys of those before them, and their sets.
    keys: [Key; ROOM],
    sets: [SetIndex; ROOM],
    num_keys: usize,
    ids: [T; ROOM * MAX_GROUP],
}

impl<T: TokenId> Batch<T> {
    pub(crate) fn new() -> Batch<T> {
        Batch {
            pending: PendingEnds::new(),
            keys: [Key::default(); ROOM],
            sets: [SetIndex::default(); ROOM],
            num_keys: 0,
            ids: [T::default(); ROOM * MAX_GROUP],
        }
    }

    /// Begins a text.
    pub(crate) fn begin(&mut self) {
        // Nothing is left but after a pattern that failed.
        self.pending.begin(0);
        self.num_keys = 0;
    }

    /// Those that were found and are not looked up yet, with room for more.
    #[inline(always)]
    pub(crate) fn pending(&mut self) -> &mut PendingEnds {
        &mut self.pending
    }

    /// Appends the ids of the pre-tokens of the call before, which are part of `text`, to `ids`,
    /// and asks for those that came since. `merger` appends the ids of those that are not in the
    /// cache.
    #[inline(never)]
    pub(crate) fn advance(
        &mut self,
        text: &[u8],
        cache: &mut Cache<T>,
        merger: &mut Merger<'_, T>,
        ids: &mut Vec<T>,
    ) {
        let mut count = 0;
        let mut sets = cache.sets();
        for (&key, &set) in self.keys[..self.num_keys].iter().zip(&self.sets) {
            let Some(group) = sets.find(set, key) else {
                ids.extend_from_slice(&self.ids[..count]);
                count = 0;
                merger.append(text, key, cache, ids);
                sets = cache.sets();
                continue;
            };
            // All of a group is copied whatever it holds; what is too much is overwritten by the
            // next.
            let places = group.as_ref();
            self.ids[count..count + places.len()].copy_from_slice(places);
            count += T::group_len(&group);
        }
        ids.extend_from_slice(&self.ids[..count]);

        let (mut start, ends) = self.pending.take();
        for ((key, set), &end) in self.keys.iter_mut().zip(&mut self.sets).zip(ends) {
            // Kept, as making them again would cost more than reading them.
            *key = Key::new(text, start..end);
            *set = sets.ask(*key);
            start = end;
        }
        self.num_keys = ends.len();
    }

    /// Appends the ids of all pre-tokens that are left.
    pub(crate) fn finish(
        &mut self,
        text: &[u8],
        cache: &mut Cache<T>,
        merger: &mut Merger<'_, T>,
        ids: &mut Vec<T>,
    ) {
        self.advance(text, cache, merger, ids);
        self.advance(text, cache, merger, ids);
    }
}
