//! The program `encode`: text to a token file, and back.

pub mod args;
mod decode;
mod summary;

use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};
use bpe::{StreamOptions, TokenId, Tokenizer};

use crate::data::text_input::TextInput;
use crate::data::tokens::{TokenType, TokenWriter};
use crate::shell::columns::aligned;
use crate::shell::exit::usage;
use crate::shell::interrupt;
use crate::shell::progress::{Progress, Unit};
use args::Args;
use summary::summary;

/// Encodes or decodes.
///
/// # Errors
/// Invalid arguments and unusable files, before any work; later what reading and writing reports.
pub fn run(args: &Args) -> Result<()> {
    args.common.set_up()?;
    let tokenizer = load_tokenizer(&args.tokenizer, &args.special_token)?;
    if is_same_file(&args.file, &args.out) {
        return Err(usage(format!(
            "--out {}: is the --file itself; give another name",
            args.out.display()
        )));
    }
    if args.decode {
        return decode::run(&tokenizer, &args.file, &args.out);
    }
    if args.out == Path::new("-") {
        return Err(usage("--out -: tokens go to a file; only --decode writes to standard output"));
    }
    let input = TextInput::open(&args.file).context("--file")?;
    interrupt::install()?;
    let token_type = TokenType::for_vocab_size(tokenizer.vocab_size());
    log_configuration(args, &tokenizer, &input, token_type);
    match token_type {
        TokenType::U16 => encode::<u16>(&tokenizer, input, &args.out, token_type),
        TokenType::U32 => encode::<u32>(&tokenizer, input, &args.out, token_type),
    }
}

/// Returns `true` if both paths name the same file, which writing would replace.
fn is_same_file(file: &Path, out: &Path) -> bool {
    let (Ok(file), Ok(out)) = (file.canonicalize(), out.canonicalize()) else { return false };
    file == out && file.is_file()
}

fn load_tokenizer(dir: &Path, special_tokens: &[String]) -> Result<Tokenizer> {
    let tokenizer = Tokenizer::load(dir).context("--tokenizer")?;
    if special_tokens.is_empty() {
        return Ok(tokenizer);
    }
    if special_tokens.iter().any(String::is_empty) {
        return Err(usage("--special-token: is empty, expected at least one character"));
    }
    tokenizer.with_extra_specials(special_tokens).context("--special-token")
}

fn log_configuration(args: &Args, tokenizer: &Tokenizer, input: &TextInput, token_type: TokenType) {
    let dir = args.tokenizer.display();
    let specials: Vec<&str> =
        tokenizer.vocab().specials().iter().map(|(text, _)| text.as_str()).collect();
    let specials = if specials.is_empty() { "none".into() } else { specials.join(" ") };
    let configuration = aligned(&[
        ("tokenizer", format!("{dir} ({} tokens)", tokenizer.vocab_size())),
        ("special", specials),
        ("pattern", tokenizer.pattern().name().to_string()),
        ("file", input.describe()),
        ("out", format!("{} ({})", args.out.display(), token_type.name())),
        ("threads", rayon::current_num_threads().to_string()),
    ]);
    log::info!("{configuration}");
}

fn encode<T: TokenId>(
    tokenizer: &Tokenizer,
    input: TextInput,
    out: &Path,
    token_type: TokenType,
) -> Result<()> {
    let started = Instant::now();
    let mut writer = TokenWriter::create(out, token_type).context("--out")?;
    let progress = Progress::new("encoding", Unit::Bytes, input.len);
    let name = input.describe();
    let sink = |ids: &[T]| {
        interrupt::check()?;
        writer.write(ids)
    };
    let options = StreamOptions::new(rayon::current_num_threads());
    let stats = tokenizer
        .encode_stream(input, options, sink, |bytes| progress.inc(bytes))
        .map_err(|error: anyhow::Error| match error.is::<bpe::Error>() {
            true => error.context(format!("--file: {name}")),
            false => error,
        })?;
    drop(progress);
    writer.finish()?;
    log::info!("{}", summary(stats, started.elapsed().as_secs_f64()));
    Ok(())
}
