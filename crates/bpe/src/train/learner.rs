//! The merge loop.
//!
//! The naive trainer reads all words again for each merge. This one visits only the places of the
//! pair that is merged, as the fast trainers of Hugging Face's tokenizers and SentencePiece do.
//!
//! Its work is linear in the text, except for the queue: a visit to a place makes at most two new
//! places, and a place is visited once, when its own pair is merged. The queue is touched once per
//! new pair and once per entry that went stale; there are at most as many of these as visits.

use super::pairs::{Pair, PairTable, Place};
use super::queue::{Context, PairQueue};
use super::tokens::TokenTable;
use super::words::{BOUNDARY, NO_PAIR, Words};
use crate::error::{Error, Result};
use crate::train::counts::pre_token_counts::PreTokenCounts;

/// Places are listed anew when there are this many more than twice the current ones.
const STALE_PLACES: usize = 1 << 20;

/// The queue holds only pairs whose count is at least the greatest count, when the queue was last
/// filled, divided by this. Most pairs are rare and never enter it.
const QUEUE_SHARE: u64 = 16;

/// The most bytes that all tokens together may have. A word of n bytes whose pairs occur once each
/// is merged into one ever longer token, and the tokens on the way add up to O(n²) bytes.
const MAX_TOKEN_BYTES: usize = 1 << 28;

/// Places per block. The slots of a block are read in one loop, before any of them is changed:
/// these reads are spread over all of memory, and with no branch between them they do not wait for
/// one another.
const BLOCK: usize = 64;

/// The merge in progress.
#[derive(Clone, Copy)]
struct Merge {
    token: u32,
    left_len: usize,
    right_len: usize,
    /// The index of the first pair that this merge created.
    first_fresh: usize,
}

/// The state between two merges: tokens, words, pairs and queue.
pub(super) struct Learner {
    tokens: TokenTable,
    words: Words,
    table: PairTable,
    queue: PairQueue,
    /// The queue holds all pairs whose count is at least this, and no others.
    queue_floor: u64,
    /// The index of the pair (x, new token) for each x. Valid if the current merge created it.
    with_left: Vec<u32>,
    /// The index of the pair (new token, x) for each x. Valid if the current merge created it.
    with_right: Vec<u32>,
    /// The places that the current merge makes, each with the index of its pair.
    fresh: Vec<(u32, Place)>,
}

impl Learner {
    pub fn new(counts: &PreTokenCounts, num_specials: usize) -> Result<Learner> {
        let tokens = TokenTable::new(num_specials);
        let mut words = Words::new(counts)?;
        let table = PairTable::new(&mut words);
        Ok(Learner {
            with_left: vec![NO_PAIR; tokens.len()],
            with_right: vec![NO_PAIR; tokens.len()],
            queue: PairQueue::default(),
            queue_floor: u64::MAX,
            fresh: Vec::new(),
            tokens,
            words,
            table,
        })
    }

    /// Σ count · symbols over all words.
    pub fn num_tokens(&self) -> u64 {
        self.words.num_tokens
    }

    /// Merges the next pair and returns its ids, or `None` when no pair is left.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the tokens have more than [`MAX_TOKEN_BYTES`] bytes.
    pub fn step(&mut self) -> Result<Option<(u32, u32)>> {
        let Some(index) = self.next_pair() else { return Ok(None) };
        let Pair { left, right, .. } = self.table.pairs[index as usize];
        let token_bytes =
            self.tokens.total_bytes() + self.tokens.token_len(left) + self.tokens.token_len(right);
        if token_bytes > MAX_TOKEN_BYTES {
            let len = self.tokens.len();
            return Err(Error::TooLarge {
                what: "learned tokens",
                found: format!("more than {MAX_TOKEN_BYTES} bytes in all after {len} tokens"),
                most: format!(
                    "{MAX_TOKEN_BYTES}; a smaller vocabulary size, or a pattern that splits long \
                     words, helps"
                ),
            });
        }
        self.merge(index);
        if self.table.places.len() > 2 * self.words.num_places + STALE_PLACES {
            self.relist();
        }
        Ok(Some((left, right)))
    }

    /// Returns the index of the pair to merge next.
    fn next_pair(&mut self) -> Option<u32> {
        loop {
            let context = Context { pairs: &self.table.pairs, tokens: &self.tokens };
            // An empty queue means that every pair with a count of at least the floor is merged or
            // has become rarer. The floor is lowered to the pairs that are left.
            let Some(mut entry) = self.queue.pop(context) else {
                let counts = self.table.pairs.iter().map(|pair| pair.count);
                let greatest = counts.max().filter(|&count| count > 0)?;
                self.queue_floor = (greatest / QUEUE_SHARE).max(1);
                self.refill_queue();
                continue;
            };
            // Counts change at every merge, and the queue is not told: an entry is corrected when
            // it comes to the front. After the merge that created a pair its count only falls, so
            // the entry promised too much, never too little, and no better pair waits behind it.
            let count = self.table.pairs[entry.pair as usize].count;
            if count == entry.count {
                return Some(entry.pair);
            }
            entry.count = count;
            if count >= self.queue_floor {
                self.queue.push(entry, context);
            }
        }
    }

