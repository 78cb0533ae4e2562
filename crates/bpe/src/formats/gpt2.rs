//! GPT-2's files. `vocab.json`: an object from each token, spelled in characters, to its id. `merges.txt`: a version
//! line, then a line for each merge, the two tokens with a space between them.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use foldhash::fast::RandomState;

use super::byte_unicode::{spell, unspell};
use super::{json_error, read_text};
use crate::encode::Tokenizer;
use crate::error::{Error, Result, show};
use crate::pattern::Pattern;
use crate::vocab::Vocab;

/// The file of tokens and ids.
pub const VOCAB: &str = "vocab.json";
/// The file of merges.
pub const MERGES: &str = "merges.txt";

/// How `merges.txt` begins.
const VERSION: &str = "#version: 0.2";

/// From the spelling of each token to its id.
pub(crate) type Spellings = HashMap<String, u32, RandomState>;

/// Reads the two files. A token that is neither a byte nor what a merge makes is a special token, `<|endoftext|>` for one.
///
/// # Errors
/// When they are damaged, or do not belong together.
pub fn load(vocab: &Path, merges: &Path) -> Result<Tokenizer> {
    let spellings: Spellings =
        serde_json::from_str(&read_text(vocab)?).map_err(|error| json_error(vocab, &error))?;
    let text = read_text(merges)?;
    let pairs = parse_merges(&text, merges)?;
    let vocab = assemble(spellings, &pairs, None, vocab, merges)?;
    Ok(Tokenizer::new(vocab, Pattern::gpt2()))
}

/// The pairs of spellings in a `merges.txt`.
fn parse_merges<'t>(text: &'t str, path: &Path) -> Result<Vec<(&'t str, &'t str)>> {
    let lines = text.lines().enumerate().filter(|&(number, line)| {
        // A merge may begin with `#` too, but none on the first line with this word.
        let is_version = number == 0 && line.starts_with("#version");
        !line.is_empty() && !is_version
    });
    lines
        .map(|(number, line)| {
            split_merge(line).ok_or_else(|| {
                Error::file(
                    path,
                    format!("{} in line {}", show(line.as_bytes()), number + 1),
                    "two tokens with a space between them",
                    "is this a merges.txt?",
                )
            })
        })
        .collect()
}

/// The two tokens of a merge in one string.
pub(crate) fn split_merge(line: &str) -> Option<(&str, &str)> {
    let (left, right) = line.split_once(' ')?;
    (!left.is_empty() && !right.is_empty() && !right.contains(' ')).then_some((left, right))
}

/// Puts a vocabulary together from spellings, merges and special tokens. Special tokens are spelled as they are; without
/// a list of them, each token that is neither a byte nor the result of a merge is one.
pub(crate) fn assemble(
    spellings: Spellings,
    merges: &[(&str, &str)],
    specials: Option<Vec<(String, u32)>>,
    vocab_path: &Path,
    merges_path: &Path,
) -> Result<Vocab> {
    let id_of = |token: &str, rank: usize| {
        spellings.get(token).copied().ok_or_else(|| {
            Error::file(
                merges_path,
                format!("merge {rank} with the token {}", show(token.as_bytes())),
                format!("tokens that are in {}", vocab_path.display()),
                "do the two belong together?",
            )
        })
    };
    let mut pairs = Vec::with_capacity(merges.len());
    let mut made = vec![false; spellings.len()];
    for (rank, (left, right)) in merges.iter().enumerate() {
        pairs.push((id_of(left, rank)?, id_of(right, rank)?));
        if let Some(&id) = spellings.get(&[*left, *right].concat())
            && let Some(made) = made.get_mut(id as usize)
        {
            *made = true;
        }
    }
    let listed: HashMap<u32, &str, RandomState> =
        specials.iter().flatten().map(|(text, id)| (*id, text.as_str())).collect();

    let count = spellings.len();
    let mut tokens: Vec<Vec<u8>> = vec![Vec::new(); count];
    let mut found: Vec<(String, u32)> = Vec::new();
    for (spelling, id) in &spellings {
        let slot = tokens.get_mut(*id as usize).ok_or_else(|| {
            Error::file(
                vocab_path,
                format!("the id {id} among {count} tokens"),
                format!("every id below {count} once"),
                "ids must have no holes",
            )
        })?;
        if !slot.is_empty() {
            return Err(Error::file(
                vocab_path,
                format!("the id {id} twice"),
                "one token for each id",
                "is this a vocabulary?",
            ));
        }
        let bytes = unspell(spelling);
        let is_special = match &specials {
            Some(_) => listed.contains_key(id),
            None => !made[*id as usize] && bytes.as_ref().is_none_or(|bytes| bytes.len() != 1),
        };
        *slot = match bytes {
            _ if is_special => listed.get(id).copied().unwrap_or(spelling).as_bytes().to_vec(),
            Some(bytes) => bytes,
            None => {
                return Err(Error::file(
                    vocab_path,
                    format!("the token {spelling:?}"),
                    "tokens in GPT-2's spelling of bytes",
                    "only byte-level BPE can be read",
                ));
            }
        };
        if is_special && specials.is_none() {
            found.push((spelling.clone(), *id));
        }
    }
    found.sort_by_key(|&(_, id)| id);
    Vocab::new(tokens, pairs, specials.unwrap_or(found)).map_err(|error| error.in_file(vocab_path))
}

