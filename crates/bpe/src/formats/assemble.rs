//! A vocabulary from what the files say.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use foldhash::fast::RandomState;

use super::byte_unicode::unspell_into;
use super::spelling::{Spelling, Spellings};
use crate::error::{Error, Result, show};
use crate::vocab::Vocab;

/// Puts a vocabulary together from spellings, merges and special tokens. Special tokens are spelled
/// as they are; without a list of them, each token that is neither a byte nor the result of a merge
/// is one.
pub(super) fn assemble(
    Spellings(ids): &Spellings,
    merges: &[(&str, &str)],
    specials: Option<Vec<(String, u32)>>,
    vocab_path: &Path,
    merges_path: &Path,
) -> Result<Vocab> {
    // Both look up every merge, in a table that is larger than most caches.
    let (pairs, tokens) = rayon::join(
        || pairs(ids, merges, vocab_path, merges_path),
        || Tokens::new(ids, merges, specials, vocab_path),
    );
    let (pairs, Tokens { bytes, places, specials }) = (pairs?, tokens?);
    let tokens: Vec<&[u8]> =
        places.into_iter().map(|place| &bytes[place.unwrap_or_default()]).collect();
    Vocab::new(&tokens, pairs, specials).map_err(|error| error.in_files(vocab_path, merges_path))
}

type Ids<'t> = HashMap<Spelling<'t>, u32, RandomState>;

/// The merges by ids.
fn pairs(
    ids: &Ids,
    merges: &[(&str, &str)],
    vocab_path: &Path,
    merges_path: &Path,
) -> Result<Vec<(u32, u32)>> {
    let id_of = |token: &str, rank: usize| {
        ids.get(token).copied().ok_or_else(|| {
            Error::file(
                merges_path,
                format!("merge {rank} with the token {}", show(token.as_bytes())),
                format!("tokens that are in {}", vocab_path.display()),
                "do the two belong together?",
            )
        })
    };
    let ranked = merges.iter().enumerate();
    ranked.map(|(rank, (left, right))| Ok((id_of(left, rank)?, id_of(right, rank)?))).collect()
}

/// The bytes of all tokens, and which are special.
struct Tokens {
    bytes: Vec<u8>,
    /// Where in `bytes` each token is, by id; all are there in the end.
    places: Vec<Option<Range<usize>>>,
    specials: Vec<(String, u32)>,
}

impl Tokens {
    fn new(
        ids: &Ids,
        merges: &[(&str, &str)],
        specials: Option<Vec<(String, u32)>>,
        path: &Path,
    ) -> Result<Tokens> {
        let made = specials.is_none().then(|| made(ids, merges));
        let texts: HashMap<u32, &str, RandomState> =
            specials.iter().flatten().map(|(text, id)| (*id, text.as_str())).collect();
        let count = ids.len();
        let (mut bytes, mut places) = (Vec::new(), vec![None; count]);
        let mut found: Vec<(String, u32)> = Vec::new();
        // The table has no order: of several faults the one with the lowest id is told.
        let mut fault: Option<(u32, Error)> = None;
        let mut refuse = |id: u32, found: String, expected: String, hint: &str| {
            if fault.as_ref().is_none_or(|&(first, _)| id < first) {
                fault = Some((id, Error::file(path, found, expected, hint)));
            }
        };
        for (Spelling(spelling), &id) in ids {
            let Some(place) = places.get_mut(id as usize) else {
                refuse(
                    id,
                    format!("the id {id} among {count} tokens"),
                    format!("every id below {count} once"),
                    "ids must have no holes",
                );
                continue;
            };
            if place.is_some() {
                let expected = "one token for each id".into();
                refuse(id, format!("the id {id} twice"), expected, "is this a vocabulary?");
                continue;
            }
            let start = bytes.len();
            let is_spelled = unspell_into(spelling, &mut bytes);
            let is_byte = is_spelled && bytes.len() == start + 1;
            let is_special = match &made {
                Some(made) => !made[id as usize] && !is_byte,
                None => texts.contains_key(&id),
            };
            if is_special {
                bytes.truncate(start);
                bytes.extend_from_slice(texts.get(&id).copied().unwrap_or(spelling).as_bytes());
                if specials.is_none() {
                    found.push((spelling.to_string(), id));
                }
            } else if !is_spelled {
                let expected = "tokens in GPT-2's spelling of bytes".into();
                let hint = "only byte-level BPE can be read";
                refuse(id, format!("the token {spelling:?}"), expected, hint);
            }
            *place = Some(start..bytes.len());
        }
        if let Some((_, error)) = fault {
            return Err(error);
        }
        found.sort_by_key(|&(_, id)| id);
        Ok(Tokens { bytes, places, specials: specials.unwrap_or(found) })
    }
}

/// Which tokens a merge makes, by id.
fn made(ids: &Ids, merges: &[(&str, &str)]) -> Vec<bool> {
    let mut made = vec![false; ids.len()];
    let mut joined = String::new();
    for (left, right) in merges {
        joined.clear();
        joined.push_str(left);
        joined.push_str(right);
        if let Some(&id) = ids.get(joined.as_str())
            && let Some(made) = made.get_mut(id as usize)
        {
            *made = true;
        }
    }
    made
}
