//! The vocabulary: the bytes of each token, the merges in their order, the special tokens.
//!
//! [`Vocab::new`] refuses everything else than this:
//! - ids run from 0 without a hole;
//! - no two tokens have the same bytes;
//! - each of the 256 bytes is a token;
//! - each merge joins two tokens whose joined bytes are a token again;
//! - no pair is merged twice;
//! - special tokens are not empty.

mod merged;

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::error::{Error, Result, show};
use crate::memory::byte_strings::ByteStrings;
use merged::{merged, unknown_token};

/// A byte-level BPE vocabulary. Merges take precedence in the order they are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocab {
    /// The bytes of all tokens, by id.
    tokens: ByteStrings,
    /// The id of each of the 256 bytes.
    byte_ids: Box<[u32; 256]>,
    /// Pairs in order of precedence.
    merges: Vec<(u32, u32)>,
    /// The id that each merge makes.
    merged: Vec<u32>,
    /// Special tokens in the order given.
    specials: Vec<(String, u32)>,
}

impl Vocab {
    /// Makes a vocabulary in which token `id` has the bytes of the `id`-th of `tokens`, special
    /// tokens included.
    ///
    /// # Errors
    /// [`Error::Vocab`] when one of the properties named in the module's documentation does not
    /// hold.
    pub fn new(
        tokens: impl IntoIterator<Item: AsRef<[u8]>>,
        merges: Vec<(u32, u32)>,
        specials: Vec<(String, u32)>,
    ) -> Result<Vocab> {
        let tokens: ByteStrings = tokens.into_iter().collect();
        if u32::try_from(tokens.len()).is_err() {
            return Err(Error::tokens(format!("{} tokens", tokens.len()), "fewer than 2³² tokens"));
        }
        let ids = ids_of(&tokens)?;
        check_specials(&tokens, &specials)?;
        let mut byte_ids = Box::new([0; 256]);
        for (byte, slot) in (0u8..=255).zip(byte_ids.iter_mut()) {
            *slot = *ids.get(&[byte][..]).ok_or_else(|| {
                Error::tokens(
                    format!("no token for the byte 0x{byte:02X}"),
                    "a token for each of the 256 bytes",
                )
            })?;
        }
        let merged = merged(&tokens, &ids, &merges)?;
        Ok(Vocab { tokens, byte_ids, merges, merged, specials })
    }

    /// Makes the vocabulary that training gives: byte b has id b, special tokens follow from 256 in
    /// the order given, then one id per merge in the order learned. Merges name tokens by these
    /// ids.
    ///
    /// # Errors
    /// As for [`Vocab::new`], and when a merge names a token that a later merge makes.
    pub fn from_merges(merges: Vec<(u32, u32)>, specials: &[String]) -> Result<Vocab> {
        let mut tokens: ByteStrings = (0u8..=255).map(|byte| [byte]).collect();
        specials.iter().for_each(|text| tokens.push(text.as_bytes()));
        for &(left, right) in &merges {
            if let Some(id) = [left, right].into_iter().find(|&id| id as usize >= tokens.len()) {
                return Err(unknown_token(id, (left, right), tokens.len()));
            }
            tokens.push_joined(left as usize, right as usize);
        }
        Vocab::new(tokens.iter(), merges, specials.iter().cloned().zip(256..).collect())
    }

    /// Returns a copy with additional special tokens. One that is a token already becomes special
    /// with the id it has; the others get new ids at the end, in the order given.
    ///
    /// # Errors
    /// [`Error::Vocab`] for an empty special token.
    pub fn with_extra_specials(&self, extra: &[String]) -> Result<Vocab> {
        let (mut tokens, mut specials) = (self.tokens.clone(), self.specials.clone());
        for text in extra {
            if specials.iter().any(|(known, _)| known == text) {
                continue;
            }
            let known = tokens.iter().position(|token| token == text.as_bytes());
            let id = known.unwrap_or_else(|| {
                tokens.push(text.as_bytes());
                tokens.len() - 1
            });
            // More than 2³² tokens are refused below.
            specials.push((text.clone(), id as u32));
        }
        Vocab::new(tokens.iter(), self.merges.clone(), specials)
    }

    /// The number of tokens. All ids are below it.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Returns `false`: at least the 256 bytes are tokens.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of token `id`, or `None` when there is no such token.
    pub fn token(&self, id: u32) -> Option<&[u8]> {
        self.tokens.get(id as usize)
    }

    /// Iterates over the bytes of all tokens in the order of their ids.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.tokens.iter()
    }

    /// The id of each of the 256 bytes.
    pub fn byte_ids(&self) -> &[u32; 256] {
        &self.byte_ids
    }

    /// The merges as pairs of ids, the first one merged first.
    pub fn merges(&self) -> &[(u32, u32)] {
        &self.merges
    }

    /// The id that each of [`Vocab::merges`] makes.
    pub fn merged(&self) -> &[u32] {
        &self.merged
    }

    /// Special tokens and their ids, in the order given.
    pub fn specials(&self) -> &[(String, u32)] {
        &self.specials
    }
}

