//! The list of merges as a hash table.

use crate::memory::fibonacci_hash::{fibonacci_hash, second_hash};
use crate::memory::probe::probe;
use crate::vocab::Vocab;

/// The rank of a pair that is not in the list of merges.
pub(super) const NO_RANK: u32 = u32::MAX;

/// Maps a pair to its rank and to the id that it becomes.
#[derive(Debug, Clone)]
pub(crate) struct MergeTable {
    /// Open addressing, at most half full.
    slots: Vec<Slot>,
    /// The number of slots is 2^(64 − shift).
    shift: u32,
    /// A Bloom filter with one hash (B. Bloom 1970): one bit per hash, set if some pair has it.
    /// Most pairs are not merged, and the filter is so small that asking it first saves cache
    /// misses.
    filter: Vec<u64>,
}

/// Bits of the filter per merge: about one in so many of the pairs that are not merged passes it.
const FILTER_BITS: usize = 32;

#[derive(Debug, Clone, Copy)]
struct Slot {
    pair: u64,
    rank: u32,
    id: u32,
}

fn pair_key(left: u32, right: u32) -> u64 {
    u64::from(left) << 32 | u64::from(right)
}

impl MergeTable {
    /// Creates the table of the merges of `vocab`.
    pub(crate) fn new(vocab: &Vocab) -> MergeTable {
        let count = (2 * vocab.merges().len()).next_power_of_two().max(2);
        let empty = Slot { pair: 0, rank: NO_RANK, id: 0 };
        let mut table = MergeTable {
            slots: vec![empty; count],
            shift: 64 - count.trailing_zeros(),
            filter: Vec::new(),
        };
        let bits = (FILTER_BITS * vocab.merges().len()).next_power_of_two().max(64);
        table.filter = vec![0; bits / 64];
        for (rank, (&(left, right), &id)) in (0..).zip(vocab.merges().iter().zip(vocab.merged())) {
            let pair = pair_key(left, right);
            let at = probe(&table.slots, table.home(pair), |slot| slot.rank == NO_RANK);
            table.slots[at] = Slot { pair, rank, id };
            let (word, bit) = table.filter_bit(pair);
            table.filter[word] |= 1 << bit;
        }
        table
    }

    /// Returns the slot where the search for a pair begins.
    fn home(&self, pair: u64) -> u64 {
        fibonacci_hash(pair ^ pair >> 29) >> self.shift
    }

    /// Returns the rank of a pair, [`NO_RANK`] if it is not merged, and the id that it becomes.
    #[inline]
    pub(super) fn get(&self, left: u32, right: u32) -> (u32, u32) {
        let pair = pair_key(left, right);
        let is_end = |slot: &Slot| slot.pair == pair || slot.rank == NO_RANK;
        let slot = self.slots[probe(&self.slots, self.home(pair), is_end)];
        (slot.rank, slot.id)
    }

    /// Returns the rank of a pair, [`NO_RANK`] if it is not merged.
    #[inline]
    pub(super) fn rank(&self, left: u32, right: u32) -> u32 {
        let (word, bit) = self.filter_bit(pair_key(left, right));
        if self.filter[word] >> bit & 1 == 0 { NO_RANK } else { self.get(left, right).0 }
    }

    /// Returns the word of the filter and the bit in it that belong to a pair.
    #[inline]
    fn filter_bit(&self, pair: u64) -> (usize, u32) {
        let hash = second_hash(pair ^ pair >> 27) >> 32;
        (hash as usize >> 6 & (self.filter.len() - 1), hash as u32 & 63)
    }
}
