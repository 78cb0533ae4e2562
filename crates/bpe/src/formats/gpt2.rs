//! GPT-2's files, `vocab.json` and `merges.txt`.
//!
//! `vocab.json` is an object from each token, spelled in characters, to its id. `merges.txt` has a
//! version line, then a line per merge: the two tokens with a space between them.

use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;

use super::assemble::{Sources, Specials, assemble};
use super::byte_unicode::unspell;
use super::hugging_face;
use super::hugging_face::added_tokens::AddedTokens;
use super::hugging_face::class::{Class, class};
use super::hugging_face::config::Config;
use super::parts::{BeginOfText, Parts};
use super::source::Source;
use super::speller::Speller;
use super::spelling::{Ids, split_merge};
use super::text;
use crate::error::{Error, Result, show};
use crate::vocab::Vocab;

/// The name of the file of tokens and ids.
pub const VOCAB: &str = "vocab.json";
/// The name of the file of merges.
pub const MERGES: &str = "merges.txt";

/// The first line of `merges.txt`.
const VERSION: &str = "#version: 0.2";

/// Reads the texts of the two files, with the files beside them: these name a class, which has the
/// rules, and special tokens. Without a class it is GPT-2's pattern, and a token that is neither a
/// byte nor the result of a merge is special too, such as `<|endoftext|>`.
///
/// # Errors
/// When they are damaged, do not belong together, or their class is not known.
pub(super) fn load(
    vocab_text: &str,
    merges_text: &str,
    source: Source,
    config: &Config,
) -> Result<Parts<'static>> {
    let [vocab, merges] = &[VOCAB, MERGES].map(|name| source.path(name));
    let Class { pattern, normalizer, defaults, guesses } = class(config, source)?;
    let (ids, pairs) = rayon::join(
        || serde_json::from_str::<Ids>(vocab_text).map_err(|error| text::json_error(vocab, &error)),
        || parse_merges(merges_text, merges),
    );
    let (mut ids, mut added) = (ids?, AddedTokens::default());
    let declared = config.declared(&[], defaults)?;
    declared.tokens.iter().for_each(|token| added.add(token.clone(), &mut ids));
    let (specials, flags) = added.finish(&source.path(hugging_face::CONFIG))?;
    let specials = if guesses { Specials::Guessed(specials) } else { Specials::Listed(specials) };
    let vocab = assemble(&ids, &pairs?, specials, Sources { tokens: vocab, merges })?;

    let id_of = |role: &str| {
        let content = declared.role(role)?;
        vocab.specials().iter().find(|(text, _)| text == content).map(|&(_, id)| id)
    };
    let begin_of_text = match (config.flag("add_bos_token"), id_of("bos_token")) {
        (None, _) => BeginOfText::Unstated,
        (Some(true), Some(id)) => BeginOfText::Token(id),
        (Some(_), _) => BeginOfText::Nothing,
    };
    let adds_end = config.flag("add_eos_token") == Some(true);
    Ok(Parts {
        normalizer,
        flags: Cow::Owned(flags),
        begin_of_text,
        after_text: id_of("eos_token").filter(|_| adds_end).into_iter().collect(),
        end_of_text: config.end_of_text(&declared, vocab.specials()),
        ..Parts::new(vocab, pattern)
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
