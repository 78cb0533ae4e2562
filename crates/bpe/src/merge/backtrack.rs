//! Merging a long pre-token from left to right, in linear time.
//!
//! This is the backtracking encoder of the crate `bpe` in GitHub's rust-gems (A. Neubeck and
//! H. van Antwerpen, *So many tokens, so little time*, 2024), whose terms are used here.
//!
//! By definition merging goes by the order of the list, all over the pre-token. But its result can
//! be recognised from adjacent tokens alone: a sequence of tokens is the encoding of its bytes if
//! and only if each two adjacent tokens, by themselves, are the encoding of theirs (a *valid token
//! pair*). For suppose that some merge crosses the border of two tokens, and take the first such
//! merge. Before it, the bytes of each token have merged as if they were alone. So the same merge
//! crosses the border when these two tokens are encoded by themselves, and they are not a valid
//! pair. As a text has only one encoding, any sequence of valid pairs that covers the text is that
//! one:
//!
//! - Take the longest token that the rest of the text begins with, its *next match*.
//! - If it does not form a valid pair with the token before it, try its *next prefix*, the longest
//!   token that its own bytes begin with, and so on.
//! - If none does, the token before was wrong. Its end is a *dead end*, noted in a bitfield so that
//!   no other way leads there again; the token is removed and its next prefix takes its place.
//!
//! Each position becomes a dead end at most once, so the steps are linear in the text.
//!
//! Two things differ from rust-gems. The next match comes from a trie in a hash table ([`Trie`])
//! instead of an Aho-Corasick automaton. And a memo remembers, for a token and the next match
//! behind it, which prefix of the match was valid: most such pairs recur, and then neither the
//! prefixes nor the pairs need to be tried again.
//!
//! All this holds for tokens that are the encoding of their own bytes. With merges in an order that
//! training could have learned (each joins parts that earlier merges make), merging never produces
//! any other token, so others are left out. For any other list of merges there is
//! [`heap`](super::heap).

use super::table::{MergeTable, NO_RANK};
use super::trie::Trie;
use crate::memory::fibonacci_hash::fibonacci_hash;
use crate::vocab::Vocab;

/// The longest token that is supported. Finding a next match takes as many steps as tokens are
/// long, in the worst case for each byte of the text.
const MAX_TOKEN_LEN: usize = 1 << 12;

/// Entries of the memo, a power of two.
const MEMO_LEN: usize = 1 << 13;

/// A token and the way it is made.
#[derive(Debug, Clone, Copy)]
struct Token {
    /// The position of its merge in the list, counted from 1; 0 for a byte.
    rank: u32,
    left: u32,
    right: u32,
    /// Its length in bytes; 0 if merging never produces it.
    len: u32,
    /// The longest shorter token that its bytes begin with; [`NONE`] for a byte.
    next_prefix: u32,
}

const NONE: u32 = u32::MAX;

/// A vocabulary, prepared for backtracking.
#[derive(Debug, Clone)]
pub(super) struct Backtracking {
    /// By id.
    tokens: Vec<Token>,
    trie: Trie,
}

/// Memory that is used again. It belongs to one vocabulary.
#[derive(Debug, Default)]
pub(super) struct BacktrackScratch {
    /// For each token of the result, the next match at its start.
    next_matches: Vec<u32>,
    /// One bit per position: no sequence of valid pairs leads on from there.
    dead_ends: Vec<u64>,
    /// For a token and the next match behind it, the token that was taken last time. What led to
    /// the end once mostly does so again.
    memo: Vec<(u64, u32)>,
}

impl Backtracking {
    /// Prepares `vocab`. Returns `None` if backtracking does not work with its merges.
    pub(super) fn new(vocab: &Vocab, table: &MergeTable) -> Option<Backtracking> {
        let unknown = Token { rank: NONE, left: NONE, right: NONE, len: 0, next_prefix: NONE };
        let mut tokens = vec![unknown; vocab.len()];
        for &id in vocab.byte_ids() {
            tokens[id as usize] = Token { rank: 0, len: 1, ..unknown };
        }
        let mut made = Backtracking { tokens, trie: Trie::new([])? };
        for (rank, (&(left, right), &id)) in (1..).zip(vocab.merges().iter().zip(vocab.merged())) {
            let parts = [left, right].map(|part| made.token(part));
            // A merge of parts that are made later, or a second one that makes the same token.
            if parts.iter().any(|part| part.rank >= rank) || made.token(id).rank != NONE {
                return None;
            }
            made.tokens[id as usize] = Token { rank, left, right, ..unknown };
            if parts.iter().all(|part| part.len > 0) && made.no_merge_crosses(table, left, right) {
                let len = vocab.token(id)?.len();
                if len > MAX_TOKEN_LEN || id == NONE {
                    return None;
                }
                made.tokens[id as usize].len = len as u32;
            }
        }
        let producible: Vec<(&[u8], u32)> =
            vocab.tokens().zip(0..).filter(|&(_, id)| made.token(id).len > 0).collect();
        made.trie = Trie::new(producible.iter().copied())?;
        for (token, id) in producible {
            let prefix = made.trie.longest(&token[..token.len() - 1]);
            made.tokens[id as usize].next_prefix = prefix.unwrap_or(NONE);
        }
        Some(made)
    }

