//! Tokens and merges spelled for files, one by one.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Write};

use foldhash::fast::RandomState;

use super::byte_unicode::{spell, unspell};
use crate::error::{Error, Result};
use crate::vocab::Vocab;

/// Spells the tokens of a vocabulary: a special token as it is, unless it is a byte or made by a
/// merge as well, and every other token byte by byte. Spellings are made one at a time, as a token
/// may be as long as a file.
pub(crate) struct Speller<'v> {
    vocab: &'v Vocab,
    specials: HashMap<u32, &'v str, RandomState>,
}

impl<'v> Speller<'v> {
    pub(super) fn new(vocab: &'v Vocab) -> Speller<'v> {
        let mut specials: HashMap<u32, &str, RandomState> =
            vocab.specials().iter().map(|(text, id)| (*id, text.as_str())).collect();
        for id in vocab.byte_ids().iter().chain(vocab.merged()) {
            specials.remove(id);
        }
        Speller { vocab, specials }
    }

    /// Returns the spelling of a token.
    fn spell(&self, id: u32) -> Cow<'v, str> {
        match self.specials.get(&id) {
            Some(special) => Cow::Borrowed(special),
            None => Cow::Owned(spell(self.vocab.token(id).unwrap_or_default())),
        }
    }

    /// Iterates over the spellings in the order of ids.
    pub(super) fn tokens(&self) -> impl Iterator<Item = Cow<'v, str>> {
        (0..self.vocab.len() as u32).map(|id| self.spell(id))
    }

    /// Iterates over the merges in their order, each as the spellings of its two tokens.
    pub(super) fn merges(&self) -> impl Iterator<Item = [Cow<'v, str>; 2]> {
        self.vocab.merges().iter().map(|&(left, right)| [left, right].map(|id| self.spell(id)))
    }

    /// Writes `"spelling": id` for each token in the order of ids, with `separator` between them.
    pub(super) fn write_ids(&self, separator: &str, out: &mut impl Write) -> io::Result<()> {
        for (id, spelling) in self.tokens().enumerate() {
            out.write_all(if id == 0 { b"" } else { separator.as_bytes() })?;
            serde_json::to_writer(&mut *out, &spelling)?;
            write!(out, ": {id}")?;
        }
        Ok(())
    }

    /// Checks that `vocab.json` can hold the vocabulary.
    ///
    /// # Errors
    /// [`Error::Vocab`] when a special token is spelled like another token.
    pub(super) fn check(&self) -> Result<()> {
        let spelled: HashMap<Vec<u8>, u32, RandomState> =
            self.specials.iter().filter_map(|(&id, text)| Some((unspell(text)?, id))).collect();
        for (id, token) in (0..).zip(self.vocab.tokens()) {
            if let Some(&special) = spelled.get(token)
                && !self.specials.contains_key(&id)
            {
                let spelling = self.specials[&special];
                let (first, second) = (id.min(special), id.max(special));
                return Err(Error::tokens(
                    format!("the tokens {first} and {second} both spelled {spelling:?}"),
                    "special tokens that are spelled like no other token",
                ));
            }
        }
        Ok(())
    }
}
