//! The work of `encode`: text to a token file, and back.

pub mod args;
mod decode;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use bpe::{StreamOptions, StreamStats, TokenId, Tokenizer};

use crate::commands::encode::args::Args;
use crate::data::text_input::TextInput;
use crate::data::tokens::{TokenType, TokenWriter};
use crate::shell::exit::{Outcome, usage};
use crate::shell::interrupt;
use crate::shell::progress::{Progress, Unit};

/// Encodes or decodes as `args` say.
///
/// # Errors
/// Bad arguments and unusable files, before any work; later what reading and writing say.
pub fn run(args: &Args) -> Result<Outcome> {
    let tokenizer = load_tokenizer(&args.tokenizer, &args.special_tokens)?;
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
    log_configuration(args, &tokenizer, &input);
    match TokenType::for_vocab_size(tokenizer.vocab_size()) {
        TokenType::U16 => encode::<u16>(&tokenizer, input, args.out.clone(), TokenType::U16),
        TokenType::U32 => encode::<u32>(&tokenizer, input, args.out.clone(), TokenType::U32),
    }
}

/// Whether writing the one would replace the other.
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

fn log_configuration(args: &Args, tokenizer: &Tokenizer, input: &TextInput) {
    let token_type = match TokenType::for_vocab_size(tokenizer.vocab_size()) {
        TokenType::U16 => "uint16",
        TokenType::U32 => "uint32",
    };
    log::info!("tokenizer  {} ({} tokens)", args.tokenizer.display(), tokenizer.vocab_size());
    let specials: Vec<&str> =
        tokenizer.vocab().specials().iter().map(|(text, _)| text.as_str()).collect();
    log::info!(
        "special    {}",
        if specials.is_empty() { "none".into() } else { specials.join(" ") }
    );
    log::info!("pattern    {}", tokenizer.pattern().name());
    log::info!("file       {}", input.describe());
    log::info!("out        {} ({token_type})", args.out.display());
    log::info!("threads    {}", rayon::current_num_threads());
}

fn encode<T: TokenId>(
    tokenizer: &Tokenizer,
    input: TextInput,
    out: PathBuf,
    token_type: TokenType,
) -> Result<Outcome> {
    let started = Instant::now();
    let mut writer = TokenWriter::create(&out, token_type).context("--out")?;
    let progress = Progress::new("encoding", Unit::Bytes, input.len());
    let name = input.describe();
    let sink = |ids: &[T]| {
        interrupt::check()?;
        writer.write(ids)
    };
    let options = StreamOptions::new(rayon::current_num_threads());
    let stats = tokenizer
        .encode_stream(input, options, sink, |bytes| progress.inc(bytes))
        .map_err(|error: anyhow::Error| match error.downcast_ref::<bpe::Error>() {
            Some(_) => error.context(format!("--file: {name}")),
            None => error,
        })?;
    drop(progress);
    writer.finish()?;
    log::info!("{}", summary(stats, started.elapsed().as_secs_f64()));
    Ok(Outcome::Done)
}

/// Bytes, tokens, bytes per token, MB/s.
fn summary(stats: StreamStats, seconds: f64) -> String {
    let StreamStats { bytes, tokens } = stats;
    let ratio = if tokens == 0 {
        String::new()
    } else {
        format!(", {:.3} bytes per token", bytes as f64 / tokens as f64)
    };
    let rate = bytes as f64 / 1e6 / seconds.max(1e-9);
    format!("{bytes} bytes, {tokens} tokens{ratio}, {seconds:.2} s, {rate:.1} MB/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_says_it_all() {
        let stats = StreamStats { bytes: 4_000_000, tokens: 1_000_000 };
        assert_eq!(
            summary(stats, 2.0),
            "4000000 bytes, 1000000 tokens, 4.000 bytes per token, 2.00 s, 2.0 MB/s"
        );
        assert_eq!(summary(StreamStats::default(), 0.0), "0 bytes, 0 tokens, 0.00 s, 0.0 MB/s");
    }
}