    #[inline]
    fn token(&self, id: u32) -> Token {
        self.tokens[id as usize]
    }

    /// Puts the encoding of `text` into `encoding`.
    pub(super) fn merge(
        &self,
        table: &MergeTable,
        text: &[u8],
        encoding: &mut Vec<u32>,
        scratch: &mut BacktrackScratch,
    ) {
        scratch.memo.resize(MEMO_LEN, (u64::MAX, NONE));
        scratch.next_matches.clear();
        scratch.dead_ends.clear();
        scratch.dead_ends.resize(text.len() / 64 + 1, 0);
        encoding.clear();
        let mut at = 0;
        // Whether `at` was reached by a step forward, so that its next match is not known yet.
        let mut is_new = true;
        while at < text.len() {
            if is_new {
                scratch.next_matches.extend(self.trie.longest(&text[at..]));
            }
            // Every text has an encoding, so neither list ever runs out before the end.
            let Some(&next_match) = scratch.next_matches.last() else { return };
            let last = encoding.last().copied();
            if let Some(next) = self.next_token(table, last, next_match, at, scratch) {
                encoding.push(next);
                at += self.token(next).len as usize;
                is_new = true;
            } else {
                scratch.dead_ends[at / 64] |= 1 << (at % 64);
                scratch.next_matches.pop();
                let Some(last) = encoding.pop() else { return };
                at -= self.token(last).len as usize;
                is_new = false;
            }
        }
        // One huge pre-token shall not hold its memory for ever.
        scratch.dead_ends.clear();
        scratch.dead_ends.shrink_to(1 << 10);
        scratch.next_matches.clear();
        scratch.next_matches.shrink_to(1 << 16);
    }

    /// Returns a token at `at` that forms a valid pair with `last` and does not lead to a dead end.
    ///
    /// Tries the memo first, then the next match and its prefixes. The order does not matter for
    /// the result, as there is only one encoding.
    #[inline]
    fn next_token(
        &self,
        table: &MergeTable,
        last: Option<u32>,
        next_match: u32,
        at: usize,
        scratch: &mut BacktrackScratch,
    ) -> Option<u32> {
        let BacktrackScratch { dead_ends, memo, .. } = scratch;
        let leads_on = |token: u32| {
            let end = at + self.token(token).len as usize;
            dead_ends[end / 64] >> (end % 64) & 1 == 0
        };
        let Some(last) = last else {
            return self.with_prefixes(next_match).find(|&token| leads_on(token));
        };
        let question = u64::from(last) << 32 | u64::from(next_match);
        let place = (fibonacci_hash(question) >> 32) as usize % MEMO_LEN;
        if let (asked, token) = memo[place]
            && asked == question
            && token != NONE
            && leads_on(token)
        {
            return Some(token);
        }
        let fits = |&token: &u32| leads_on(token) && self.is_valid_token_pair(table, last, token);
        let next = self.with_prefixes(next_match).find(fits)?;
        memo[place] = (question, next);
        Some(next)
    }

    /// Iterates over a token and those that its bytes begin with, the longest first.
    fn with_prefixes(&self, token: u32) -> impl Iterator<Item = u32> {
        std::iter::successors(Some(token), |&token| {
            Some(self.token(token).next_prefix).filter(|&prefix| prefix != NONE)
        })
    }

    /// Returns `true` if two tokens, by themselves, are the encoding of their bytes.
    fn is_valid_token_pair(&self, table: &MergeTable, left: u32, right: u32) -> bool {
        table.rank(left, right) == NO_RANK && self.no_merge_crosses(table, left, right)
    }

    /// Returns `true` if no merge crosses the border of `left` and `right` before both are made.
    ///
    /// Goes back in time from the two: undoes, one by one, the later of the merges that made the
    /// tokens at the border, and asks each time whether the two tokens there would have merged
    /// before the one that was undone.
    fn no_merge_crosses(&self, table: &MergeTable, mut left: u32, mut right: u32) -> bool {
        let [mut undone_left, mut undone_right] = [u32::MAX; 2];
        loop {
            let [left_rank, right_rank] = [left, right].map(|id| self.token(id).rank);
            // Of merges of equal rank the leftmost is first, so the right one was made last.
            if left_rank > right_rank {
                undone_left = left_rank;
                left = self.token(left).right;
            } else if right_rank > 0 {
                undone_right = right_rank;
                right = self.token(right).left;
            } else {
                return true;
            }
            // For the same reason this pair is too late if the left part merges at equal rank, and
            // early enough if the right part does.
            let rank = table.rank(left, right).saturating_add(1);
            if rank < undone_left && rank <= undone_right && rank < NO_RANK {
                return false;
            }
        }
    }
}
