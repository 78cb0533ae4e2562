//! A backtracking matcher for regular expressions that [`rewrite`](super::oniguruma::rewrite) made.
//!
//! `fancy_regex` keeps a place to return to for each character of a run, a million at most, and
//! looks at text without counting: `a+b|a` on a million `a` would take it hours. Here a run of one
//! class is a single place to return to, whatever its length, and each step counts: an expression
//! that looks at the same text again and again ends with an error instead of never.
//!
//! [`parse`] makes a tree of an expression, [`program`] instructions of the tree, [`run`] executes
//! them; [`set`] is a set of characters.

mod node;
mod parse;
mod program;
mod run;
mod set;

pub(crate) use program::Program;
pub(crate) use run::{Exhausted, find_all};

#[cfg(test)]
mod tests;
