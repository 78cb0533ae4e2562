//! A vocabulary with all that is needed to encode single pre-tokens by it.

use std::collections::HashMap;
use std::sync::OnceLock;

use foldhash::fast::RandomState;

use super::backtrack::{BacktrackScratch, Backtracking};
use super::heap::{self, Heap};
use super::safe_cuts::SafeCuts;
use super::short;
use super::table::MergeTable;
use crate::vocab::Vocab;

/// The longest pre-token, in bytes, that [`short`] merges.
const SHORT: usize = 48;

/// A byte-level BPE model: encodes pre-tokens, and knows nothing of patterns and special tokens.
/// Threads share it.
#[derive(Debug, Clone)]
pub(crate) struct Model {
    pub(crate) vocab: Vocab,
    table: MergeTable,
    /// Made when the first long pre-token comes; `None` for a vocabulary that it cannot handle.
    backtracking: OnceLock<Option<Backtracking>>,
    /// With `ignore_merges`: the tokens that a pre-token of exactly these bytes becomes.
    pub(crate) whole: Option<HashMap<Vec<u8>, u32, RandomState>>,
    /// Places where pre-tokens may be cut; `None` with `ignore_merges`.
    pub(crate) safe_cuts: Option<SafeCuts>,
}

/// Memory that merging reuses from one pre-token to the next. It belongs to one model.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    tokens: Vec<u32>,
    ranks: Vec<u32>,
    heap: Heap,
    backtrack: BacktrackScratch,
}

impl Model {
    /// Prepares `vocab`, with merging in every pre-token.
    pub(crate) fn new(vocab: Vocab) -> Model {
        let (table, safe_cuts) = rayon::join(|| MergeTable::new(&vocab), || SafeCuts::new(&vocab));
        let backtracking = OnceLock::new();
        Model { vocab, table, backtracking, whole: None, safe_cuts: Some(safe_cuts) }
    }

    /// Encodes a pre-token that is a token of the vocabulary as that token, whatever merging would
    /// make of it.
    pub(crate) fn ignore_merges(self) -> Model {
        let mut whole: HashMap<_, _, _> =
            (0..).zip(self.vocab.tokens()).map(|(id, token)| (token.to_vec(), id)).collect();
        for (special, _) in self.vocab.specials() {
            whole.remove(special.as_bytes());
        }
        Model { whole: Some(whole), safe_cuts: None, ..self }
    }

    /// Encodes one pre-token. The ids are in `scratch` until the next call.
    pub(crate) fn encode_pre_token<'s>(
        &self,
        pre_token: &[u8],
        scratch: &'s mut Scratch,
    ) -> &'s [u32] {
        let Scratch { tokens, ranks, heap, backtrack } = scratch;
        tokens.clear();
        if let Some(&id) = self.whole.as_ref().and_then(|whole| whole.get(pre_token)) {
            tokens.push(id);
            return tokens;
        }
        let is_long = pre_token.len() > SHORT;
        if is_long && let Some(backtracking) = self.backtracking() {
            backtracking.merge(&self.table, pre_token, tokens, backtrack);
            return tokens;
        }
        tokens.extend(pre_token.iter().map(|&byte| self.vocab.byte_ids()[byte as usize]));
        if is_long {
            heap::merge(&self.table, tokens, heap);
        } else {
            short::merge(&self.table, tokens, ranks);
        }
        tokens
    }

    pub(super) fn backtracking(&self) -> Option<&Backtracking> {
        self.backtracking.get_or_init(|| Backtracking::new(&self.vocab, &self.table)).as_ref()
    }
}
