//! The table of runs: Markdown, which reads well on a terminal too.

use super::run::Run;
use super::variant::Variant;

/// The place holder for a missing figure.
const NONE: &str = "–";

/// Returns a table with one row per run, and for variants with several seeds their mean and half
/// their range.
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
    aligned(&rows)
}

fn figure<T>(value: Option<T>, format: impl Fn(T) -> String) -> String {
    value.map_or(NONE.into(), format)
}

fn row(run: &Run) -> [String; 5] {
    [
        run.name.clone(),
        figure(run.final_loss(), |loss| format!("{loss:.4}")),
        figure(run.best(), |(loss, step)| format!("{loss:.4} ({step})")),
        figure(run.divergence(), |step| step.to_string()),
        figure(run.tokens_per_second(), |speed| format!("{speed:.0}")),
    ]
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
        assert_eq!(lines.len(), 2 + 4, "{text}");
        assert!(lines[2].contains("| a-s0 ") && lines[2].contains("| 2.0000 (2) "), "{text}");
        assert!(lines[4].contains("a: mean of 2 seeds") && lines[4].contains("2.2500 ± 0.2500"));
        assert!(lines[5].contains("| –"), "no validation: {text}");
        let width = lines[0].chars().count();
        assert!(lines.iter().all(|line| line.chars().count() == width), "{text}");
    }
}