/// Returns the id of each token, by its bytes.
fn ids_of(tokens: &ByteStrings) -> Result<HashMap<&[u8], u32, RandomState>> {
    let mut ids = HashMap::with_capacity_and_hasher(tokens.len(), RandomState::default());
    for (id, token) in (0..).zip(tokens.iter()) {
        if token.is_empty() {
            let found = format!("token {id} without bytes");
            return Err(Error::tokens(found, "tokens of at least one byte"));
        }
        if let Some(first) = ids.insert(token, id) {
            let found = format!("the token {} twice, as {first} and {id}", show(token));
            return Err(Error::tokens(found, "one id for each token"));
        }
    }
    Ok(ids)
}

/// Checks that each special token has the bytes of the token with its id, and comes once.
fn check_specials(tokens: &ByteStrings, specials: &[(String, u32)]) -> Result<()> {
    let mut is_special = vec![false; tokens.len()];
    for (text, id) in specials {
        let special = format!("the special token {}", show(text.as_bytes()));
        let found = tokens.get(*id as usize);
        if found != Some(text.as_bytes()) {
            let found = found.map_or("no token".into(), show);
            return Err(Error::tokens(format!("{found} with id {id}"), special));
        }
        if std::mem::replace(&mut is_special[*id as usize], true) {
            return Err(Error::tokens(format!("{special} twice"), "each special token once"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specials(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_string()).collect()
    }

    fn byte_tokens() -> Vec<Vec<u8>> {
        (0u8..=255).map(|byte| vec![byte]).collect()
    }

    fn message(result: Result<Vocab>) -> String {
        result.expect_err("not a vocabulary").to_string()
    }

    #[test]
    fn training_gives_bytes_then_specials_then_merges() {
        let vocab =
            Vocab::from_merges(vec![(97, 98), (258, 99)], &specials(&["<|a|>", "<|b|>"])).unwrap();
        assert_eq!(vocab.len(), 260);
        assert_eq!(vocab.token(97), Some(&b"a"[..]));
        assert_eq!(vocab.token(257), Some(&b"<|b|>"[..]));
        assert_eq!(vocab.token(259), Some(&b"abc"[..]));
        assert_eq!(vocab.token(260), None);
        assert_eq!(vocab.merged(), [258, 259]);
        assert_eq!(vocab.byte_ids()[200], 200);
        assert_eq!(vocab.tokens().len(), 260);
    }

    #[test]
    fn extra_specials_reuse_tokens_that_exist() {
        let vocab = Vocab::from_merges(vec![(97, 98)], &specials(&["<|a|>"])).unwrap();
        let more = vocab.with_extra_specials(&specials(&["<|a|>", "ab", "new", "new"])).unwrap();
        let expected =
            [("<|a|>", 256), ("ab", 257), ("new", 258)].map(|(t, id)| (t.to_string(), id));
        assert_eq!(more.specials(), expected);
        assert!(vocab.with_extra_specials(&specials(&[""])).is_err());
    }

    #[test]
    fn what_is_no_vocabulary_is_refused() {
        let mut tokens = byte_tokens();
        tokens.pop();
        assert!(message(Vocab::new(&tokens, vec![], vec![])).contains("0xFF"));

        let mut tokens = byte_tokens();
        tokens.push(b"a".to_vec());
        assert!(message(Vocab::new(&tokens, vec![], vec![])).contains("as 97 and 256"));

        let mut tokens = byte_tokens();
        tokens.push(vec![]);
        assert!(message(Vocab::new(&tokens, vec![], vec![])).contains("without bytes"));

        assert!(message(Vocab::new(byte_tokens(), vec![(97, 98)], vec![])).contains("\"ab\""));
        assert!(
            message(Vocab::new(byte_tokens(), vec![(97, 256)], vec![])).contains("no token 256")
        );
        assert!(message(Vocab::from_merges(vec![(97, 256)], &[])).contains("no token 256"));
        assert!(message(Vocab::from_merges(vec![(97, 98), (97, 98)], &[])).contains("twice"));
        assert!(message(Vocab::from_merges(vec![], &specials(&["a"]))).contains("twice"));
        assert!(
            message(Vocab::new(byte_tokens(), vec![], vec![("x".into(), 97)]))
                .contains("\"a\" with id 97")
        );
        assert!(
            message(Vocab::new(byte_tokens(), vec![], vec![("x".into(), 999)]))
                .contains("no token")
        );

        let mut tokens = byte_tokens();
        tokens.push(b"ab".to_vec());
        let twice = Vocab::new(&tokens, vec![(97, 98), (97, 98)], vec![]);
        assert!(message(twice).contains("merges 0 and 1"));

        // Three pairs make "abc"; one of them comes twice.
        let mut tokens = byte_tokens();
        tokens.extend([b"ab".to_vec(), b"bc".to_vec(), b"abc".to_vec()]);
        let merges = vec![(97, 98), (98, 99), (97, 257), (256, 99), (97, 257)];
        assert!(Vocab::new(&tokens, merges[..4].to_vec(), vec![]).is_ok());
        assert!(message(Vocab::new(&tokens, merges, vec![])).contains("merges 2 and 4"));
    }
}
