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
use lm::commands::help::{self, Example};
use lm::shell::exit::{check_flag, run_main, usage};
use lm::shell::stdout::print;

const EXAMPLES: &[Example] = &[
    ("Print a table", "compare-runs runs/first runs/second"),
    (
        "Draw a chart too, with names of your own",
        "compare-runs narrow=runs/first wide=runs/second --out chart.svg",
    ),
    (
        "Curves over the time that each run took, from the first minute on",
        "compare-runs runs/first runs/second --against time --log-x --out chart.svg",
    ),
];

/// Draw the curves of several runs into one chart, and print a table of them
///
/// A run is a directory with metrics.jsonl. Runs whose names differ only in -s and a number at the
/// end (baseline-s0, baseline-s1) are seeds of one variant: they share a colour and an entry of the
/// legend. Names that end in numbers (lr-1e-3, lr-1e-2) get colours in the order of the numbers.
#[derive(Parser, Debug)]
#[command(name = "compare-runs", version)]
#[command(after_long_help = help::ending(EXAMPLES, &[]))]
struct Args {
    /// Run directories, DIR or NAME=DIR
    #[arg(required = true, value_name = "RUN")]
    runs: Vec<String>,
    /// The chart, .svg, or .png in a build with --features png; without it only the table is
    /// printed
    #[arg(short, long, value_name = "PATH")]
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
    /// The highest loss that is shown [default: the highest, or what leaves half of the picture to
    /// the last four fifths of the steps]
    #[arg(long)]
    max_loss: Option<f64>,
}

fn main() -> ExitCode {
    run_main(|| {
        let args: Args = lm::commands::flags::parse()?;
        check(&args)?;
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

/// Checks the flags before any work.
fn check(args: &Args) -> Result<()> {
    if let Some(max) = args.max_loss {
        check_flag("max-loss", max, max.is_finite() && max > 0.0, "a number above 0")?;
    }
    match args.out.as_deref() {
        Some(out) if !has_ending(out, "svg") && !has_ending(out, "png") => {
            let expected = "expected a name that ends in .svg or .png";
            Err(usage(format!("--out {}: {expected}", out.display())))
        }
        _ => Ok(()),
    }
}

fn has_ending(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
}

/// Returns the chart in the format that the name of its file asks for.
fn picture(out: &Path, svg: String) -> Result<Vec<u8>> {
    if !has_ending(out, "png") {
        return Ok(svg.into_bytes());
    }
    #[cfg(feature = "png")]
    return lm::charts::compare::png(&svg);
    #[cfg(not(feature = "png"))]
    Err(usage(format!(
        "--out {}: PNG needs a build with --features png; or give a name in .svg",
        out.display()
    )))
}
