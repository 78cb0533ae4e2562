//! Draws the curves of several runs into one chart and prints a table of them.
//!
//! ```sh
//! cargo run --release --example compare-runs -- runs/a runs/b --out chart.svg
//! ```

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use lm::charts::compare::{Chart, Horizontal, Run, group, table};
use lm::shell::exit::{Outcome, run_main};

/// Draw the curves of several runs into one chart, and print a table of them
///
/// A run is a directory with metrics.jsonl. Runs whose names differ only in -s and a number at the
/// end (baseline-s0, baseline-s1) are seeds of one variant: they share a colour and an entry of the
/// legend.
#[derive(Parser, Debug)]
#[command(name = "compare-runs", version)]
struct Args {
    /// Run directories, DIR or NAME=DIR
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// The chart, as SVG, or as PNG if its name ends so; without it only the table is printed
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// What the chart is called
    #[arg(long, value_name = "TEXT", default_value = "Loss")]
    title: String,
    /// The horizontal axis
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Against::Steps)]
    against: Against,
    /// Logarithmic horizontal axis
    #[arg(long)]
    log_x: bool,
    /// Logarithmic vertical axis
    #[arg(long)]
    log_y: bool,
    /// The highest loss that is shown [default: somewhat more than runs that go well have after a
    /// fifth of the steps]
    #[arg(long, value_name = "X")]
    max_loss: Option<f64>,
}

#[derive(ValueEnum, Debug, Clone, Copy)]
enum Against {
    Steps,
    Tokens,
    #[value(alias = "hours")]
    Time,
}

fn main() -> ExitCode {
    run_main(|| {
        let args: Args = lm::commands::flags::parse()?;
        let variants = group(Run::from_arguments(&args.runs)?);
        if let Some(out) = &args.out {
            let horizontal = match args.against {
                Against::Steps => Horizontal::Steps,
                Against::Tokens => Horizontal::Tokens,
                Against::Time => Horizontal::Time,
            };
            let Args { title, log_x, log_y, max_loss, .. } = args;
            let chart = Chart { title, horizontal, log_x, log_y, max_loss };
            files::write(out, &picture(out, chart.draw(&variants))?)?;
        }
        io::stdout().write_all(table(&variants).as_bytes()).context("standard output")?;
        Ok(Outcome::Done)
    })
}

/// The chart in the format that the name of its file asks for.
fn picture(out: &Path, svg: String) -> Result<Vec<u8>> {
    if !out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
        return Ok(svg.into_bytes());
    }
    #[cfg(feature = "png")]
    return lm::charts::compare::png(&svg);
    #[cfg(not(feature = "png"))]
    anyhow::bail!("{}: PNG needs a build with --features png; or write .svg", out.display())
}
