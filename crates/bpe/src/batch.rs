//! Pre-tokens looked up in the cache many at a time.
//!
//! One after the other, each look-up would wait for memory, and the next one for it. So a batch goes through two loops
//! without branches that the text decides. When it is full, its keys are made and the cache is asked for their places. Its
//! ids are copied when the next batch is full: by then the memory has come, and a pre-token that is not in the cache is
//! the only surprise.

use crate::cache::{Cache, Place, SetIndex};
use crate::ids::TokenId;
use crate::key::Key;

/// Pre-tokens in a batch.
const SIZE: usize = 32;

/// Most ids of a pre-token in the cache, of either type.
const MAX_GROUP: usize = 8;

/// Neighbouring pre-tokens of a text.
#[derive(Debug, Clone, Copy)]
struct PreTokens {
    /// Where the first begins; each of the others begins where the one before it ends.
    start: usize,
    len: usize,
    ends: [usize; SIZE],
}

impl PreTokens {
    const NONE: PreTokens = PreTokens { start: 0, len: 0, ends: [0; SIZE] };

    /// The end of each.
    #[inline(always)]
    fn ends(&self) -> &[usize] {
        &self.ends[..self.len.min(SIZE)]
    }
}

/// Pre-tokens on their way from a text to ids.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    /// Those that are found one by one.
    new: PreTokens,
    /// Those before them, whose keys and sets are known.
    asked: PreTokens,
    keys: [Key; SIZE],
    sets: [SetIndex; SIZE],
    ids: [T; SIZE * MAX_GROUP],
}

impl<T: TokenId> Batch<T> {
    /// The first batch of a text.
    pub(crate) fn new() -> Batch<T> {
        Batch {
            new: PreTokens::NONE,
            asked: PreTokens::NONE,
            keys: [Key::NONE; SIZE],
            sets: [SetIndex::default(); SIZE],
            ids: [T::default(); SIZE * MAX_GROUP],
        }
    }

    /// Takes the next pre-token, which ends at `end`.
    #[inline(always)]
    pub(crate) fn push(&mut self, end: usize) {
        self.new.ends[self.new.len % SIZE] = end;
        self.new.len += 1;
    }

    /// Whether [`Batch::advance`] has to be called before the next one comes.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.new.len == SIZE
    }

    /// Appends the ids of the pre-tokens of the call before, which are part of `text`, to `ids`, and asks for those that
    /// came since. `merge` appends the ids of one that is not in the cache.
    #[inline(never)]
    pub(crate) fn advance(
        &mut self,
        text: &[u8],
        cache: &mut Cache<T>,
        merge: &mut impl FnMut(&[u8], &mut Vec<T>),
        ids: &mut Vec<T>,
    ) {
        let (mut start, mut count) = (self.asked.start, 0);
        for ((&end, &key), &set) in self.asked.ends().iter().zip(&self.keys).zip(&self.sets) {
            let place = cache.find(set, key);
            if place == Place::NONE {
                ids.extend_from_slice(&self.ids[..count]);
                count = 0;
                let before = ids.len();
                merge(&text[start..end], ids);
                cache.insert(key, &ids[before..]);
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

        self.asked = self.new;
        start = self.asked.start;
        let places = self.keys.iter_mut().zip(&mut self.sets);
        for ((key, set), &end) in places.zip(self.asked.ends()) {
            // Kept, as making them again would cost more than reading them.
            *key = Key::new(text, start, end);
            *set = cache.ask(*key);
            start = end;
        }
        (self.new.start, self.new.len) = (start, 0);
    }

    /// Appends the ids of all pre-tokens that are left.
    pub(crate) fn finish(
        &mut self,
        text: &[u8],
        cache: &mut Cache<T>,
        merge: &mut impl FnMut(&[u8], &mut Vec<T>),
        ids: &mut Vec<T>,
    ) {
        self.advance(text, cache, merge, ids);
        self.advance(text, cache, merge, ids);
    }
}
