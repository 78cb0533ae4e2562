//! The tokens that merges make.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::error::{Error, Result, show};
use crate::memory::byte_strings::ByteStrings;

/// Returns the id that each merge makes: that of the token with the bytes of both its elements.
///
/// # Errors
/// [`Error::Vocab`] when a merge names no token, makes none, or comes twice.
pub(super) fn merged(
    tokens: &ByteStrings,
    ids: &HashMap<&[u8], u32, RandomState>,
    merges: &[(u32, u32)],
) -> Result<Vec<u32>> {
    let mut ranks = HashMap::with_capacity_and_hasher(merges.len(), RandomState::default());
    let mut merged = Vec::with_capacity(merges.len());
    let mut joined = Vec::new();
    for (rank, &pair) in (0u32..).zip(merges) {
        joined.clear();
        for id in [pair.0, pair.1] {
            let token = tokens.get(id as usize);
            let token = token.ok_or_else(|| unknown_token(id, pair, tokens.len()))?;
            joined.extend_from_slice(token);
        }
        // Most vocabularies hold the results of their merges in the order of the merges, so the
        // next token is tried before the table.
        let next = merged.last().map_or(0, |&id: &u32| id + 1);
        let id = if tokens.get(next as usize) == Some(&joined) {
            next
        } else {
            *ids.get(joined.as_slice()).ok_or_else(|| {
                Error::merges(
                    format!("merge {rank} that makes {}", show(&joined)),
                    "merges whose result is a token of the vocabulary",
                )
            })?
        };
        if let Some(before) = ranks.insert(pair, rank) {
            let makes = show(&joined);
            return Err(Error::merges(
                format!("the pair that makes {makes} twice, as merges {before} and {rank}"),
                "each pair merged once",
            ));
        }
        merged.push(id);
    }
    Ok(merged)
}

/// Returns the error for a merge of `pair` whose element `id` is not one of `count` tokens.
pub(super) fn unknown_token(id: u32, pair: (u32, u32), count: usize) -> Error {
    Error::merges(
        format!("a merge of {} and {}, but no token {id}", pair.0, pair.1),
        format!("merges of known tokens (there are {count})"),
    )
}
