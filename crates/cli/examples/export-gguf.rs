//! Writes a checkpoint as one GGUF file, which llama.cpp opens.
//!
//! ```sh
//! cargo run --release --example export-gguf -- --checkpoint runs/demo --out demo.gguf
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use lm::commands::export;
use lm::run::loaded::{Loaded, OtherTokenizer};
use lm::shell::exit::run_main;
use lm::shell::logging::{self, Verbosity};

/// Write a checkpoint with its tokenizer as one GGUF file, which llama.cpp opens; weights stay f32
#[derive(Parser, Debug)]
#[command(name = "export-gguf", version)]
struct Args {
    /// Checkpoint, run directory (its newest checkpoint), or Hugging Face Llama directory
    #[arg(long, value_name = "DIR")]
    checkpoint: PathBuf,
    /// Tokenizer to use [default: the checkpoint's, else data/tokenizer]
    #[arg(long, value_name = "DIR")]
    tokenizer: Option<PathBuf>,
    /// Insist on a tokenizer that did not make the checkpoint
    #[arg(long)]
    any_tokenizer: bool,
    /// The file
    #[arg(long, value_name = "PATH")]
    out: PathBuf,
}

fn main() -> ExitCode {
    run_main(|| {
        let args: Args = lm::commands::flags::parse()?;
        logging::start(Verbosity::Normal);
        let other = OtherTokenizer::from_flag(args.any_tokenizer);
        let loaded = Loaded::read(&args.checkpoint, args.tokenizer.as_deref(), other)?;
        let name = args.out.file_stem().unwrap_or_default().to_string_lossy();
        export::gguf(&loaded, &name, &args.out)
    })
}
