//! Merging inside one pre-token: of all pairs of neighbouring tokens, the one that comes first in
//! the list of merges is merged, the leftmost one where it occurs more than once, until no pair is
//! in the list.
//!
//! Four ways to the same result: [`merge_naive`] is the definition; [`merge_short`] keeps the rank
//! of each pair beside it and is quadratic with a small constant. A pre-token may be as long as the
//! file: [`left_to_right`] is linear, and [`heap`] is O(n log n) for vocabularies that the former
//! cannot deal with.

mod backtrack;
mod heap;
pub(crate) mod safe_cuts;
mod table;
mod trie;

use std::sync::OnceLock;

use crate::vocab::Vocab;
use backtrack::{LeftToRight, Memory};
use heap::Heap;
use table::{MergeTable, NO_RANK};

/// Pre-tokens of at most so many bytes are merged by [`merge_short`].
const SHORT: usize = 48;

/// The merges of a vocabulary.
#[derive(Debug, Clone)]
pub(crate) struct Merges {
    table: MergeTable,
    /// Made when the first long pre-token comes.
    left_to_right: OnceLock<Option<LeftToRight>>,
}

/// Memory that merging reuses from one pre-token to the next; for one vocabulary.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    tokens: Vec<u32>,
    ranks: Vec<u32>,
    heap: Heap,
    memory: Memory,
}

impl Scratch {
    /// Holds one token that needs no merging.
    pub(crate) fn one(&mut self, id: u32) -> &[u32] {
        self.tokens.clear();
        self.tokens.push(id);
        &self.tokens
    }
}

impl Merges {
    pub(crate) fn new(vocab: &Vocab) -> Merges {
        Merges { table: MergeTable::new(vocab), left_to_right: OnceLock::new() }
    }

    /// The ids of one pre-token by the merges of `vocab`; the result is in `scratch` until the next
    /// call.
    pub(crate) fn merge<'s>(
        &self,
        vocab: &Vocab,
        pre_token: &[u8],
        scratch: &'s mut Scratch,
    ) -> &'s [u32] {
        let Scratch { tokens, ranks, heap, memory } = scratch;
        if pre_token.len() > SHORT
            && let Some(left_to_right) = self.left_to_right(vocab)
        {
            left_to_right.merge(&self.table, pre_token, tokens, memory);
            return tokens;
        }
        tokens.clear();
        tokens.extend(pre_token.iter().map(|&byte| vocab.byte_ids()[byte as usize]));
        if pre_token.len() > SHORT {
            heap::merge(&self.table, tokens, heap);
        } else {
            merge_short(&self.table, tokens, ranks);
        }
        tokens
    }

    fn left_to_right(&self, vocab: &Vocab) -> Option<&LeftToRight> {
        self.left_to_right.get_or_init(|| LeftToRight::new(vocab, &self.table)).as_ref()
    }
}

/// Merges `tokens` in place. `ranks[i]` is the rank of the pair of tokens i and i + 1.
fn merge_short(table: &MergeTable, tokens: &mut Vec<u32>, ranks: &mut Vec<u32>) {
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
pub(crate) mod tests;
