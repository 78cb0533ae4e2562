//! Text in columns: names and values below each other, and lines that fit a width.

/// The least and the greatest width of the picture of a bar, brackets included.
const BAR: (usize, usize) = (10, 18);

/// Formats one line per pair, with the values aligned two spaces after the longest name.
pub fn aligned(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect();
    lines.join("\n")
}

/// Puts `parts`, of which the first matter most, on a line of at most `width` columns: as many as
/// fit. Where all fit, the rest of the line has the picture of a bar, filled to the `share` done.
pub fn fitting(label: &str, share: Option<f64>, parts: &[String], width: usize) -> String {
    let mut text = String::new();
    let mut used = label.chars().count();
    let mut fits_all = true;
    for (index, part) in parts.iter().enumerate() {
        let separator = if index == 0 { " " } else { ", " };
        used += separator.len() + part.chars().count();
        if used > width {
            fits_all = false;
            break;
        }
        text = text + separator + part;
    }
    let rest = width.saturating_sub(used + 1).min(BAR.1);
    match share.filter(|_| fits_all && rest >= BAR.0) {
        Some(share) => format!("{label} {}{text}", bar(share, rest)),
        None => (label.to_string() + &text).chars().take(width).collect(),
    }
}

/// Draws a bar of `width` columns.
fn bar(share: f64, width: usize) -> String {
    let inner = width - 2;
    let done = ((share.clamp(0.0, 1.0) * inner as f64) as usize).min(inner);
    let tip = if done < inner { ">" } else { "" };
    let left = inner - done - tip.len();
    format!("[{}{tip}{}]", "=".repeat(done), " ".repeat(left))
}

/// Breaks `text` at spaces into lines of at most `width` columns, if there is a width; all but the
/// first are indented. A word that is longer stays whole.
pub fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_string() };
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("  {word}")),
            None => lines.push(word.to_string()),
        }
    }
    lines.join("\n")
}

/// Formats rows below each other, the first cell of each at the left, the others at the right of
/// their columns. Where the table is wider than `width`, if there is a width, its last columns are
/// left out.
pub fn table(rows: &[Vec<String>], width: Option<usize>) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width_of = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let mut used = 0;
    let widths: Vec<usize> = (0..columns)
        .map(|column| (column, width_of(column).unwrap_or(0) + if column == 0 { 0 } else { 2 }))
        .take_while(|&(column, needed)| {
            used += needed;
            column == 0 || width.is_none_or(|width| used <= width)
        })
        .map(|(_, needed)| needed)
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (index, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            line += &if index == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") };
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_below_each_other() {
        let pairs = [("out", "x.npy".to_string()), ("tokenizer", "dir".to_string())];
        assert_eq!(aligned(&pairs), "out        x.npy\ntokenizer  dir");
        assert_eq!(aligned(&[]), "");
    }

    fn parts() -> Vec<String> {
        ["228/1000", "loss 3.665", "val 3.751", "1m 04s left"].map(String::from).to_vec()
    }

    #[test]
    fn what_matters_most_is_kept() {
        let shown = |width| fitting("step", Some(0.228), &parts(), width);
        let all = "228/1000, loss 3.665, val 3.751, 1m 04s left";
        assert_eq!(shown(130), format!("step [===>            ] {all}"));
        assert_eq!(shown(80), format!("step [===>            ] {all}"));
        assert_eq!(shown(60), format!("step [=>      ] {all}"));
        assert_eq!(shown(59), format!("step {all}"));
        assert_eq!(shown(48), "step 228/1000, loss 3.665, val 3.751");
        assert_eq!(shown(39), "step 228/1000, loss 3.665, val 3.751");
        assert_eq!(shown(30), "step 228/1000, loss 3.665");
        assert_eq!(shown(12), "step");
        assert_eq!(shown(3), "ste");
        assert_eq!(shown(0), "");
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in 0..140 {
            for share in [None, Some(0.0), Some(0.5), Some(1.0), Some(7.0), Some(f64::NAN)] {
                let line = fitting("étape", share, &parts(), width);
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn words_stay_whole() {
        let text = "options: batch-size 8, lr 0.006, checkpoint-every 200";
        assert_eq!(
            wrapped(text, Some(29)),
            "options: batch-size 8, lr\n  0.006, checkpoint-every 200"
        );
        assert_eq!(wrapped(text, Some(4)).lines().count(), 7);
        assert_eq!(wrapped(text, None), text);
    }

    #[test]
    fn a_table_loses_its_last_columns() {
        let row = |cells: [&str; 3]| cells.map(String::from).to_vec();
        let rows = [row(["per step", "share", "ms"]), row(["attention", "7 %", "12.5"])];
        assert_eq!(table(&rows, None), "per step   share    ms\nattention    7 %  12.5\n");
        assert_eq!(table(&rows, Some(22)), table(&rows, None));
        assert_eq!(table(&rows, Some(21)), "per step   share\nattention    7 %\n");
        assert_eq!(table(&rows, Some(3)), "per step\nattention\n");
    }
}
