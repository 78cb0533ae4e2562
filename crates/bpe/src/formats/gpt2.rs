//! GPT-2's files. `vocab.json`: an object from each token, spelled in characters, to its id.
//! `merges.txt`: a version line, then a line for each merge, the two tokens with a space between
//! them.

use std::io::{self, Write};
use std::path::Path;

use super::assemble::assemble;
use super::byte_unicode::unspell;
use super::spelling::Speller;
use super::{json_error, read_text};
use crate::error::{Error, Result, show};
use crate::pretokenize::pattern::Pattern;
use crate::tokenizer::Tokenizer;
use crate::vocab::Vocab;

/// The file of tokens and ids.
pub const VOCAB: &str = "vocab.json";
/// The file of merges.
pub const MERGES: &str = "merges.txt";

/// How `merges.txt` begins.
const VERSION: &str = "#version: 0.2";

/// Reads the two files. A token that is neither a byte nor what a merge makes is a special token,
/// `<|endoftext|>` for one.
///
/// # Errors
/// When they are damaged, or do not belong together.
pub fn load(vocab: &Path, merges: &Path) -> Result<Tokenizer> {
    let (vocab_text, merges_text) = (read_text(vocab)?, read_text(merges)?);
    let (spellings, pairs) = rayon::join(
        || serde_json::from_str(&vocab_text).map_err(|error| json_error(vocab, &error)),
        || parse_merges(&merges_text, merges),
    );
    let vocab = assemble(&spellings?, &pairs?, None, vocab, merges)?;
    Ok(Tokenizer::new(vocab, Pattern::gpt2()))
}

/// The pairs of spellings in a `merges.txt`.
fn parse_merges<'t>(text: &'t str, path: &Path) -> Result<Vec<(&'t str, &'t str)>> {
    let lines = text.lines().enumerate().filter(|&(number, line)| {
        // A merge may begin with `#` too, but none on the first line with this word.
        let is_version = number == 0 && line.starts_with("#version");
        !line.is_empty() && !is_version
    });
    lines
        .map(|(number, line)| {
            split_merge(line).ok_or_else(|| {
                Error::file(
                    path,
                    format!("{} in line {}", show(line.as_bytes()), number + 1),
                    "two tokens with a space between them",
                    "is this a merges.txt?",
                )
            })
        })
        .collect()
}

/// The two tokens of a merge in one string.
pub(crate) fn split_merge(line: &str) -> Option<(&str, &str)> {
    let space = memchr::memchr(b' ', line.as_bytes())?;
    let (left, right) = (&line[..space], &line[space + 1..]);
    let is_pair = !left.is_empty() && !right.is_empty();
    (is_pair && memchr::memchr(b' ', right.as_bytes()).is_none()).then_some((left, right))
}

/// Refuses a vocabulary that `vocab.json` cannot hold.
///
/// # Errors
/// [`Error::Vocab`] when a special token is spelled like another token.
pub fn check(vocab: &Vocab) -> Result<()> {
    Speller::new(vocab).check()
}

/// The text that `vocab.json` spells like the special token `special`, if there is another one:
/// `Ġthe` is the spelling of ` the`, which training may make a token.
pub fn spelled_alike(special: &str) -> Option<String> {
    String::from_utf8(unspell(special)?).ok().filter(|text| text != special)
}

/// Writes the content of `vocab.json`, in the order of ids.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_vocab(speller: &Speller, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{")?;
    for (id, spelling) in speller.all() {
        if id > 0 {
            out.write_all(b", ")?;
        }
        serde_json::to_writer(&mut *out, &spelling)?;
        write!(out, ": {id}")?;
    }
    out.write_all(b"}\n")
}

/// Writes the content of `merges.txt`.
///
/// # Errors
/// Those of `out`.
pub(crate) fn write_merges(speller: &Speller, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{VERSION}")?;
    speller.merges().try_for_each(|[left, right]| writeln!(out, "{left} {right}"))
}
