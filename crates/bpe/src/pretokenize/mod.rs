//! Splitting text into pre-tokens, inside which merges happen.
//!
//! [`pattern`] is the entrance; some tokenizers bring texts into a normal form before
//! ([`normalizer`]). A custom pattern is read as Hugging Face's engine reads it ([`oniguruma`])
//! and runs as a regular expression ([`regex`], [`backtrack`]), which is also the oracle for the
//! scanners of the common patterns ([`scan`]). They push the boundaries
//! that they find into a [`boundaries::BoundarySink`]; with [`pipeline`] this is a table in which
//! pre-tokens are looked up.

mod backtrack;
pub(crate) mod boundaries;
mod classes;
pub(crate) mod normalizer;
mod oniguruma;
pub(crate) mod pattern;
pub(crate) mod pipeline;
pub(crate) mod regex;
pub(crate) mod scan;
