//! Encoding text on one thread or many.

pub(crate) mod cache;
pub(crate) mod encoder;
pub(crate) mod long_cache;
pub(crate) mod lookup;
pub(crate) mod miss;
pub(crate) mod stream;
pub(crate) mod token_id;
