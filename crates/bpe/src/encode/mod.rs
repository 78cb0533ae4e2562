//! Encoding text: [`encoder`] on one thread, [`stream`] on many.
//!
//! Pre-tokens go through a [pipeline](crate::pretokenize::pipeline) into a cache of ids
//! ([`lookup`], [`cache`]); those that are not there are merged ([`miss`]), the long ones with a
//! cache of their own ([`long_cache`]).

mod cache;
pub(crate) mod encoder;
mod long_cache;
mod lookup;
mod miss;
pub(crate) mod stream;
pub(crate) mod token_id;
