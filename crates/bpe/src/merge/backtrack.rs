//! Merging from left to right, in time that grows with the text and not faster.
//!
//! Merging goes by the order of the list, all over the pre-token. But the result can be told from
//! its neighbours alone: a row of tokens is what its bytes merge to if and only if each two
//! neighbours, on their own, merge to just these two. For if some merge of the row crossed the
//! border of two tokens, the first one to do so would find on both sides what it finds when the two
//! are alone, since nothing crossed before. So the row is built from the left: the longest token
//! that fits behind the one before it; where none does, the last token was wrong, and a shorter one
//! takes its place. That no row leads on from a position is noted, so each position is given up at
//! most once.
//!
//! All this holds of tokens that their own bytes merge to. With merges in an order that training
//! could have learned, each from parts that were made before, no other token ever comes out of
//! merging; those are left out. For any other list of merges there is [`heap`](super::heap).

use super::table::{MergeTable, NO_RANK};
use super::trie::Trie;
use crate::memory::fibonacci_hash::spread;
use crate::vocab::Vocab;

/// Looking for the longest token takes as many steps as tokens are long, in the worst case for each
/// byte of the text: vocabularies with longer ones are not for this.
const MAX_TOKEN_LEN: usize = 1 << 12;

/// Answers that are remembered, a power of two.
const ANSWERS: usize = 1 << 13;

/// How a token is made.
#[derive(Debug, Clone, Copy)]
struct Token {
    /// The place of its merge in the list, counted from 1; 0 for a byte.
    rank: u32,
    left: u32,
    right: u32,
    /// Its bytes.
    len: u32,
    /// The longest token that its bytes begin with; [`NONE`] for a byte.
    shorter: u32,
}

const NONE: u32 = u32::MAX;

/// A vocabulary, prepared.
#[derive(Debug, Clone)]
pub(super) struct Backtracking {
    /// By id; those that never come out of merging have no bytes.
    tokens: Vec<Token>,
    trie: Trie,
}

/// Memory that merging reuses. It belongs to one vocabulary.
#[derive(Debug, Default)]
pub(super) struct BacktrackScratch {
    /// Beside each token of the row, the longest that begins where it does.
    longest: Vec<u32>,
    /// A bit each position: no row of tokens that ends there leads to the end of the text.
    given_up: Vec<u64>,
    /// For a token and the longest that could follow it, the one that did when this was asked last.
    /// Most pairs come again, and what led to an end once mostly does so again.
    answers: Vec<(u64, u32)>,
}

impl Backtracking {
    /// `None` for a vocabulary that it cannot be done with.
    pub(super) fn new(vocab: &Vocab, table: &MergeTable) -> Option<Backtracking> {
        let unknown = Token { rank: NONE, left: NONE, right: NONE, len: 0, shorter: NONE };
        let mut tokens = vec![unknown; vocab.len()];
        for &id in vocab.byte_ids() {
            tokens[id as usize] = Token { rank: 0, len: 1, ..unknown };
        }
        let mut made = Backtracking { tokens, trie: Trie::new([])? };
        for (rank, (&(left, right), &id)) in (1..).zip(vocab.merges().iter().zip(vocab.merged())) {
            let [left_rank, right_rank] = [left, right].map(|id| made.token(id).rank);
            if left_rank >= rank || right_rank >= rank || made.token(id).rank != NONE {
                return None;
            }
            let bytes = vocab.token(id)?.len();
            let is_made_of = [left, right].iter().all(|&part| made.token(part).len > 0);
            made.tokens[id as usize] = Token { rank, left, right, ..unknown };
            if is_made_of && made.no_other_merge(table, left, right) {
                if bytes > MAX_TOKEN_LEN || id == NONE {
                    return None;
                }
                made.tokens[id as usize].len = bytes as u32;
            }
        }
        let of_use: Vec<(&[u8], u32)> =
            vocab.tokens().zip(0..).filter(|&(_, id)| made.token(id).len > 0).collect();
        made.trie = Trie::new(of_use.iter().copied())?;
        for (token, id) in of_use {
            let shorter = made.trie.longest(&token[..token.len() - 1]);
            made.tokens[id as usize].shorter = shorter.unwrap_or(NONE);
        }
        Some(made)
    }

