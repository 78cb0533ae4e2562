//! The report of `train-tokenizer`, printed at the end.

use std::path::Path;

use anyhow::Result;
use bpe::Trained;
use serde::Serialize;

use crate::data::digest;
use crate::shell::columns::aligned;
use crate::shell::stdout::print;

/// Seconds per phase.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Seconds {
    pub count: f64,
    pub merge: f64,
    pub write: f64,
}

/// The figures, in the order in which they are printed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    bytes: u64,
    pre_tokens: u64,
    distinct_pre_tokens: usize,
    vocab_size: usize,
    merges: usize,
    /// The ratio for the training text; `null` for a text without tokens.
    bytes_per_token: Option<f64>,
    seconds: Seconds,
    /// The digest of `vocab.json`.
    vocab_sha256: String,
    out: String,
}

impl Report {
    /// Collects the figures, among them the digest of the vocabulary file in `out`.
    pub fn new(trained: &Trained, seconds: Seconds, out: &Path) -> Result<Report> {
        Ok(Report {
            bytes: trained.summary.bytes,
            pre_tokens: trained.summary.pre_tokens,
            distinct_pre_tokens: trained.distinct,
            vocab_size: trained.vocab.len(),
            merges: trained.vocab.merges().len(),
            bytes_per_token: trained.bytes_per_token(),
            seconds,
            vocab_sha256: digest::of_file(&out.join("vocab.json"))?,
            out: out.display().to_string(),
        })
    }

    /// Prints the report to standard output.
    pub fn print(&self, json: bool) -> Result<()> {
        let text = if json { serde_json::to_string(self)? } else { self.lines() };
        print(text + "\n")
    }

    fn lines(&self) -> String {
        let Seconds { count, merge, write } = self.seconds;
        let rate = self.bytes as f64 / 1e6 / count.max(1e-9);
        let per_token = self.bytes_per_token.map_or("none".into(), |ratio| format!("{ratio:.3}"));
        let (pre_tokens, distinct) = (self.pre_tokens, self.distinct_pre_tokens);
        let seconds =
            format!("count {count:.2} ({rate:.0} MB/s), merge {merge:.2}, write {write:.2}");
        aligned(&[
            ("bytes", self.bytes.to_string()),
            ("pre-tokens", format!("{pre_tokens} ({distinct} distinct)")),
            ("vocabulary", format!("{} ({} merges)", self.vocab_size, self.merges)),
            ("bytes per token", per_token),
            ("seconds", seconds),
            ("vocab.json", format!("sha256 {}", self.vocab_sha256)),
            ("written to", self.out.clone()),
        ])
    }
}
