//! `samples.txt`: a prompt that the model continues at each evaluation, to watch it learn.
//!
//! A sample depends on the weights, the prompt and the run's seed only, and has a separate
//! generator of random numbers: with or without samples, a run ends with the same weights.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use bpe::{BeginOfText, Tokenizer};
use model::{GenerateOptions, Generator, Sampling, Transformer};
use tensor::Context;

use crate::run::file_names;

const HEADING: &str = "=== step ";
const MAX_TOKENS: usize = 100;
const SAMPLING: Sampling = Sampling {
    temperature: 0.8,
    top_k: None,
    top_p: Some(0.9),
    min_p: None,
    repetition_penalty: 1.0,
};

/// A prompt, and the file of its continuations.
pub struct Samples {
    path: PathBuf,
    tokenizer: Tokenizer,
    prompt: String,
    ids: Vec<u32>,
    stop_ids: Vec<u32>,
    seed: u64,
}

impl Samples {
    /// Returns the samples of the run directory `dir`, which begin as the tokenizer's files say.
    /// Writes nothing yet.
    ///
    /// # Errors
    /// When the prompt cannot be encoded for a model of `vocab_size` tokens.
    pub fn new(
        dir: &Path,
        tokenizer: Tokenizer,
        prompt: &str,
        vocab_size: usize,
        seed: u64,
    ) -> Result<Samples> {
        let mut ids = tokenizer.encode(prompt.as_bytes()).context("--sample-prompt")?;
        if let BeginOfText::Token(id) = tokenizer.begin_of_text() {
            ids.insert(0, id);
        }
        ensure!(!ids.is_empty(), "--sample-prompt: empty; give the beginning of a text");
        if let Some(id) = ids.iter().find(|&&id| id as usize >= vocab_size) {
            bail!("--sample-prompt: the tokenizer gives the id {id}, the model knows {vocab_size}");
        }
        let stop_ids = crate::run::tokenizer::end_of_text(&tokenizer).into_iter().collect();
        let (path, prompt) = (dir.join(file_names::SAMPLES), prompt.into());
        Ok(Samples { path, tokenizer, prompt, ids, stop_ids, seed })
    }

    /// Makes the file ready for the samples after `step` steps: removes later ones, which a process
    /// left that was killed.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn begin(&self, step: u64) -> Result<()> {
        let earlier = match files::read(&self.path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).context(self.path.display().to_string()),
        };
        Ok(files::write(&self.path, cut_back(&earlier, step).as_bytes())?)
    }

    /// Appends the prompt with the model's continuation after `step` steps to the file, and returns
    /// both.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, context: Context, model: &Transformer, step: u64) -> Result<String> {
        let (stop_ids, seed) = (self.stop_ids.clone(), self.seed);
        let options = GenerateOptions {
            sampling: SAMPLING,
            max_tokens: MAX_TOKENS,
            stop_ids,
            seed,
            ..GenerateOptions::default()
        };
        let ids = Generator::new(model, context, &self.ids, &options)?;
        // A vocabulary may be larger than its tokenizer; the ids in between have no text.
        let known: Vec<u32> =
            ids.filter(|&id| (id as usize) < self.tokenizer.vocab_size()).collect();
        let bytes = self.tokenizer.decode(&known)?;
        let text = format!("{}{}", self.prompt, String::from_utf8_lossy(&bytes));
        let failed = || format!("{}: cannot be written", self.path.display());
        let mut file =
            File::options().append(true).create(true).open(&self.path).with_context(failed)?;
        file.write_all(section(step, &text).as_bytes()).with_context(failed)?;
        Ok(text)
    }
}

/// Formats a sample with its heading.
fn section(step: u64, text: &str) -> String {
    // A line of the text must not look like a heading.
    let text = text.replace(&format!("\n{HEADING}"), &format!("\n {HEADING}"));
    format!("{HEADING}{step}\n{text}\n\n")
}

/// Returns the text up to the first section of a step after `step`.
fn cut_back(text: &str, step: u64) -> &str {
    let step_of = |line: &str| line.strip_prefix(HEADING)?.trim_end().parse::<u64>().ok();
    let is_kept = |line: &&str| step_of(line).is_none_or(|found| found <= step);
    let kept = text.split_inclusive('\n').take_while(is_kept);
    &text[..kept.map(str::len).sum()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use bpe::{Pattern, Vocab};

    #[test]
    fn a_sample_begins_as_the_tokenizer_says() {
        let vocab = Vocab::from_merges(vec![], &["<|endoftext|>".into()]).unwrap();
        let tokenizer = Tokenizer::new(vocab, Pattern::gpt2());
        for (begin_of_text, expected) in
            [(BeginOfText::Token(256), &[256, 65][..]), (BeginOfText::Nothing, &[65])]
        {
            let parts = bpe::formats::Parts { begin_of_text, ..tokenizer.parts() };
            let tokenizer = Tokenizer::from_parts(parts);
            let samples = Samples::new(Path::new("run"), tokenizer, "A", 257, 0).unwrap();
            assert_eq!(samples.ids, expected);
        }
    }

    #[test]
    fn cutting_back_removes_later_sections_only() {
        let sections = [section(10, "one\n=== step 99\nmore"), section(20, "two"), section(30, "")];
        let text = sections.concat();
        assert_eq!(cut_back(&text, 20), sections[..2].concat());
        assert_eq!(cut_back(&text, 5), "");
        assert_eq!(cut_back(&text, 30), text);
        assert_eq!(cut_back("", 0), "");
    }
}
