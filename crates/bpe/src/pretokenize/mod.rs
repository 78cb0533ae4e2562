//! Splitting text into pre-tokens.

pub(crate) mod boundaries;
pub(crate) mod classes;
pub(crate) mod pattern;
pub(crate) mod pipeline;
pub(crate) mod regex;
pub(crate) mod scan;
