//! Writes a checkpoint as one GGUF file, which llama.cpp opens.
//!
//! ```sh
//! cargo run --release --example export-gguf -- --checkpoint runs/demo --out demo.gguf
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use lm::commands::export;
use lm::commands::flags::Common;
use lm::commands::help::{self, Example};
use lm::run::loaded::{Loaded, OtherTokenizer, Use};
use lm::shell::exit::run_main;

const EXAMPLES: &[Example] = &[
    ("Export the newest checkpoint of a run", "export-gguf -m runs/first -o first.gguf"),
    (
        "Export a checkpoint that has no tokenizer of its own",
        "export-gguf -m runs/first/step-000060 --tokenizer tokenizer -o first.gguf",
    ),
];

/// Write a checkpoint with its tokenizer as one GGUF file, which llama.cpp opens; weights stay f32
#[derive(Parser, Debug)]
#[command(name = "export-gguf", version)]
#[command(after_long_help = help::ending(EXAMPLES, help::MODEL_VARIABLES))]
struct Args {
    /// Checkpoint, run directory (its newest checkpoint), or Hugging Face Llama directory
    #[arg(short = 'm', long, visible_alias = "model", value_name = "DIR")]
    checkpoint: PathBuf,
    /// Tokenizer to use [default: the checkpoint's, else data/tokenizer]
    #[arg(long, value_name = "DIR")]
    tokenizer: Option<PathBuf>,
    /// Insist on a tokenizer that did not make the checkpoint
    #[arg(long)]
    any_tokenizer: bool,
    /// The file
    #[arg(short, long, value_name = "PATH")]
    out: PathBuf,

    #[command(flatten)]
    common: Common,
}

fn main() -> ExitCode {
    run_main(|| {
        let args: Args = lm::commands::flags::parse()?;
        args.common.set_up()?;
        let other = OtherTokenizer::from_flag(args.any_tokenizer);
        let loaded = Loaded::read(&args.checkpoint, args.tokenizer.as_deref(), other, Use::Export)?;
        let name = args.out.file_stem().unwrap_or_default().to_string_lossy();
        export::gguf(&loaded, &name, &args.out)?;
        let bytes = args.out.metadata()?.len();
        log::info!("written to {} ({:.1} MB)", args.out.display(), bytes as f64 / 1e6);
        Ok(())
    })
}
