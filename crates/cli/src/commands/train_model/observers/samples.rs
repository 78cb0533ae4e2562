//! The observer that lets the model write a sample at each evaluation, and shows its beginning.

use anyhow::Result;
use console::style;

use crate::commands::train_model::trainer::{Observer, Report, Trainer};
use crate::run::samples::Samples;

/// The most characters of a sample that are shown; the whole is in the file.
const SHOWN: usize = 240;

impl Observer for Samples {
    fn step_done(&mut self, trainer: &Trainer, report: &Report) -> Result<()> {
        if report.evaluates {
            let text = self.write(trainer.context, &trainer.model, trainer.step)?;
            log::info!("{}", style(format!("    {}", beginning(&text))).for_stderr().dim());
        }
        Ok(())
    }
}

/// Returns the beginning of a text as one line, without control characters: a model that has
/// learned little writes any bytes.
fn beginning(text: &str) -> String {
    let text = text.replace(|c: char| c.is_control(), " ");
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        length += word.chars().count() + 1;
        if length > SHOWN {
            return line + " …";
        }
        line += if line.is_empty() { "" } else { " " };
        line += word;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_one_line_of_whole_words() {
        assert_eq!(beginning("Once  upon\na\ttime\x1b[2J."), "Once upon a time [2J.");
        let long = "word ".repeat(100);
        let shown = beginning(&long);
        assert!(shown.starts_with("word word") && shown.ends_with("word …"), "{shown}");
        assert!((SHOWN - 10..=SHOWN + 2).contains(&shown.chars().count()));
    }
}
