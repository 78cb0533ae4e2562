//! Tokens and merges as files spell them, borrowed from the file's text.

use std::borrow::{Borrow, Cow};
use std::collections::HashMap;
use std::fmt;
use std::result::Result;

use foldhash::fast::RandomState;
use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Unexpected, Visitor};

/// A token as a file spells it: a part of the file's text, unless there is an escape in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub(super) struct Spelling<'t>(#[serde(borrow)] pub(super) Cow<'t, str>);

impl Borrow<str> for Spelling<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The id of each token, by its spelling. Of a spelling that comes twice in a file, the last
/// counts.
pub(super) type Ids<'t> = HashMap<Spelling<'t>, u32, RandomState>;

/// A merge as the spellings of its two tokens: `"a b"` or `["a", "b"]`.
pub(super) struct Merge<'t>(pub(super) Spelling<'t>, pub(super) Spelling<'t>);

/// Splits a merge that is written as one string into its two tokens.
pub(super) fn split_merge(line: &str) -> Option<(&str, &str)> {
    let space = memchr::memchr(b' ', line.as_bytes())?;
    let (left, right) = (&line[..space], &line[space + 1..]);
    let is_pair = !left.is_empty() && !right.is_empty();
    (is_pair && memchr::memchr(b' ', right.as_bytes()).is_none()).then_some((left, right))
}

impl<'de: 't, 't> Deserialize<'de> for Merge<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Merge<'t>, D::Error> {
        struct MergeVisitor;
        impl<'de> Visitor<'de> for MergeVisitor {
            type Value = Merge<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a merge, \"a b\" or [\"a\", \"b\"]")
            }

            fn visit_str<E: Error>(self, line: &str) -> Result<Merge<'de>, E> {
                let (left, right) = split_merge(line)
                    .ok_or_else(|| E::invalid_value(Unexpected::Str(line), &self))?;
                let owned = |token: &str| Spelling(Cow::Owned(token.to_string()));
                Ok(Merge(owned(left), owned(right)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pair: A) -> Result<Merge<'de>, A::Error> {
                let (left, right) = (pair.next_element()?, pair.next_element()?);
                match (left, right, pair.next_element::<IgnoredAny>()?) {
                    (Some(left), Some(right), None) => Ok(Merge(left, right)),
                    _ => Err(A::Error::invalid_value(Unexpected::Seq, &self)),
                }
            }
        }
        deserializer.deserialize_any(MergeVisitor)
    }
}