/// How the tokens of a vocabulary are spelled in the files: a special token as it is, unless it is a byte or made by a
/// merge as well. Made one by one, as a token may be as long as a file.
#[derive(Debug)]
pub(crate) struct Speller<'v> {
    vocab: &'v Vocab,
    specials: HashMap<u32, &'v str, RandomState>,
}

impl<'v> Speller<'v> {
    pub(crate) fn new(vocab: &'v Vocab) -> Speller<'v> {
        let mut specials: HashMap<u32, &str, RandomState> =
            vocab.specials().iter().map(|(text, id)| (*id, text.as_str())).collect();
        for id in vocab.byte_ids().iter().chain(vocab.merged()) {
            specials.remove(id);
        }
        Speller { vocab, specials }
    }

    /// The spelling of a token.
    pub(crate) fn spell(&self, id: u32) -> Cow<'v, str> {
        match self.specials.get(&id) {
            Some(special) => Cow::Borrowed(special),
            None => Cow::Owned(spell(self.vocab.token(id).unwrap_or_default())),
        }
    }

    /// The spellings in the order of ids.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, Cow<'v, str>)> {
        (0..self.vocab.len() as u32).map(|id| (id, self.spell(id)))
    }

    /// The merges in their order, each as the spellings of its two tokens.
    pub(crate) fn merges(&self) -> impl Iterator<Item = [Cow<'v, str>; 2]> {
        self.vocab.merges().iter().map(|&(left, right)| [left, right].map(|id| self.spell(id)))
    }

    /// Refuses what `vocab.json` cannot hold.
    ///
    /// # Errors
    /// [`Error::Vocab`] when a special token is spelled like another token.
    pub(crate) fn check(&self) -> Result<()> {
        let spelled: HashMap<Vec<u8>, u32, RandomState> =
            self.specials.iter().filter_map(|(&id, text)| Some((unspell(text)?, id))).collect();
        for (id, token) in (0..).zip(self.vocab.tokens()) {
            if let Some(&special) = spelled.get(token)
                && !self.specials.contains_key(&id)
            {
                let spelling = self.specials[&special];
                let (first, second) = (id.min(special), id.max(special));
                return Err(Error::vocab(
                    format!("the tokens {first} and {second} both spelled {spelling:?}"),
                    "special tokens that are spelled like no other token",
                ));
            }
        }
        Ok(())
    }
}

/// Refuses a vocabulary that `vocab.json` cannot hold.
///
/// # Errors
/// [`Error::Vocab`] when a special token is spelled like another token.
pub fn check(vocab: &Vocab) -> Result<()> {
    Speller::new(vocab).check()
}

/// The text that `vocab.json` spells like the special token `special`, if there is another one: `Ġthe` is the spelling of
/// ` the`, which training may make a token.
pub fn spelled_alike(special: &str) -> Option<String> {
    String::from_utf8(unspell(special)?).ok().filter(|text| text != special)
}

/// Writes the content of `vocab.json`, in the order of ids.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_vocab(speller: &Speller, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{")?;
    for (id, spelling) in speller.all() {
        if id > 0 {
            out.write_all(b", ")?;
        }
        serde_json::to_writer(&mut *out, &spelling)?;
        write!(out, ": {id}")?;
    }
    out.write_all(b"}\n")
}

/// Writes the content of `merges.txt`.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_merges(speller: &Speller, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{VERSION}")?;
    speller.merges().try_for_each(|[left, right]| writeln!(out, "{left} {right}"))
}
