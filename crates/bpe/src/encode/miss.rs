//! Encoding the pre-tokens that a look-up in the cache has missed.

use crate::encode::cache::Cache;
use crate::encode::long_cache::LongCache;
use crate::encode::token_id::TokenId;
use crate::memory::short_key::Key;
use crate::merge::model::{Model, Scratch};
use crate::special::SpecialTokens;

/// The length from which on pre-tokens are cut into parts, where that is safe: these are merged one
/// by one, and may be in a cache. Shorter ones are in a cache as a whole.
const LONG: usize = 256;

/// Encodes missed pre-tokens on one thread; remembers long ones.
#[derive(Debug)]
pub(crate) struct MissEncoder<'t, T> {
    model: &'t Model,
    /// Pre-tokens of exactly these bytes are special tokens; `None` where special tokens are text
    /// like any other.
    specials: Option<&'t SpecialTokens>,
    long_cache: LongCache<T>,
    scratch: Scratch,
}

impl<'t, T: TokenId> MissEncoder<'t, T> {
    /// Creates an encoder that has seen no pre-token yet.
    pub(crate) fn new(model: &'t Model, specials: Option<&'t SpecialTokens>) -> MissEncoder<'t, T> {
        let (long_cache, scratch) = (LongCache::new(), Scratch::default());
        MissEncoder { model, specials, long_cache, scratch }
    }

    /// Returns the id of the special token that a pre-token is, if it is one.
    fn special(&self, pre_token: &[u8]) -> Option<T> {
        Some(T::from_id(self.specials?.id_of(pre_token)?))
    }

    /// Appends the ids of a pre-token to `ids`, and keeps them in `cache` if they fit into it. The
    /// key contains a short pre-token itself, and of a long one its range of `text`.
    #[cold]
    #[inline(never)]
    pub(crate) fn append(&mut self, text: &[u8], key: Key, cache: &mut Cache<T>, ids: &mut Vec<T>) {
        let Some((start, end)) = key.as_long() else { return self.append_short(key, cache, ids) };
        let pre_token = &text[start as usize..end];
        if let Some(id) = self.special(pre_token) {
            return ids.push(id);
        }
        match &self.model.safe_cuts {
            Some(safe_cuts) if pre_token.len() > LONG => {
                let mut start = 0;
                for end in safe_cuts.cuts(pre_token).chain([pre_token.len()]) {
                    let key = Key::new(pre_token, start..end);
                    match key.as_long() {
                        None => self.append_short(key, cache, ids),
                        Some(_) => self.append_long(&pre_token[start..end], ids),
                    }
                    start = end;
                }
            }
            _ => self.append_long(pre_token, ids),
        }
    }

    fn append_short(&mut self, key: Key, cache: &mut Cache<T>, ids: &mut Vec<T>) {
        cache.get_or_merge(key, ids, |pre_token, ids| match self.special(pre_token) {
            Some(id) => ids.push(id),
            None => append_merged(self.model, pre_token, &mut self.scratch, ids),
        });
    }

    fn append_long(&mut self, pre_token: &[u8], ids: &mut Vec<T>) {
        let MissEncoder { model, long_cache, scratch, .. } = self;
        long_cache
            .get_or_merge(pre_token, ids, |ids| append_merged(model, pre_token, scratch, ids));
    }
}

fn append_merged<T: TokenId>(
    model: &Model,
    pre_token: &[u8],
    scratch: &mut Scratch,
    ids: &mut Vec<T>,
) {
    let merged = model.encode_pre_token(pre_token, scratch);
    ids.extend(merged.iter().map(|&id| T::from_id(id)));
}
