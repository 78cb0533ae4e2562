//! The pairs that occur, their counts and their places.

use super::tokens::TokenTable;
use super::words::{BOUNDARY, NO_PAIR, Words};

/// Two adjacent symbols.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub left: u32,
    pub right: u32,
    /// Σ over its places of the word's count. Always exact.
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

/// A place where a pair occurs or once occurred: `position` is the slot where its first element
/// starts. The place is stale unless that slot still names the pair.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Place {
    pub position: u32,
    /// Index of the word, for its count.
    pub word: u32,
}

/// All pairs with their places.
///
/// Every place of a pair arises during the merge that makes the younger of its two elements. So
/// lists never grow later, the lists of one merge are appended to `places` together, and no pair is
/// ever looked up by (left, right).
#[derive(Default)]
pub(super) struct PairTable {
    pub pairs: Vec<Pair>,
    pub places: Vec<Place>,
}

impl PairTable {
    /// Lists the pairs of bytes in `words`, and enters them into its slots.
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

    /// Drops the pairs that no longer occur and all stale places: reads the whole arena, renumbers
    /// the pairs and lists their places anew. Without `tokens` all symbols are bytes.
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
        for_each_place(words, len_of, |_, pair| {
            *pair = renumbered[*pair as usize];
            self.pairs[*pair as usize].len += 1;
        });
        self.places = vec![Place::default(); assign_starts(&mut self.pairs, 0)];
        for_each_place(words, len_of, |place, pair| {
            let start = &mut self.pairs[*pair as usize].start;
            self.places[*start] = place;
            *start += 1;
        });
        rewind_starts(&mut self.pairs);
    }

    /// Appends the lists of `pairs[first..]`, whose lengths are known. `fresh` holds their places,
    /// in ascending order of position.
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

/// Calls `visit` with each place of the arena where a pair starts, and with the number of that
/// pair.
fn for_each_place(
    words: &mut Words,
    len_of: impl Fn(u32) -> usize,
    mut visit: impl FnMut(Place, &mut u32),
) {
    let (mut position, mut word) = (1, 0);
    while let Some(slot) = words.slots.get_mut(position) {
        if slot.symbol == BOUNDARY {
            (position, word) = (position + 1, word + 1);
            continue;
        }
        if slot.pair != NO_PAIR {
            visit(Place { position: position as u32, word }, &mut slot.pair);
        }
        position += len_of(slot.symbol);
    }
}

/// Gives each pair its part of the places from `start` on. Returns where the last one ends.
fn assign_starts(pairs: &mut [Pair], mut start: usize) -> usize {
    for pair in pairs {
        pair.start = start;
        start += pair.len as usize;
    }
    start
}

/// Moves each `start` back to the beginning of its list. While a list is being written, it is the
/// end of the part already there.
fn rewind_starts(pairs: &mut [Pair]) {
    for pair in pairs {
        pair.start -= pair.len as usize;
    }
}
