//! Machinery that knows nothing of tokens: byte strings, keys, hashing, prefetching, huge pages, a
//! lock.

pub(crate) mod byte_strings;
pub(crate) mod fibonacci_hash;
pub(crate) mod huge_pages;
pub(crate) mod lock;
#[allow(unsafe_code)]
pub(crate) mod prefetch;
pub(crate) mod probe;
pub(crate) mod short_key;
