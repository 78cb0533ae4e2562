//! Added tokens: special tokens with flags, in the model's vocabulary or behind it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use foldhash::fast::RandomState;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::formats::spelling::{Ids, Spelling};
use crate::special::{SpecialFlags, UnusualFlags};

/// An added token as files describe it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub(in crate::formats) struct AddedToken {
    pub(super) content: String,
    #[serde(default)]
    single_word: bool,
    #[serde(default)]
    lstrip: bool,
    #[serde(default)]
    rstrip: bool,
    normalized: Option<bool>,
    special: Option<bool>,
}

impl AddedToken {
    /// Returns a special token without flags.
    pub(super) fn special(content: impl Into<String>) -> AddedToken {
        AddedToken::plain(content.into(), true)
    }

    /// Returns a token without flags, special or not.
    pub(super) fn plain(content: String, special: bool) -> AddedToken {
        AddedToken {
            content,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: Some(!special),
            special: Some(special),
        }
    }

    /// Returns the token with flags in place of those that were left out. A token that is not
    /// special is searched for in normalized text unless it says otherwise.
    pub(super) fn or_special(self, special: bool) -> AddedToken {
        let special = self.special.unwrap_or(special);
        let normalized = self.normalized.unwrap_or(!special);
        AddedToken { normalized: Some(normalized), special: Some(special), ..self }
    }

    /// Returns the token as a special one.
    pub(super) fn made_special(self) -> AddedToken {
        AddedToken { special: Some(true), ..self }
    }

    fn flags(&self) -> SpecialFlags {
        let special = self.special.unwrap_or(true);
        SpecialFlags { special, normalized: self.normalized.unwrap_or(!special) }
    }

    /// Returns the flag of the token that is not implemented.
    fn odd_flag(&self) -> Option<&'static str> {
        match self {
            AddedToken { lstrip: true, .. } => Some("lstrip"),
            AddedToken { rstrip: true, .. } => Some("rstrip"),
            AddedToken { single_word: true, .. } => Some("single_word"),
            _ => None,
        }
    }
}

/// Added tokens with their ids, in the order in which they were added.
#[derive(Default)]
pub(in crate::formats) struct AddedTokens {
    tokens: Vec<(AddedToken, u32)>,
    /// The place of each content in `tokens`.
    places: HashMap<String, usize, RandomState>,
}

impl AddedTokens {
    /// Adds a token with the id that a file gives it.
    pub(super) fn add_with_id(
        &mut self,
        token: AddedToken,
        id: u32,
        ids: &mut Ids,
        path: &Path,
    ) -> Result<()> {
        let content = &token.content;
        let place = self.places.get(content);
        let known = place.map(|&place| self.tokens[place].1).or(ids.get(&**content).copied());
        if let Some(known) = known.filter(|&known| known != id) {
            let found = format!("the added token {content:?} with id {id} and with id {known}");
            return Err(Error::file(path, found, "one id for each token", "the file is damaged"));
        }
        // A token with an id of the vocabulary is in it under the spelling of its bytes.
        if known.is_none() && id as usize >= ids.len() {
            ids.insert(Spelling(Cow::Owned(content.clone())), id);
        }
        self.put(token, id);
        Ok(())
    }

    /// Adds a token as Hugging Face's libraries do, which ignore the ids that files give: one that
    /// is in the vocabulary or was added keeps its id and gets these flags; others get the next id.
    pub(in crate::formats) fn add(&mut self, token: AddedToken, ids: &mut Ids) {
        if token.content.is_empty() {
            return;
        }
        let place = self.places.get(&token.content);
        let known = place.map(|&place| self.tokens[place].1);
        let id = known.or(ids.get(&*token.content).copied()).unwrap_or_else(|| {
            let next = ids.len() as u32;
            ids.insert(Spelling(Cow::Owned(token.content.clone())), next);
            next
        });
        self.put(token, id);
    }

    fn put(&mut self, token: AddedToken, id: u32) {
        match self.places.get(&token.content) {
            Some(&place) => self.tokens[place] = (token, id),
            None => {
                self.places.insert(token.content.clone(), self.tokens.len());
                self.tokens.push((token, id));
            }
        }
    }

    /// Returns the tokens and those of their flags that are unusual.
    ///
    /// # Errors
    /// When a token has a flag that is not implemented.
    pub(in crate::formats) fn finish(
        self,
        path: &Path,
    ) -> Result<(Vec<(String, u32)>, UnusualFlags)> {
        let mut flags = UnusualFlags::new();
        for (token, id) in &self.tokens {
            if let Some(odd) = token.odd_flag() {
                let found = format!("the added token {:?} with {odd}", token.content);
                let expected = "added tokens without lstrip, rstrip and single_word";
                return Err(Error::file(path, found, expected, "use another tokenizer"));
            }
            if token.flags() != SpecialFlags::default() {
                flags.insert(*id, token.flags());
            }
        }
        let specials = self.tokens.into_iter().map(|(token, id)| (token.content, id));
        Ok((specials.collect(), flags))
    }
}
