//! Putting a vocabulary together from spellings.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use foldhash::fast::RandomState;

use super::byte_unicode::unspell_into;
use super::spelling::{Ids, Spelling};
use crate::error::{Error, Result, show};
use crate::memory::byte_strings::ByteStrings;
use crate::vocab::Vocab;

/// The files that tokens and merges are read from, for errors. They may be the same.
#[derive(Clone, Copy)]
pub(super) struct Sources<'p> {
    pub(super) tokens: &'p Path,
    pub(super) merges: &'p Path,
}

/// The special tokens of a vocabulary, which are spelled as they are.
pub(super) enum Specials {
    /// These.
    Listed(Vec<(String, u32)>),
    /// These, and each token that is neither a byte nor the result of a merge, in the order of ids.
    Guessed(Vec<(String, u32)>),
}

/// Puts a vocabulary together from spellings, merges and special tokens.
pub(super) fn assemble(
    ids: &Ids,
    merges: &[(&str, &str)],
    specials: Specials,
    sources: Sources,
) -> Result<Vocab> {
    // Both look up every merge, in a table that is larger than most caches.
    let (pairs, tokens) = rayon::join(
        || pairs(ids, merges, sources),
        || tokens(ids, merges, specials, sources.tokens),
    );
    let (pairs, (tokens, specials)) = (pairs?, tokens?);
    Vocab::new(tokens.iter(), pairs, specials)
        .map_err(|error| error.in_files(sources.tokens, sources.merges))
}

/// Returns the ids of the two tokens of each merge.
fn pairs(ids: &Ids, merges: &[(&str, &str)], sources: Sources) -> Result<Vec<(u32, u32)>> {
    let id_of = |rank: usize, token: &str| {
        ids.get(token).copied().ok_or_else(|| {
            let found = format!("merge {rank} with the token {}", show(token.as_bytes()));
            let expected = format!("tokens that are in {}", sources.tokens.display());
            Error::file(sources.merges, found, expected, "do the two belong together?")
        })
    };
    let ranked = merges.iter().enumerate();
    ranked.map(|(rank, (left, right))| Ok((id_of(rank, left)?, id_of(rank, right)?))).collect()
}

/// Returns the bytes of all tokens, and the special ones among them.
fn tokens(
    ids: &Ids,
    merges: &[(&str, &str)],
    specials: Specials,
    path: &Path,
) -> Result<(ByteStrings, Vec<(String, u32)>)> {
    let (specials, guesses) = match specials {
        Specials::Listed(specials) => (specials, false),
        Specials::Guessed(specials) => (specials, true),
    };
    let made: Option<HashSet<u32, RandomState>> = guesses.then(|| {
        let made = merges.iter().map(|&(left, right)| [left, right].concat());
        made.filter_map(|token| ids.get(token.as_str()).copied()).collect()
    });
    let texts: HashMap<u32, &str, RandomState> =
        specials.iter().map(|(text, id)| (*id, text.as_str())).collect();
    let (mut tokens, mut bytes) = (ByteStrings::default(), Vec::new());
    let mut found = Vec::new();
    for (id, spelling) in (0..).zip(by_id(ids, path)?) {
        let is_spelled = unspell_into(spelling, &mut bytes);
        let is_byte = is_spelled && bytes.len() == 1;
        let is_special = made.as_ref().is_some_and(|made| !made.contains(&id) && !is_byte);
        if let Some(text) = texts.get(&id) {
            tokens.push(text.as_bytes());
        } else if is_special {
            tokens.push(spelling.as_bytes());
            found.push((spelling.to_string(), id));
        } else if is_spelled {
            tokens.push(&bytes);
        } else {
            let found = format!("the token {spelling:?}");
            let expected = "tokens in GPT-2's spelling of bytes";
            return Err(Error::file(path, found, expected, "only byte-level BPE can be read"));
        }
    }
    found.extend(specials);
    if guesses {
        found.sort_by_key(|&(_, id)| id);
    }
    Ok((tokens, found))
}

/// Returns the spellings in the order of their ids, each of which must occur once.
fn by_id<'t>(ids: &'t Ids, path: &Path) -> Result<impl Iterator<Item = &'t str>> {
    let count = ids.len();
    let mut spellings = vec![None; count];
    // The table has no order. Of several wrong ids the lowest is reported.
    let mut wrong: Option<u32> = None;
    for (Spelling(spelling), &id) in ids {
        match spellings.get_mut(id as usize) {
            Some(slot @ None) => *slot = Some(&**spelling),
            _ => wrong = Some(wrong.map_or(id, |lowest| lowest.min(id))),
        }
    }
    let Some(id) = wrong else { return Ok(spellings.into_iter().flatten()) };
    let found = match (id as usize) < count {
        true => format!("the id {id} twice"),
        false => format!("the id {id} among {count} tokens"),
    };
    let expected = format!("every id below {count} once");
    Err(Error::file(path, found, expected, "ids must have no holes"))
}
