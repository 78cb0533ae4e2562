//! Text to tokens: into a file, or counted only.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use bpe::{StreamOptions, TokenId, Tokenizer};

use super::args::Args;
use super::summary::Summary;
use crate::data::digest::Fingerprint;
use crate::data::text_input::{Accept, TextSource};
use crate::data::tokens::sidecar::{Sidecar, Source, TokenizerIdentity};
use crate::data::tokens::{TokenType, TokenWriter};
use crate::shell::columns::aligned;
use crate::shell::interrupt;
use crate::shell::progress::{Progress, Unit};
use crate::shell::stdout::print;

/// Encodes the text `file` into the token file `out`.
pub(super) fn encode(tokenizer: &Tokenizer, file: &Path, out: &Path, args: &Args) -> Result<()> {
    let source = open(file, args)?;
    let token_type = TokenType::for_vocab_size(tokenizer.vocab_size());
    let shown = format!("{} ({})", out.display(), token_type.name());
    log_configuration(tokenizer, &source, shown, args);
    let identity = TokenizerIdentity::of(tokenizer, args.tokenizer_dir());
    log::debug!("the tokenizer's sha256 is {}", identity.sha256);
    let started = Instant::now();
    let mut writer = TokenWriter::create(out, token_type).context("--out")?;
    let encoded = match token_type {
        TokenType::U16 => stream(tokenizer, &source, |ids: &[u16]| writer.write(ids)),
        TokenType::U32 => stream(tokenizer, &source, |ids: &[u32]| writer.write(ids)),
    }?;
    let Encoded { tokens, documents, fingerprint } = encoded;
    let bytes = fingerprint.bytes;
    let sidecar = Sidecar {
        tokenizer: identity,
        sources: vec![Source { path: file.display().to_string(), fingerprint }],
        tokens,
        bytes,
        documents,
        version: env!("CARGO_PKG_VERSION").into(),
    };
    writer.finish_with(&sidecar)?;
    let summary = Summary::new(bytes, tokens, started.elapsed().as_secs_f64());
    summary.with_documents(documents).with_out(out).report(args.json)
}

/// Encodes the text `file` and prints the number of its tokens.
pub(super) fn count(tokenizer: &Tokenizer, file: &Path, args: &Args) -> Result<()> {
    let source = open(file, args)?;
    log_configuration(tokenizer, &source, "none, count only".into(), args);
    let started = Instant::now();
    let Encoded { tokens, documents, fingerprint } =
        stream(tokenizer, &source, |_: &[u32]| Ok(()))?;
    let summary = Summary::new(fingerprint.bytes, tokens, started.elapsed().as_secs_f64());
    summary.with_documents(documents).report(args.json)?;
    if args.json { Ok(()) } else { print(format!("{tokens}\n")) }
}

fn open(file: &Path, args: &Args) -> Result<TextSource> {
    let accept = if args.binary { Accept::Anything } else { Accept::Text };
    let source = TextSource::new(file, accept).context("--file")?;
    interrupt::install()?;
    Ok(source)
}

fn log_configuration(tokenizer: &Tokenizer, source: &TextSource, out: String, args: &Args) {
    let dir = args.tokenizer_dir().display();
    let specials: Vec<&str> =
        tokenizer.vocab().specials().iter().map(|(text, _)| text.as_str()).collect();
    let specials = if specials.is_empty() { "none".into() } else { specials.join(" ") };
    let configuration = aligned(&[
        ("tokenizer", format!("{dir} ({} tokens)", tokenizer.vocab_size())),
        ("special", specials),
        ("pattern", tokenizer.pattern().name().to_string()),
        ("file", source.describe()),
        ("out", out),
        ("threads", rayon::current_num_threads().to_string()),
    ]);
    log::info!("{configuration}");
}

/// A text that was encoded.
struct Encoded {
    tokens: u64,
    documents: u64,
    fingerprint: Fingerprint,
}

/// Encodes all of `source`, and calls `sink` with the ids, in order, a chunk at a time.
fn stream<T: TokenId>(
    tokenizer: &Tokenizer,
    source: &TextSource,
    mut sink: impl FnMut(&[T]) -> Result<()> + Send,
) -> Result<Encoded> {
    let mut input = source.open().context("--file")?;
    let progress = Progress::new("encoding", Unit::Bytes, source.len);
    let end_of_text = tokenizer.end_of_text().map(T::from_id);
    let blank = blank_tokens::<T>(tokenizer);
    // A document is open once more than white space came after the last end.
    let (mut ends, mut is_open) = (0, false);
    let counted = |ids: &[T]| {
        interrupt::check()?;
        let mut tail = ids;
        if let Some(end) = end_of_text
            && let Some(last) = ids.iter().rposition(|&id| id == end)
        {
            ends += ids.iter().filter(|&&id| id == end).count() as u64;
            tail = &ids[last + 1..];
            is_open = false;
        }
        is_open = is_open || tail.iter().any(|id| !blank.contains(id));
        sink(ids)
    };
    let options = StreamOptions::new(rayon::current_num_threads());
    let stats = tokenizer
        .encode_stream(&mut input, options, counted, |bytes| progress.inc(bytes))
        .map_err(|error: anyhow::Error| match error.is::<bpe::Error>() {
            true => error.context(format!("--file: {}", source.name)),
            false => error,
        })?;
    Ok(Encoded {
        tokens: stats.tokens,
        documents: ends + u64::from(is_open),
        fingerprint: input.fingerprint(),
    })
}

/// Returns the tokens of white space, the line break between documents among them.
fn blank_tokens<T: TokenId>(tokenizer: &Tokenizer) -> Vec<T> {
    let is_blank = |&id: &u32| {
        tokenizer.token(id).is_ok_and(|bytes| bytes.iter().all(u8::is_ascii_whitespace))
    };
    (0..tokenizer.vocab_size() as u32).filter(is_blank).map(T::from_id).collect()
}
