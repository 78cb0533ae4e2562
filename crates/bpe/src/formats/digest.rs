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

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use crate::formats::{self, Parts};
    use crate::{Normalizer, Pattern, SpecialFlags, Tokenizer, Vocab};

    fn tokenizer(merges: Vec<(u32, u32)>, special: &str) -> Tokenizer {
        let vocab = Vocab::from_merges(merges, &[special.to_string()]).unwrap();
        Tokenizer::new(vocab, Pattern::gpt2())
    }

    #[test]
    fn other_files_of_the_same_content_have_the_same() {
        let tokenizer = tokenizer(vec![(104, 101), (257, 121)], "<|a|>");
        // Files hold it, so it must not change.
        let expected = "f641307e5e21448c21b3e2db1f0d3584dc03ccf59b8be1f1cceb1d6369cf054f";
        assert_eq!(tokenizer.digest(), expected);
        let files = formats::to_files(&tokenizer.parts()).unwrap();
        let digest = |names: &[&str]| {
            let files = files.iter().filter(|(name, _)| names.contains(name));
            let files: Vec<_> = files.map(|(name, bytes)| (*name, bytes.as_slice())).collect();
            Tokenizer::from_files(&files).unwrap().digest()
        };
        assert_eq!(digest(&["tokenizer.json"]), expected);
        assert_eq!(digest(&["vocab.json", "merges.txt"]), expected);
        assert_eq!(digest(&["vocab.json", "merges.txt", "tokenizer_config.json"]), expected);
        let sorted = |bytes: &[u8]| -> String {
            serde_json::from_slice::<serde_json::Value>(bytes).unwrap().to_string()
        };
        let json = sorted(&files.iter().find(|(name, _)| *name == "tokenizer.json").unwrap().1);
        let again = Tokenizer::from_files(&[("tokenizer.json", json.as_bytes())]).unwrap();
        assert_eq!(again.digest(), expected);
    }

    #[test]
    fn whatever_encodes_otherwise_has_another() {
        let first = tokenizer(vec![(104, 101), (257, 121)], "<|a|>");
        let with = |change: &dyn Fn(&mut Parts)| {
            let mut parts = first.parts();
            change(&mut parts);
            Tokenizer::from_parts(parts).digest()
        };
        let flagged = |special, normalized| {
            let flags = [(256, SpecialFlags { special, normalized })].into();
            with(&|parts: &mut Parts| parts.flags = Cow::Owned(Clone::clone(&flags)))
        };
        let mut all = vec![
            first.digest(),
            tokenizer(vec![(104, 101)], "<|a|>").digest(),
            tokenizer(vec![(104, 101), (257, 121)], "<|b|>").digest(),
            tokenizer(vec![(104, 101), (121, 257)], "<|a|>").digest(),
            with(&|parts| parts.pattern = Cow::Owned(Pattern::gpt4())),
            with(&|parts| parts.normalizer = Normalizer::Nfc),
            with(&|parts| parts.ignore_merges = true),
            flagged(false, false),
            flagged(true, true),
            first.with_extra_specials(&["he".into()]).unwrap().digest(),
        ];
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 10);
        assert_eq!(with(&|parts| parts.end_of_text = None), first.digest());
        assert_eq!(
            with(&|parts| parts.begin_of_text = formats::BeginOfText::Token(256)),
            first.digest()
        );
    }
}
