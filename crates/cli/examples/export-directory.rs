//! Writes a checkpoint as a Hugging Face directory with weights in bfloat16, half their size.
//!
//! ```sh
//! cargo run --release --example export-directory -- --checkpoint runs/demo --out demo
//! ```

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use lm::commands::export;
use lm::commands::flags::Common;
use lm::commands::help::{self, Example};
use lm::run::loaded::{Loaded, OtherTokenizer, Use};
use lm::shell::exit::run_main;
use model::formats::safetensors::StoredType;

const EXAMPLES: &[Example] =
    &[("Half the size, to pass on", "export-directory -m runs/first -o first")];

/// Write a checkpoint with its tokenizer as a Hugging Face directory, weights in bfloat16
///
/// What only resuming needs is left out: the optimizer's state and the state of the run.
#[derive(Parser, Debug)]
#[command(name = "export-directory", version)]
#[command(after_long_help = help::ending(EXAMPLES, help::MODEL_VARIABLES))]
struct Args {
    /// Checkpoint, run directory (its newest checkpoint), or Hugging Face Llama directory
    #[arg(short = 'm', long, visible_alias = "model", value_name = "DIR")]
    checkpoint: PathBuf,
    /// The directory; files of the same names in it are replaced
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,

    #[command(flatten)]
    common: Common,
}

fn main() -> ExitCode {
    run_main(|| {
        let args: Args = lm::commands::flags::parse()?;
        args.common.set_up()?;
        let loaded =
            Loaded::read(&args.checkpoint, None, OtherTokenizer::from_flag(false), Use::Export)?;
        export::directory(&loaded, &args.out, StoredType::Bf16)?;
        log::info!("written to {}", args.out.display());
        Ok(())
    })
}
