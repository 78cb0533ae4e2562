//! Draws the curves of several runs into one chart and prints a table of them.
//!
//! ```sh
//! cargo run --release --example compare-runs -- runs/a runs/b --out chart.svg
//! ```

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use lm::charts::compare::{Chart, Horizontal, Scale, group, read_runs, table};
use lm::shell::exit::run_main;
use lm::shell::stdout::print;

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
    /// Heading of the chart
    #[arg(long, value_name = "TEXT", default_value = "Loss")]
    title: String,
    /// Quantity on the horizontal axis
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Horizontal::Steps)]
    against: Horizontal,
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

fn main() -> ExitCode {
    run_main(|| {
        let args: Args = lm::commands::flags::parse()?;
        let variants = group(read_runs(&args.runs)?);
        if let Some(out) = &args.out {
            let scale = |log| if log { Scale::Logarithmic } else { Scale::Linear };
            let chart = Chart {
                title: args.title,
                horizontal: args.against,
                x_scale: scale(args.log_x),
                y_scale: scale(args.log_y),
                max_loss: args.max_loss,
            };
            files::write(out, &picture(out, chart.draw(&variants))?)?;
        }
        print(table(&variants))?;
        Ok(())
    })
}

/// Returns the chart in the format that the name of its file asks for.
fn picture(out: &Path, svg: String) -> Result<Vec<u8>> {
    if !out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png")) {
        return Ok(svg.into_bytes());
    }
    #[cfg(feature = "png")]
    return lm::charts::compare::png(&svg);
    #[cfg(not(feature = "png"))]
    anyhow::bail!("{}: PNG needs a build with --features png; or write .svg", out.display())
}
