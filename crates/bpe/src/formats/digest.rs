//! The digest of a tokenizer: SHA-256 of what encodes, in one canonical form.
//!
//! A file of token ids and a model belong to one tokenizer, and this tells whether it is the same,
//! whatever the format and the order of its files. The form holds, one after the other, with
//! lengths before all that has one: tokens, merges, `ignore_merges`, normalizer and pre-tokenizer
//! as `tokenizer.json` spells them, and the special tokens by id with their flags. It must never
//! change: digests are in files.

use sha2::{Digest, Sha256};

use super::hugging_face;
use super::parts::Parts;
use crate::special::SpecialFlags;

/// Returns the digest of a tokenizer, in lower-case hexadecimal.
pub(crate) fn digest(parts: &Parts) -> String {
    let mut hasher = Hasher(Sha256::new());
    hasher.bytes(b"byte-level BPE 1");
    let vocab = &parts.vocab;
    hasher.number(vocab.len());
    vocab.tokens().for_each(|token| hasher.bytes(token));
    hasher.number(vocab.merges().len());
    for &(left, right) in vocab.merges() {
        hasher.number(left as usize);
        hasher.number(right as usize);
    }
    hasher.number(usize::from(parts.ignore_merges));
    hasher.bytes(hugging_face::normalizer_json(parts.normalizer).to_string().as_bytes());
    hasher.bytes(hugging_face::pre_tokenizer_json(&parts.pattern).to_string().as_bytes());
    let mut specials: Vec<u32> = vocab.specials().iter().map(|&(_, id)| id).collect();
    specials.sort_unstable();
    hasher.number(specials.len());
    for id in specials {
        let SpecialFlags { special, normalized } =
            parts.flags.get(&id).copied().unwrap_or_default();
        for number in [id as usize, special.into(), normalized.into()] {
            hasher.number(number);
        }
    }
    hasher.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hashes values so that no two sequences of them have the same bytes.
struct Hasher(Sha256);

impl Hasher {
    fn number(&mut self, number: usize) {
        self.0.update((number as u64).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len());
        self.0.update(bytes);
    }
}