    #[inline]
    fn token(&self, id: u32) -> Token {
        self.tokens[id as usize]
    }

    /// Puts what `text` merges to into `row`.
    pub(super) fn merge(
        &self,
        table: &MergeTable,
        text: &[u8],
        row: &mut Vec<u32>,
        memory: &mut BacktrackScratch,
    ) {
        memory.answers.resize(ANSWERS, (u64::MAX, NONE));
        memory.longest.clear();
        memory.given_up.clear();
        memory.given_up.resize(text.len() / 64 + 1, 0);
        row.clear();
        let mut at = 0;
        let mut is_new = true;
        while at < text.len() {
            if is_new {
                memory.longest.extend(self.trie.longest(&text[at..]));
            }
            // There is a row for every text, so there is a longest token, and the first one is
            // never the last to go.
            let Some(&longest) = memory.longest.last() else { return };
            if let Some(next) = self.next(table, row.last().copied(), longest, at, memory) {
                row.push(next);
                at += self.token(next).len as usize;
                is_new = true;
            } else {
                memory.given_up[at / 64] |= 1 << (at % 64);
                memory.longest.pop();
                let Some(last) = row.pop() else { return };
                at -= self.token(last).len as usize;
                is_new = false;
            }
        }
        // One monstrous pre-token shall not hold its memory for ever.
        memory.given_up.clear();
        memory.given_up.shrink_to(1 << 10);
        memory.longest.clear();
        memory.longest.shrink_to(1 << 16);
    }

    /// A token at `at` that fits behind `last` and leads to no position that was given up. The
    /// first one that is tried is the longest, or if that was of no use in the same place before,
    /// the one that was; any order gives the same row, as there is but one.
    #[inline]
    fn next(
        &self,
        table: &MergeTable,
        last: Option<u32>,
        longest: u32,
        at: usize,
        memory: &mut BacktrackScratch,
    ) -> Option<u32> {
        let BacktrackScratch { given_up, answers, .. } = memory;
        let is_open = |token: u32| {
            let end = at + self.token(token).len as usize;
            given_up[end / 64] >> (end % 64) & 1 == 0
        };
        let Some(last) = last else {
            return self.and_shorter(longest).find(|&token| is_open(token));
        };
        let pair = u64::from(last) << 32 | u64::from(longest);
        let place = (spread(pair) >> 32) as usize % ANSWERS;
        if let (asked, token) = answers[place]
            && asked == pair
            && token != NONE
            && is_open(token)
        {
            return Some(token);
        }
        let fits = |&token: &u32| is_open(token) && self.fit(table, last, token);
        let next = self.and_shorter(longest).find(fits)?;
        answers[place] = (pair, next);
        Some(next)
    }

    /// A token and those that its bytes begin with, the longest first.
    fn and_shorter(&self, token: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(token), |&token| {
            Some(self.token(token).shorter).filter(|&shorter| shorter != NONE)
        })
    }

    /// Whether two tokens on their own stay what they are.
    fn fit(&self, table: &MergeTable, left: u32, right: u32) -> bool {
        table.rank(left, right) == NO_RANK && self.no_other_merge(table, left, right)
    }

    /// Whether no merge but that of `left` and `right` themselves crosses the border between them.
    /// Goes back in time from the two, undoing the later of the merges that made what lies at the
    /// border.
    fn no_other_merge(&self, table: &MergeTable, mut left: u32, mut right: u32) -> bool {
        let [mut undone_left, mut undone_right] = [u32::MAX; 2];
        loop {
            let [left_rank, right_rank] = [left, right].map(|id| self.token(id).rank);
            // Of merges of the same rank the leftmost is first, so the right one was made last.
            if left_rank > right_rank {
                undone_left = left_rank;
                left = self.token(left).right;
            } else if right_rank > 0 {
                undone_right = right_rank;
                right = self.token(right).left;
            } else {
                return true;
            }
            // For the same reason this pair comes too late if the left part is merged at its own
            // rank.
            let rank = table.rank(left, right).saturating_add(1);
            if rank < undone_left && rank <= undone_right && rank < NO_RANK {
                return false;
            }
        }
    }
}
