//! The table of runs: Markdown, which reads well on a terminal too.

use super::run::Run;
use super::variant::Variant;

/// The place holder for a missing figure.
const NONE: &str = "–";

/// Returns a table with one row per run, and for variants with several seeds their mean and half
/// their range, which a line below explains. A run without a validation loss shows its training
/// loss, and one that has not ended how far it is.
pub fn table(variants: &[Variant]) -> String {
    let heading = ["run", "final validation loss", "best (step)", "diverged at step", "tokens/s"];
    let mut rows = vec![heading.map(String::from)];
    for variant in variants {
        rows.extend(variant.runs.iter().map(row));
        if variant.runs.len() > 1 {
            let name = format!("{}: mean of {} seeds", variant.name, variant.runs.len());
            let mean =
                figure(variant.final_loss(), |(mean, half)| format!("{mean:.4} ± {half:.4}"));
            rows.push([name, mean, String::new(), String::new(), String::new()]);
        }
    }
    let has_seeds = variants.iter().any(|variant| variant.runs.len() > 1);
    let explanation = if has_seeds { "\n±: half the range of the seeds' losses\n" } else { "" };
    aligned(&rows) + explanation
}

fn figure<T>(value: Option<T>, format: impl Fn(T) -> String) -> String {
    value.map_or(NONE.into(), format)
}

fn row(run: &Run) -> [String; 5] {
    [
        run.name.clone(),
        last_loss(run),
        figure(run.best(), |(loss, step)| format!("{loss:.4} ({step})")),
        figure(run.divergence(), |step| step.to_string()),
        figure(run.tokens_per_second(), |speed| format!("{speed:.0}")),
    ]
}

fn last_loss(run: &Run) -> String {
    let validation = run.final_loss().map(|loss| format!("{loss:.4}"));
    let training = || Some(format!("{:.4} (training)", run.final_training_loss()?));
    figure(validation.or_else(training), |loss| match run.unfinished {
        Some((done, planned)) => format!("{loss} at step {done} of {planned}"),
        None => loss,
    })
}

/// Formats rows with columns of equal width; the first row is the heading.
fn aligned(rows: &[[String; 5]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 5] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(widths).map(|(cell, width)| format!(" {cell:width$} "));
            format!("|{}|\n", cells.collect::<Vec<_>>().join("|"))
        })
        .collect();
    lines.insert(1, format!("|{}|\n", widths.map(|width| "-".repeat(width + 2)).join("|")));
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::super::run::tests::run;
    use super::super::variant::group;
    use super::*;

    #[test]
    fn runs_and_the_mean_of_seeds() {
        let runs = vec![run("a-s0", &[3.0, 2.0]), run("a-s1", &[3.0, 2.5]), run("b", &[1.0])];
        let text = table(&group(runs));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 + 4 + 2, "{text}");
        assert!(lines[2].contains("| a-s0 ") && lines[2].contains("| 2.0000 (2) "), "{text}");
        assert!(lines[4].contains("a: mean of 2 seeds") && lines[4].contains("2.2500 ± 0.2500"));
        assert!(lines[5].contains("| 1.0000 (training) ") && lines[5].contains("| –"), "{text}");
        assert_eq!(lines[6..], ["", "±: half the range of the seeds' losses"]);
        let width = lines[0].chars().count();
        assert!(lines[..6].iter().all(|line| line.chars().count() == width), "{text}");
    }

    #[test]
    fn a_run_that_has_not_ended_says_how_far_it_is() {
        let at_work = Run { unfinished: Some((2, 1000)), ..run("a", &[3.0, 2.0]) };
        let text = table(&group(vec![at_work, run("b", &[3.0, 2.5])]));
        assert!(text.contains("| 2.0000 at step 2 of 1000 "), "{text}");
        assert!(text.contains("| 2.5000 ") && !text.contains('±'), "{text}");
    }
}
