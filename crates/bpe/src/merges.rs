//! Merging inside one pre-token: of all pairs of neighbouring tokens, the one that comes first in the list of merges is
//! merged, the leftmost one where it occurs more than once, until no pair is in the list.
//!
//! Three ways to the same result: [`merge_naive`] is the definition; [`merge_short`] keeps the rank of each pair beside
//! it and is quadratic with a small constant; [`merge_long`] keeps the pairs in a heap, O(n log n), because a pre-token
//! may be as long as the file.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::vocab::Vocab;

/// The rank of a pair that is not in the list of merges.
const NO_RANK: u32 = u32::MAX;

/// Pre-tokens of more bytes than this are merged by [`merge_long`].
const SHORT: usize = 48;

/// The list of merges as a hash table: pair → rank and the id that the pair becomes.
#[derive(Debug, Clone)]
pub(crate) struct MergeTable {
    /// Open addressing, at most half full.
    slots: Vec<Slot>,
    /// The number of slots is 2^(64 − shift).
    shift: u32,
}

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
    pub(crate) fn new(vocab: &Vocab) -> MergeTable {
        let count = (2 * vocab.merges().len()).next_power_of_two().max(2);
        let empty = Slot { pair: 0, rank: NO_RANK, id: 0 };
        let mut table =
            MergeTable { slots: vec![empty; count], shift: 64 - count.trailing_zeros() };
        for (rank, (&(left, right), &id)) in (0..).zip(vocab.merges().iter().zip(vocab.merged())) {
            let pair = pair_key(left, right);
            let mut at = table.home(pair);
            while table.slots[at].rank != NO_RANK {
                at = (at + 1) & (count - 1);
            }
            table.slots[at] = Slot { pair, rank, id };
        }
        table
    }

    /// Where a pair is looked for first: the high bits of a product with an odd number.
    fn home(&self, pair: u64) -> usize {
        ((pair ^ pair >> 29).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }

    /// The rank of a pair, [`NO_RANK`] if it is not merged, and what it becomes.
    #[inline]
    fn get(&self, left: u32, right: u32) -> (u32, u32) {
        let pair = pair_key(left, right);
        let mut at = self.home(pair);
        loop {
            let slot = self.slots[at];
            if slot.pair == pair || slot.rank == NO_RANK {
                return (slot.rank, slot.id);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    fn rank(&self, left: u32, right: u32) -> u32 {
        self.get(left, right).0
    }
}

/// Memory that merging reuses from one pre-token to the next.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    tokens: Vec<u32>,
    ranks: Vec<u32>,
    nodes: Vec<Node>,
    heap: BinaryHeap<Reverse<(u32, usize)>>,
}

impl Scratch {
    /// Holds one token that needs no merging.
    pub(crate) fn one(&mut self, id: u32) -> &[u32] {
        self.tokens.clear();
        self.tokens.push(id);
        &self.tokens
    }
}

/// The ids of one pre-token; the result is in `scratch` until the next call.
pub(crate) fn merge<'s>(
    table: &MergeTable,
    byte_ids: &[u32; 256],
    pre_token: &[u8],
    scratch: &'s mut Scratch,
) -> &'s [u32] {
    scratch.tokens.clear();
    scratch.tokens.extend(pre_token.iter().map(|&byte| byte_ids[byte as usize]));
    if pre_token.len() <= SHORT {
        merge_short(table, scratch);
    } else {
        merge_long(table, scratch);
        // One monstrous pre-token shall not hold its memory for ever.
        scratch.nodes.shrink_to(1 << 16);
        scratch.heap.shrink_to(1 << 16);
    }
    &scratch.tokens
}

/// Merges `scratch.tokens` in place. `ranks[i]` is the rank of the pair of tokens i and i + 1.
fn merge_short(table: &MergeTable, scratch: &mut Scratch) {
    let Scratch { tokens, ranks, .. } = scratch;
    ranks.clear();
    ranks.extend(tokens.windows(2).map(|pair| table.rank(pair[0], pair[1])));
    while let Some((at, &rank)) = ranks.iter().enumerate().min_by_key(|&(_, rank)| rank)
        && rank != NO_RANK
    {
        tokens[at] = table.get(tokens[at], tokens[at + 1]).1;
        tokens.remove(at + 1);
        ranks.remove(at);
        if at > 0 {
            ranks[at - 1] = table.rank(tokens[at - 1], tokens[at]);
        }
        if at < ranks.len() {
            ranks[at] = table.rank(tokens[at], tokens[at + 1]);
        }
    }
}

/// A token of a doubly linked list; its place in the list is where its bytes begin.
#[derive(Debug, Clone, Copy)]
struct Node {
    id: u32,
    /// Bytes; 0 once it was merged into the token before it.
    len: usize,
    /// Length of the token before it, 0 at the beginning.
    len_before: usize,
}

