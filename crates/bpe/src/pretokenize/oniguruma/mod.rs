//! Regular expressions as Oniguruma reads them, rewritten so that every engine reads them alike.
//!
//! A `tokenizer.json` holds a regular expression, and Hugging Face's `tokenizers` runs it by
//! Oniguruma (K. Kosako) in its Ruby syntax. Other engines give parts of it another meaning: `\w`
//! has other characters, `$` other places, `x{1,3}+` is possessive, `(?i:ss)` does not match `ß`.
//! [`rewrite`] leaves what is read alike as it is, puts something equal in place of what is not,
//! and refuses what has no equal here. Its result means the same to Oniguruma, to `fancy_regex`
//! and to the versions of this crate that did not rewrite, so it is what files hold.
//!
//! | written | rewritten |
//! |---|---|
//! | `\w`, `\b`, `[[:alnum:]]`, `\p{Word}` | classes of categories, and look-around at them |
//! | `^`, `$`, `\Z` | look-around at `\n`, `\A` and `\z` |
//! | `x{1,3}+`, `x{2}?`, `x{,3}` | `(?:x{1,3})+`, `(?:x{2})?`, `x{0,3}` |
//! | `(?m:.)`, `\O`, `\N`, `\R` | classes of characters |
//!
//! Oniguruma's meaning was taken from `tokenizers` itself, of each class on every character; the
//! table of `tests/fixtures/oniguruma.json` has its pre-tokens for some hundred expressions.

mod class;
mod escape;
mod expression;
mod item;
mod source;

/// Rewrites a regular expression of Oniguruma's Ruby syntax.
///
/// # Errors
/// When it is none, or has a construct without an equal here. The message names the construct, and
/// what to write instead.
pub(crate) fn rewrite(pattern: &str) -> Result<String, String> {
    expression::Rewriter::new(pattern).rewrite()
}

#[cfg(test)]
mod tests;
