//! Merging inside one pre-token: byte-pair encoding proper.
//!
//! Of all pairs of adjacent tokens, the one that stands first in the list of merges is merged, the
//! leftmost one where it occurs more than once, until no pair is in the list. This is the
//! tokenization of R. Sennrich, B. Haddow and A. Birch, *Neural Machine Translation of Rare Words
//! with Subword Units* (2016, arXiv:1508.07909), on bytes as in GPT-2 (A. Radford et al., *Language
//! Models are Unsupervised Multitask Learners*, 2019).
//!
//! Four algorithms give the same tokens; [`model`] chooses:
//!
//! | file | time for n bytes | used for |
//! |---|---|---|
//! | [`naive`] | O(merges · n²) | the definition, and the oracle of the tests |
//! | [`short`] | O(n²), with a small constant | pre-tokens of up to 48 bytes: nearly all |
//! | [`backtrack`] | O(n) | longer ones: a pre-token may be as long as the file |
//! | [`heap`] | O(n log n) | longer ones, with merges in an order that no training learns |
//!
//! [`table`] is the list of merges as a hash table, [`trie`] finds tokens for `backtrack`, and
//! [`safe_cuts`] knows places that no merge can cross.

mod backtrack;
mod heap;
pub(crate) mod model;
pub(crate) mod naive;
pub(crate) mod safe_cuts;
mod short;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod trie;
