//! The pairs that occur, how often, and where.

use super::tokens::TokenTable;
use super::words::{BOUNDARY, NO_PAIR, Words};

/// Two adjacent symbols.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub left: u32,
    pub right: u32,
    /// Σ over its places of the word's count; exact at all times.
    pub count: u64,
    /// Its places are `places[start..start + len]`, in ascending order of position. Some may be
    /// stale.
    pub start: usize,
    pub len: u32,
}

impl Pair {
    pub fn new(left: u32, right: u32) -> Pair {
        Pair { left, right, count: 0, start: 0, len: 0 }
    }
}

/// Where a pair occurs, or occurred: `position` is the slot where its first element starts.
///
/// It is stale unless that slot still names the pair.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub position: u32,
    /// Index of the word, for its count.
    pub word: u32,
}

/// All pairs with their places.
///
/// Every place of a pair comes into being during the merge that creates the younger of its two
/// elements. So lists never grow later, the lists of one merge are appended to `places` together,
/// and nothing is ever searched by (left, right).
#[derive(Default)]
pub(super) struct PairTable {
    pub pairs: Vec<Pair>,
    pub places: Vec<Place>,
}

impl PairTable {
    /// The pairs of bytes in `words`, whose slots are given their pairs.
    pub fn new(words: &mut Words) -> PairTable {
        let mut index = vec![NO_PAIR; 256 * 256];
        let mut pairs: Vec<Pair> = Vec::new();
        let mut word = 0;
        for i in 1..words.slots.len() {
            let (left, right) = (words.slots[i - 1].symbol, words.slots[i].symbol);
            if right == BOUNDARY {
                word += 1;
            } else if left != BOUNDARY {
                let pair = &mut index[(left << 8 | right) as usize];
                if *pair == NO_PAIR {
                    *pair = pairs.len() as u32;
                    pairs.push(Pair::new(left, right));
                }
                words.slots[i - 1].pair = *pair;
                pairs[*pair as usize].count += words.weights[word];
            }
        }
        let mut table = PairTable { pairs, places: Vec::new() };
        table.relist(words, None);
        table
    }

    /// Forgets the pairs that no longer occur and all stale places: reads the whole arena,
    /// renumbers the pairs and lists their places anew. Without `tokens` all symbols are bytes.
    pub fn relist(&mut self, words: &mut Words, tokens: Option<&TokenTable>) {
        self.places = Vec::new();
        let mut renumbered = vec![NO_PAIR; self.pairs.len()];
        let mut live = 0;
        for (old, new) in renumbered.iter_mut().enumerate() {
            if self.pairs[old].count > 0 {
                *new = live;
                self.pairs[live as usize] = Pair { start: 0, len: 0, ..self.pairs[old] };
                live += 1;
            }
        }
        self.pairs.truncate(live as usize);

        let len_of = |symbol| tokens.map_or(1, |tokens| tokens.token_len(symbol));
        let mut position = 0;
        while let Some(slot) = words.slots.get_mut(position) {
            if slot.symbol == BOUNDARY {
                position += 1;
                continue;
            }
            if slot.pair != NO_PAIR {
                slot.pair = renumbered[slot.pair as usize];
                self.pairs[slot.pair as usize].len += 1;
            }
            position += len_of(slot.symbol);
        }
        self.places = vec![Place::default(); assign_starts(&mut self.pairs, 0)];
        let (mut position, mut word) = (1, 0);
        while let Some(slot) = words.slots.get(position) {
            if slot.symbol == BOUNDARY {
                (position, word) = (position + 1, word + 1);
                continue;
            }
            if slot.pair != NO_PAIR {
                let pair = &mut self.pairs[slot.pair as usize];
                self.places[pair.start] = Place { position: position as u32, word };
                pair.start += 1;
            }
            position += len_of(slot.symbol);
        }
        rewind_starts(&mut self.pairs);
    }

    /// Appends the lists of `pairs[first..]`, whose lengths are known, from (pair, place) in
    /// ascending order of position.
    pub fn append(&mut self, first: usize, fresh: &[(u32, Place)]) {
        let end = assign_starts(&mut self.pairs[first..], self.places.len());
        self.places.resize(end, Place::default());
        for &(pair, place) in fresh {
            let start = &mut self.pairs[pair as usize].start;
            self.places[*start] = place;
            *start += 1;
        }
        rewind_starts(&mut self.pairs[first..]);
    }
}

/// Gives each pair its part of the places from `start` on; returns where the last one ends.
fn assign_starts(pairs: &mut [Pair], mut start: usize) -> usize {
    for pair in pairs {
        pair.start = start;
        start += pair.len as usize;
    }
    start
}

/// While a list is written its `start` is the end of what is there; this turns it back.
fn rewind_starts(pairs: &mut [Pair]) {
    for pair in pairs {
        pair.start -= pair.len as usize;
    }
}
