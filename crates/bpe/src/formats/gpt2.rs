//! GPT-2's files. `vocab.json` is an object from each token, spelled in characters, to its id.
//! `merges.txt` has a version line, then a line per merge: the two tokens with a space between
//! them.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use super::assemble::{Sources, assemble};
use super::byte_unicode::unspell;
use super::parts::{BeginOfText, Parts, default_end_of_text};
use super::speller::Speller;
use super::spelling::{Ids, split_merge};
use super::text;
use crate::error::{Error, Result, show};
use crate::pretokenize::pattern::Pattern;
use crate::vocab::Vocab;

/// The name of the file of tokens and ids.
pub const VOCAB: &str = "vocab.json";
/// The name of the file of merges.
pub const MERGES: &str = "merges.txt";

/// The first line of `merges.txt`.
const VERSION: &str = "#version: 0.2";

/// Reads the two files. A token that is neither a byte nor the result of a merge is a special
/// token, such as `<|endoftext|>`.
///
/// # Errors
/// When they are damaged, or do not belong together.
pub fn load(vocab: &Path, merges: &Path) -> Result<Parts<'static>> {
    let (vocab_text, merges_text) = (text::read(vocab)?, text::read(merges)?);
    let (ids, pairs) = rayon::join(
        || {
            serde_json::from_str::<Ids>(&vocab_text)
                .map_err(|error| text::json_error(vocab, &error))
        },
        || parse_merges(&merges_text, merges),
    );
    let vocab = assemble(&ids?, &pairs?, None, Sources { tokens: vocab, merges })?;
    Ok(Parts {
        begin_of_text: BeginOfText::Unstated,
        end_of_text: default_end_of_text(&vocab),
        vocab: Cow::Owned(vocab),
        pattern: Cow::Owned(Pattern::gpt2()),
        ignore_merges: false,
    })
}

/// Returns the pairs of spellings in a `merges.txt`.
fn parse_merges<'t>(text: &'t str, path: &Path) -> Result<Vec<(&'t str, &'t str)>> {
    let lines = text.lines().enumerate().filter(|&(number, line)| {
        // A merge may begin with `#` too, but none on the first line with this word.
        let is_version = number == 0 && line.starts_with("#version");
        !line.is_empty() && !is_version
    });
    let parse = |(number, line): (usize, &'t str)| {
        split_merge(line).ok_or_else(|| {
            let found = format!("{} in line {}", show(line.as_bytes()), number + 1);
            let expected = "two tokens with a space between them";
            Error::file(path, found, expected, "is this a merges.txt?")
        })
    };
    lines.map(parse).collect()
}

/// Checks that `vocab.json` can hold a vocabulary.
///
/// # Errors
/// [`Error::Vocab`] when a special token is spelled like another token.
pub fn check(vocab: &Vocab) -> Result<()> {
    Speller::new(vocab).check()
}

/// Returns the text that `vocab.json` spells like the special token `special`, if there is another
/// one: `Ġthe` is the spelling of ` the`, which training may make a token.
pub fn spelled_alike(special: &str) -> Option<String> {
    String::from_utf8(unspell(special)?).ok().filter(|text| text != special)
}

/// Writes the content of `vocab.json`, in the order of ids.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_vocab(speller: &Speller, out: &mut impl Write) -> io::Result<()> {
    out.write_all(b"{")?;
    speller.write_ids(", ", out)?;
    out.write_all(b"}\n")
}

/// Writes the content of `merges.txt`.
///
/// # Errors
/// Those of `out`.
pub(super) fn write_merges(speller: &Speller, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{VERSION}")?;
    speller.merges().try_for_each(|[left, right]| writeln!(out, "{left} {right}"))
}
