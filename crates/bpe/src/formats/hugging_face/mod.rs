//! Hugging Face's files: `tokenizer.json`, which says all about a tokenizer, and
//! `tokenizer_config.json`, which `transformers` wants beside it.
//!
//! A `tokenizer.json` can describe much more than byte-level BPE. Whatever would cut or merge a
//! text differently here is refused. Not looked at is what happens to the ids afterwards: special
//! tokens that a `post_processor` adds around a text are not added, and `truncation` and `padding`
//! are left to whoever cuts texts. A regular expression of the user's own is written and read as it
//! stands, though Hugging Face's engine takes `$` and `{1,3}+` for something else.

mod read;
mod write;

pub use read::load;
pub use write::config_json;
pub(crate) use write::write_tokenizer;

/// The file that says all.
pub const TOKENIZER: &str = "tokenizer.json";
/// The file for `transformers`.
pub const CONFIG: &str = "tokenizer_config.json";

/// GPT-4's pattern for the regular expressions of Hugging Face's libraries, where `{1,3}+` is no
/// possessive quantifier and `$` matches at the end of each line.
const GPT4: &str = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]|\s+(?!\S)|\s";

/// A text without cuts as a pattern: `ByteLevel` with `use_regex` off.
const UNCUT: &str = r"(?s:.+)";

#[cfg(test)]
mod tests;
