//! Pre-tokens looked up in the cache many at a time.
//!
//! One after the other, each look-up would wait for memory, and the next one for it. So a batch goes through two
//! loops without branches that the text decides: places of all, ids of all. The CPU waits for several cache lines at
//! once then, and a pre-token that is not in the cache is the only surprise.

use crate::cache::{Cache, Place};
use crate::ids::TokenId;
use crate::key::Key;

/// Pre-tokens in a batch.
const SIZE: usize = 32;

/// Most ids of a pre-token in the cache, of either type.
const MAX_GROUP: usize = 8;

/// Neighbouring pre-tokens of a text.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    /// Where the first begins; each of the others begins where the one before it ends.
    start: usize,
    len: usize,
    ends: [usize; SIZE],
    places: [Place; SIZE],
    ids: [T; SIZE * MAX_GROUP],
}

impl<T: TokenId> Batch<T> {
    /// The first batch of a text.
    pub(crate) fn new() -> Batch<T> {
        Batch {
            start: 0,
            len: 0,
            ends: [0; SIZE],
            places: [Place::NONE; SIZE],
            ids: [T::default(); SIZE * MAX_GROUP],
        }
    }

    /// Takes the next pre-token, which ends at `end`.
    #[inline(always)]
    pub(crate) fn push(&mut self, end: usize) {
        self.ends[self.len % SIZE] = end;
        self.len += 1;
    }

    /// Whether it has to be encoded before the next one comes.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.len == SIZE
    }

    /// Appends the ids of the pre-tokens, which are part of `text`, to `ids`; afterwards the batch is that of the
    /// pre-tokens that follow. `merge` appends the ids of one that is not in the cache.
    #[inline(never)]
    pub(crate) fn encode(
        &mut self,
        text: &[u8],
        cache: &mut Cache<T>,
        merge: &mut impl FnMut(&[u8], &mut Vec<T>),
        ids: &mut Vec<T>,
    ) {
        let len = std::mem::take(&mut self.len).min(SIZE);
        let mut start = self.start;
        for (place, &end) in self.places[..len].iter_mut().zip(&self.ends) {
            *place = cache.find(Key::new(text, start, end));
            start = end;
        }

        start = std::mem::replace(&mut self.start, start);
        let (mut count, mut is_fresh) = (0, true);
        for (&end, &place) in self.ends[..len].iter().zip(&self.places) {
            // What was put into the cache may have pushed aside what had been found there.
            let place = if is_fresh { place } else { cache.find(Key::new(text, start, end)) };
            if place == Place::NONE {
                ids.extend_from_slice(&self.ids[..count]);
                count = 0;
                let before = ids.len();
                merge(&text[start..end], ids);
                cache.insert(Key::new(text, start, end), &ids[before..]);
                is_fresh = false;
            } else {
                // All of a group is copied whatever it holds; what is too much is overwritten by the next.
                let (group, group_len) = cache.get(place);
                let group = group.as_ref();
                self.ids[count..count + group.len()].copy_from_slice(group);
                count += group_len;
            }
            start = end;
        }
        ids.extend_from_slice(&self.ids[..count]);
    }
}
