//! The table of runs: Markdown, which reads well on a terminal too.

use super::run::{Run, Variant};

/// One line a run, and for variants with several seeds their mean, and half the distance of the
/// furthest two.
pub fn table(variants: &[Variant]) -> String {
    let heading = ["run", "final validation loss", "best (step)", "diverged at step", "tokens/s"];
    let mut rows = vec![heading.map(String::from)];
    for variant in variants {
        rows.extend(variant.runs.iter().map(row));
        if variant.runs.len() > 1 {
            let name = format!("{}: mean of {} seeds", variant.name, variant.runs.len());
            let spread = mean_and_spread(&variant.final_losses())
                .map_or(dash(), |(mean, spread)| format!("{mean:.4} ± {spread:.4}"));
            rows.push([name, spread, String::new(), String::new(), String::new()]);
        }
    }
    aligned(&rows)
}

/// The mean and half the range.
pub fn mean_and_spread(values: &[f64]) -> Option<(f64, f64)> {
    let lowest = values.iter().copied().reduce(f64::min)?;
    let highest = values.iter().copied().reduce(f64::max)?;
    Some((values.iter().sum::<f64>() / values.len() as f64, (highest - lowest) / 2.0))
}

fn dash() -> String {
    "–".into()
}

fn row(run: &Run) -> [String; 5] {
    [
        run.name.clone(),
        run.final_loss().map_or(dash(), |loss| format!("{loss:.4}")),
        run.best().map_or(dash(), |(loss, step)| format!("{loss:.4} ({step})")),
        run.divergence().map_or(dash(), |step| step.to_string()),
        run.tokens_per_second().map_or(dash(), |speed| format!("{speed:.0}")),
    ]
}

/// Columns of equal width; the first row is the heading.
fn aligned(rows: &[[String; 5]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 5] = std::array::from_fn(|column| width(column).unwrap_or(0));
    let mut text = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!(" {cell:width$} "));
        text += &format!("|{}|\n", cells.collect::<Vec<_>>().join("|"));
        if number == 0 {
            let rules = widths.map(|width| "-".repeat(width + 2));
            text += &format!("|{}|\n", rules.join("|"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::run::{group, tests::run};
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
