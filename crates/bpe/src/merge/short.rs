//! Merging a short pre-token: the rank of each pair is kept beside it, and each step takes the
//! lowest. Quadratic in the length, and for a few dozen bytes faster than anything cleverer, as
//! everything stays within a few cache lines.

use super::table::{MergeTable, NO_RANK};

/// Merges `tokens`, one per byte at first, in place. `ranks` is scratch memory: `ranks[i]` is the
/// rank of the pair of tokens i and i + 1.
pub(super) fn merge(table: &MergeTable, tokens: &mut Vec<u32>, ranks: &mut Vec<u32>) {
    ranks.clear();
    ranks.extend(tokens.windows(2).map(|pair| table.rank(pair[0], pair[1])));
    // Of equal ranks `min_by_key` returns the first, which is the leftmost pair.
    while let Some((at, &rank)) = ranks.iter().enumerate().min_by_key(|&(_, rank)| rank)
        && rank != NO_RANK
    {
        tokens[at] = table.get(tokens[at], tokens[at + 1]).1;
        tokens.remove(at + 1);
        ranks.remove(at);
        // Only the pairs on either side of the new token have changed.
        if at > 0 {
            ranks[at - 1] = table.rank(tokens[at - 1], tokens[at]);
        }
        if at < ranks.len() {
            ranks[at] = table.rank(tokens[at], tokens[at + 1]);
        }
    }
}
