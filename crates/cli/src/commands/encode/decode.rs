//! `--decode`: tokens back to text.

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use bpe::Tokenizer;
use files::AtomicFile;

use super::args::Args;
use super::summary::Summary;
use super::tokenizer;
use crate::data::text_input::is_stdin;
use crate::data::tokens::TokenFile;
use crate::data::tokens::sidecar::Sidecar;
use crate::shell::columns::aligned;
use crate::shell::interrupt;
use crate::shell::progress::{Progress, Unit};
use crate::shell::stdin::Stdin;
use crate::shell::stdout::Stdout;

/// The number of ids decoded at a time.
const BLOCK: usize = 1 << 16;

/// Decodes the token file `file` (`-`: standard input) to the text file `out` (`-`: standard
/// output).
pub(super) fn run(file: &Path, out: &Path, args: &Args) -> Result<()> {
    interrupt::install()?;
    let tokens = open(file).context("--file")?;
    // Standard input has no sidecar, as a file from elsewhere.
    let sidecar = match is_stdin(file) {
        true => None,
        false => Sidecar::read(file).context("--file")?,
    };
    let tokenizer = &tokenizer::that_made(file, sidecar.as_ref(), args)?;
    if let Some(sidecar) = sidecar.filter(|_| !args.any_tokenizer) {
        sidecar.check_tokenizer(file, tokenizer, "--tokenizer")?;
    }
    let configuration = aligned(&[
        ("tokenizer", format!("{} tokens", tokenizer.vocab_size())),
        ("file", format!("{} ({} tokens)", file.display(), tokens.len())),
        ("out", out.display().to_string()),
    ]);
    log::info!("{configuration}");
    let started = Instant::now();
    let begin = || Progress::new("decoding", Unit::Count("tokens"), Some(tokens.len() as u64));
    let bytes = if out == Path::new("-") {
        // A line that is drawn on the same terminal would cut the text up.
        let progress = (!io::stdout().is_terminal()).then(begin);
        decode(tokenizer, &tokens, file, &mut Stdout::new()?, "standard output", progress)?
    } else {
        let mut text = AtomicFile::create(out).context("--out")?;
        let name = out.display().to_string();
        let bytes = decode(tokenizer, &tokens, file, &mut text, &name, Some(begin()))?;
        text.commit()?;
        bytes
    };
    let (tokens, seconds) = (tokens.len() as u64, started.elapsed().as_secs_f64());
    Summary::new(bytes, tokens, seconds).with_out(out).report(args.json)
}

/// Opens a token file. Standard input is copied to a temporary file first, because token files are
/// mapped into memory.
fn open(path: &Path) -> Result<TokenFile> {
    if !is_stdin(path) {
        return TokenFile::open(path);
    }
    let mut copy = tempfile::NamedTempFile::new().context(
        "standard input goes to a temporary file first, which cannot be made; set TMPDIR to a \
         directory with room for it",
    )?;
    io::copy(&mut Stdin::new()?, &mut copy).context("standard input")?;
    TokenFile::open_as(copy.path(), "standard input")
}

/// Writes the text of `tokens` to `out` and returns its number of bytes.
fn decode(
    tokenizer: &Tokenizer,
    tokens: &TokenFile,
    file: &Path,
    out: &mut impl Write,
    name: &str,
    progress: Option<Progress>,
) -> Result<u64> {
    let mut text = Vec::new();
    let mut bytes = 0;
    for start in (0..tokens.len()).step_by(BLOCK) {
        interrupt::check()?;
        let range = start..tokens.len().min(start + BLOCK);
        let count = range.len() as u64;
        text.clear();
        tokenizer
            .decode_into(tokens.iter(range), &mut text)
            .with_context(|| format!("--file: {}", file.display()))?;
        out.write_all(&text).with_context(|| format!("{name}: cannot be written"))?;
        bytes += text.len() as u64;
        progress.iter().for_each(|progress| progress.inc(count));
    }
    Ok(bytes)
}