    fn refill_queue(&mut self) {
        let Learner { table: PairTable { pairs, .. }, tokens, queue_floor, .. } = self;
        let frequent = (0..pairs.len() as u32).filter(|&i| pairs[i as usize].count >= *queue_floor);
        self.queue.refill(frequent, Context { pairs, tokens });
    }

    /// Replaces every occurrence of a pair by a new token.
    fn merge(&mut self, index: u32) {
        let Pair { left, right, start, len, .. } = self.table.pairs[index as usize];
        let token = self.tokens.push_pair(left, right);
        self.with_left.push(NO_PAIR);
        self.with_right.push(NO_PAIR);
        let (left_len, right_len) = (self.tokens.token_len(left), self.tokens.token_len(right));
        let first_fresh = self.table.pairs.len();
        self.fresh.clear();

        // Each block of places is read twice: first all slots, only to drop the stale places,
        // without a branch; then the rest is merged. Many places may be stale by now, and the
        // second loop does not see them.
        let merge = Merge { token, left_len, right_len, first_fresh };
        let mut live = [Place::default(); BLOCK];
        for first in (start..start + len as usize).step_by(BLOCK) {
            let block = first..(first + BLOCK).min(start + len as usize);
            let mut num_live = 0;
            for &place in &self.table.places[block] {
                live[num_live] = place;
                num_live += usize::from(self.is_current(place, index));
            }
            for &place in &live[..num_live] {
                // Checked again: in "aaa", merging the first place takes away the second.
                if self.is_current(place, index) {
                    self.merge_at(place, merge);
                }
            }
        }
        self.table.pairs[index as usize].count = 0;
        // Places of new pairs are gathered during the merge and listed together at its end, when it
        // is known how many each pair has.
        self.table.append(first_fresh, &self.fresh);

        let context = Context { pairs: &self.table.pairs, tokens: &self.tokens };
        for pair in first_fresh..self.table.pairs.len() {
            // Rarer pairs wait outside the queue until it is refilled with a lower floor.
            if self.table.pairs[pair].count >= self.queue_floor {
                self.queue.push(context.entry(pair as u32), context);
            }
        }
    }

    /// Returns `true` if `pair` still starts at this place.
    #[inline]
    fn is_current(&self, place: Place, pair: u32) -> bool {
        self.words.slots[place.position as usize].pair == pair
    }

    /// Replaces the occurrence of the pair at one place. Of the other pairs, only those on either
    /// side of it change.
    #[inline]
    fn merge_at(&mut self, place: Place, merge: Merge) {
        let Merge { token, first_fresh, .. } = merge;
        let weight = self.words.weights[place.word as usize];
        let position = place.position as usize;
        let second = position + merge.left_len;
        let end = second + merge.right_len;

        let before = self.words.slots[position - 1].symbol;
        if before != BOUNDARY {
            // The slot before the place is the last of the symbol before, whose length leads to its
            // start. The pair that started there has lost an occurrence; its place stays in its
            // list, stale.
            let at = position - self.tokens.token_len(before);
            let gone = self.words.slots[at].pair;
            self.table.pairs[gone as usize].count -= weight;
            let known = &mut self.with_left[before as usize];
            let pair = fresh_pair(&mut self.table.pairs, first_fresh, known, (before, token));
            self.enter(pair, weight, at, place.word);
        }
        let after = self.words.slots[end].symbol;
        if after == BOUNDARY {
            self.words.slots[position].pair = NO_PAIR;
        } else {
            let gone = self.words.slots[second].pair;
            self.table.pairs[gone as usize].count -= weight;
            // Places are visited from front to back, so `after` is never the new token, and the
            // pair (token, token) is always found through `with_left`.
            let known = &mut self.with_right[after as usize];
            let pair = fresh_pair(&mut self.table.pairs, first_fresh, known, (token, after));
            self.enter(pair, weight, position, place.word);
        }
        self.words.slots[second].pair = NO_PAIR;
        self.words.slots[position].symbol = token;
        // Only the first and the last slot are read, from the right and from the left neighbour;
        // those between need no update.
        self.words.slots[end - 1].symbol = token;
        self.words.num_tokens -= weight;
        self.words.num_places -= 1;
    }

    /// Enters `pair` at the slot `at`.
    #[inline]
    fn enter(&mut self, pair: u32, weight: u64, at: usize, word: u32) {
        let entry = &mut self.table.pairs[pair as usize];
        entry.count += weight;
        entry.len += 1;
        self.words.slots[at].pair = pair;
        self.fresh.push((pair, Place { position: at as u32, word }));
    }

    /// Drops stale places and pairs that no longer occur. Pairs get new indices, so the queue is
    /// filled anew.
    fn relist(&mut self) {
        self.table.relist(&mut self.words, Some(&self.tokens));
        self.with_left.fill(NO_PAIR);
        self.with_right.fill(NO_PAIR);
        self.refill_queue();
    }
}

/// Returns the index of a pair with the new token: `known`, if the current merge created it, or
/// that of a new pair.
#[inline]
fn fresh_pair(
    pairs: &mut Vec<Pair>,
    first_fresh: usize,
    known: &mut u32,
    (left, right): (u32, u32),
) -> u32 {
    if *known == NO_PAIR || (*known as usize) < first_fresh {
        *known = pairs.len() as u32;
        pairs.push(Pair::new(left, right));
    }
    *known
}
