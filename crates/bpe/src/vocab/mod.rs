//! The vocabulary: which bytes each id stands for, which pairs merge into what and in what order,
//! and which tokens are special.
//!
//! What always holds of a [`Vocab`], because [`Vocab::new`] refuses everything else: ids run from 0
//! without a hole; no two tokens have the same bytes; each of the 256 bytes is a token; each merge
//! joins two tokens whose joined bytes are a token again; no pair is merged twice; special tokens
//! are not empty.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::error::{Error, Result, show};

/// A byte-level BPE vocabulary. Merges take precedence in the order they are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocab {
    /// The bytes of all tokens, one after the other.
    bytes: Vec<u8>,
    /// Token `id` is `bytes[starts[id]..starts[id + 1]]`; one longer than there are tokens.
    starts: Vec<usize>,
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
    /// A vocabulary in which `tokens[id]` are the bytes of token `id`, special tokens included.
    ///
    /// # Errors
    /// [`Error::Vocab`] or [`Error::Merges`] when one of the properties named in the module's
    /// documentation does not hold.
    pub fn new(
        tokens: &[impl AsRef<[u8]>],
        merges: Vec<(u32, u32)>,
        specials: Vec<(String, u32)>,
    ) -> Result<Vocab> {
        let tokens: Vec<&[u8]> = tokens.iter().map(AsRef::as_ref).collect();
        if u32::try_from(tokens.len()).is_err() {
            return Err(Error::vocab(format!("{} tokens", tokens.len()), "fewer than 2³² tokens"));
        }
        let mut ids: HashMap<&[u8], u32, RandomState> =
            HashMap::with_capacity_and_hasher(tokens.len(), RandomState::default());
        for (id, &token) in (0..).zip(&tokens) {
            if token.is_empty() {
                return Err(Error::vocab(
                    format!("token {id} without bytes"),
                    "tokens of at least one byte",
                ));
            }
            if let Some(first) = ids.insert(token, id) {
                return Err(Error::vocab(
                    format!("the token {} twice, as {first} and {id}", show(token)),
                    "one id for each token",
                ));
            }
        }
        let mut is_special = vec![false; tokens.len()];
        for (text, id) in &specials {
            let found = tokens.get(*id as usize);
            if found.is_none_or(|&bytes| bytes != text.as_bytes()) {
                let found = found.map_or("no token".into(), |bytes| show(bytes));
                return Err(Error::vocab(
                    format!("{found} with id {id}"),
                    format!("the special token {}", show(text.as_bytes())),
                ));
            }
            if std::mem::replace(&mut is_special[*id as usize], true) {
                return Err(Error::vocab(
                    format!("the special token {} twice", show(text.as_bytes())),
                    "each special token once",
                ));
            }
        }
        let mut byte_ids = Box::new([0; 256]);
        for (byte, slot) in (0u8..=255).zip(byte_ids.iter_mut()) {
            *slot = *ids.get(&[byte][..]).ok_or_else(|| {
                Error::vocab(
                    format!("no token for the byte 0x{byte:02X}"),
                    "a token for each of the 256 bytes",
                )
            })?;
        }
        let merged = resolve_merges(&tokens, &ids, &merges)?;

        let mut starts = Vec::with_capacity(tokens.len() + 1);
        starts.push(0);
        let mut bytes = Vec::with_capacity(tokens.iter().map(|token| token.len()).sum());
        for token in &tokens {
            bytes.extend_from_slice(token);
            starts.push(bytes.len());
        }
        Ok(Vocab { bytes, starts, byte_ids, merges, merged, specials })
    }

    /// The vocabulary that training makes: byte b has id b, special tokens follow from 256 in the
    /// order given, then one id for each merge in the order learned. Merges name tokens by these
    /// ids.
    ///
    /// # Errors
    /// As for [`Vocab::new`]; a merge that names a later token is unknown as well.
    pub fn from_merges(merges: Vec<(u32, u32)>, specials: &[String]) -> Result<Vocab> {
        let mut tokens: Vec<Vec<u8>> = (0u8..=255).map(|byte| vec![byte]).collect();
        let specials: Vec<(String, u32)> = specials.iter().cloned().zip(256..).collect();
        tokens.extend(specials.iter().map(|(text, _)| text.as_bytes().to_vec()));
        for &(left, right) in &merges {
            let known = |id: u32| {
                tokens.get(id as usize).ok_or_else(|| unknown(id, (left, right), tokens.len()))
            };
            let token = [known(left)?.as_slice(), known(right)?.as_slice()].concat();
            tokens.push(token);
        }
        Vocab::new(&tokens, merges, specials)
    }

    /// The same vocabulary with these special tokens as well. One that is a token already becomes
    /// special with the id it has; the others get new ids at the end, in the order given.
    ///
    /// # Errors
    /// [`Error::Vocab`] for an empty special token.
    pub fn with_extra_specials(&self, extra: &[String]) -> Result<Vocab> {
        let mut tokens: Vec<Vec<u8>> = self.tokens().map(<[u8]>::to_vec).collect();
        let mut specials = self.specials.clone();
        for text in extra {
            if specials.iter().any(|(known, _)| known == text) {
                continue;
            }
            let id =
                tokens.iter().position(|token| token == text.as_bytes()).unwrap_or_else(|| {
                    tokens.push(text.as_bytes().to_vec());
                    tokens.len() - 1
                });
            // More than 2³² tokens are refused below.
            specials.push((text.clone(), id as u32));
        }
        Vocab::new(&tokens, self.merges.clone(), specials)
    }

    /// The number of tokens; ids are below it.
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Never true: there are at least the 256 bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of token `id`, or `None` when there is no such token.
    pub fn token(&self, id: u32) -> Option<&[u8]> {
        let id = id as usize;
        let end = *self.starts.get(id + 1)?;
        Some(&self.bytes[self.starts[id]..end])
    }

    /// The bytes of all tokens in the order of their ids.
    pub fn tokens(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.starts.windows(2).map(|ends| &self.bytes[ends[0]..ends[1]])
    }

    /// The id of each of the 256 bytes.
    pub fn byte_ids(&self) -> &[u32; 256] {
        &self.byte_ids
    }

    /// Pairs of ids, the first merged first.
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