/// Merges `scratch.tokens`, one a byte at first. The heap holds pairs with their ranks; what has changed since a pair
/// was put there is noticed when it comes up, because its rank is no longer that of the tokens in its place.
fn merge_long(table: &MergeTable, scratch: &mut Scratch) {
    let Scratch { tokens, nodes, heap, .. } = scratch;
    nodes.clear();
    nodes.extend(tokens.iter().enumerate().map(|(at, &id)| Node {
        id,
        len: 1,
        len_before: at.min(1),
    }));
    let first = tokens.windows(2).enumerate().map(|(at, pair)| (table.rank(pair[0], pair[1]), at));
    let mut entries = std::mem::take(heap).into_vec();
    entries.clear();
    entries.extend(first.filter(|&(rank, _)| rank != NO_RANK).map(Reverse));
    *heap = BinaryHeap::from(entries);

    while let Some(Reverse((rank, at))) = heap.pop() {
        let (node, right) = (nodes[at], at + nodes[at].len);
        if node.len == 0 || right >= nodes.len() {
            continue;
        }
        let (rank_now, id) = table.get(node.id, nodes[right].id);
        if rank_now != rank {
            continue;
        }
        let len = node.len + nodes[right].len;
        nodes[right].len = 0;
        nodes[at] = Node { id, len, len_before: node.len_before };
        if let Some(next) = nodes.get_mut(at + len) {
            next.len_before = len;
            let rank = table.rank(id, next.id);
            if rank != NO_RANK {
                heap.push(Reverse((rank, at)));
            }
        }
        if node.len_before > 0 {
            let before = at - node.len_before;
            let rank = table.rank(nodes[before].id, id);
            if rank != NO_RANK {
                heap.push(Reverse((rank, before)));
            }
        }
    }
    tokens.clear();
    tokens.extend(nodes.iter().filter(|node| node.len > 0).map(|node| node.id));
}

/// The definition, word for word: the oracle of the tests.
pub fn merge_naive(vocab: &Vocab, pre_token: &[u8]) -> Vec<u32> {
    let mut tokens: Vec<u32> =
        pre_token.iter().map(|&byte| vocab.byte_ids()[byte as usize]).collect();
    loop {
        let first = vocab.merges().iter().zip(vocab.merged()).find_map(|(&(left, right), &id)| {
            Some((tokens.windows(2).position(|pair| pair == [left, right])?, id))
        });
        let Some((at, id)) = first else { return tokens };
        tokens[at] = id;
        tokens.remove(at + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Vocabularies of random merges, over few letters so that much merges.
    fn vocab() -> impl Strategy<Value = Vocab> {
        prop::collection::vec((any::<u16>(), any::<u16>()), 0..40).prop_map(|choices| {
            let mut merges: Vec<(u32, u32)> = Vec::new();
            for (left, right) in choices {
                let known = |choice: u16| match choice as usize % (merges.len() + 3) {
                    letter @ 0..3 => 97 + letter as u32,
                    merged => 256 + merged as u32 - 3,
                };
                let pair = (known(left), known(right));
                let mut longer = merges.clone();
                longer.push(pair);
                if Vocab::from_merges(longer, &[]).is_ok() {
                    merges.push(pair);
                }
            }
            Vocab::from_merges(merges, &[]).unwrap()
        })
    }

    proptest! {
        #[test]
        fn all_ways_lead_to_the_same_ids(vocab in vocab(), text in "[abc]{1,120}") {
            let table = MergeTable::new(&vocab);
            let expected = merge_naive(&vocab, text.as_bytes());
            let bytes = || text.bytes().map(u32::from).collect::<Vec<u32>>();
            let mut scratch = Scratch { tokens: bytes(), ..Scratch::default() };
            merge_short(&table, &mut scratch);
            prop_assert_eq!(&scratch.tokens, &expected);
            for _ in 0..2 {
                scratch.tokens = bytes();
                merge_long(&table, &mut scratch);
                prop_assert_eq!(&scratch.tokens, &expected);
            }
            prop_assert_eq!(merge(&table, vocab.byte_ids(), text.as_bytes(), &mut scratch), &expected[..]);
        }
    }

    /// Merges need not be in an order that training could have learned.
    #[test]
    fn a_merge_may_come_before_what_makes_its_parts() {
        let mut tokens: Vec<Vec<u8>> = (0u8..=255).map(|byte| vec![byte]).collect();
        tokens.extend([b"ab".to_vec(), b"abc".to_vec()]);
        let vocab = Vocab::new(tokens, vec![(256, 99), (97, 98)], vec![]).unwrap();
        let table = MergeTable::new(&vocab);
        let text = b"abcabxabc".repeat(10);
        let expected = merge_naive(&vocab, &text);
        assert_eq!(merge(&table, vocab.byte_ids(), &text, &mut Scratch::default()), expected);
        assert_eq!(
            merge(&table, vocab.byte_ids(), &text[..9], &mut Scratch::default()),
            &expected[..4]
        );
    }
}
