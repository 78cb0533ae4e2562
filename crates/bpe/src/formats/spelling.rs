//! Tokens as the files spell them: read into a table, and written one by one.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::fmt;

use foldhash::fast::RandomState;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::byte_unicode::{spell, unspell};
use crate::error::{Error, Result};
use crate::vocab::Vocab;

/// A token as a file spells it: a part of the file's text, unless there is an escape in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub(crate) struct Spelling<'t>(#[serde(borrow)] pub(crate) Cow<'t, str>);

impl Borrow<str> for Spelling<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// From the spelling of each token to its id.
#[derive(Debug)]
pub(crate) struct Spellings<'t>(pub(crate) HashMap<Spelling<'t>, u32, RandomState>);

/// Reads an object. Of a spelling that comes twice the last counts.
impl<'de: 't, 't> Deserialize<'de> for Spellings<'t> {
    fn deserialize<D: Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Spellings<'t>, D::Error> {
        struct SpellingsVisitor;
        impl<'de> Visitor<'de> for SpellingsVisitor {
            type Value = Spellings<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens and ids")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut object: A,
            ) -> std::result::Result<Spellings<'de>, A::Error> {
                // A table that grows as they come would be filled again and again.
                let mut list = Vec::new();
                while let Some(entry) = object.next_entry()? {
                    list.push(entry);
                }
                let mut ids = HashMap::with_capacity_and_hasher(list.len(), RandomState::default());
                ids.extend(list);
                Ok(Spellings(ids))
            }
        }
        deserializer.deserialize_map(SpellingsVisitor)
    }
}

/// How the tokens of a vocabulary are spelled in the files: a special token as it is, unless it is
/// a byte or made by a merge as well. Made one by one, as a token may be as long as a file.
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