/// The id that each merge makes.
fn resolve_merges(
    tokens: &[&[u8]],
    ids: &HashMap<&[u8], u32, RandomState>,
    merges: &[(u32, u32)],
) -> Result<Vec<u32>> {
    // The last merge that makes each token, and for each merge the one before it that makes the
    // same token: a pair that comes twice makes the same token twice.
    let mut last_maker: Vec<Option<usize>> = vec![None; tokens.len()];
    let mut maker_before = Vec::with_capacity(merges.len());
    let mut merged = Vec::with_capacity(merges.len());
    let mut joined = Vec::new();
    for (rank, &(left, right)) in merges.iter().enumerate() {
        let bytes = |id: u32| {
            tokens.get(id as usize).ok_or_else(|| unknown(id, (left, right), tokens.len()))
        };
        joined.clear();
        joined.extend_from_slice(bytes(left)?);
        joined.extend_from_slice(bytes(right)?);
        // Most vocabularies have what their merges make in the order of the merges: no search in
        // all of them then.
        let next = merged.last().map_or(0, |&id: &u32| id as usize + 1);
        let id = match tokens.get(next) {
            Some(&token) if token == joined => next as u32,
            _ => *ids.get(joined.as_slice()).ok_or_else(|| {
                Error::merges(
                    format!("merge {rank} that makes {}", show(&joined)),
                    "merges whose result is a token of the vocabulary",
                )
            })?,
        };
        let mut maker = last_maker[id as usize];
        while let Some(rank_before) = maker {
            if merges[rank_before] == (left, right) {
                return Err(Error::merges(
                    format!(
                        "the pair that makes {} twice, as merges {rank_before} and {rank}",
                        show(&joined)
                    ),
                    "each pair merged once",
                ));
            }
            maker = maker_before[rank_before];
        }
        maker_before.push(last_maker[id as usize].replace(rank));
        merged.push(id);
    }
    Ok(merged)
}

fn unknown(id: u32, pair: (u32, u32), known: usize) -> Error {
    Error::merges(
        format!("a merge of {} and {}, but no token {id}", pair.0, pair.1),
        format!("merges of known tokens (there are {known})"),
    )
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

        assert!(message(Vocab::new(&byte_tokens(), vec![(97, 98)], vec![])).contains("\"ab\""));
        assert!(
            message(Vocab::new(&byte_tokens(), vec![(97, 256)], vec![])).contains("no token 256")
        );
        assert!(message(Vocab::from_merges(vec![(97, 256)], &[])).contains("no token 256"));
        assert!(message(Vocab::from_merges(vec![(97, 98), (97, 98)], &[])).contains("twice"));
        assert!(message(Vocab::from_merges(vec![], &specials(&["a"]))).contains("twice"));
        assert!(
            message(Vocab::new(&byte_tokens(), vec![], vec![("x".into(), 97)]))
                .contains("\"a\" with id 97")
        );
        assert!(
            message(Vocab::new(&byte_tokens(), vec![], vec![("x".into(), 999)]))
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
