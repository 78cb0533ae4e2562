//! The figures at the end of encoding and decoding.

use std::path::Path;

use anyhow::Result;
use serde::Serialize;

use crate::shell::stdout::print;

/// The figures of one file, in the order in which JSON has them.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Summary {
    bytes: u64,
    tokens: u64,
    /// `null` for a text without tokens.
    bytes_per_token: Option<f64>,
    /// Known where a text was encoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    documents: Option<u64>,
    seconds: f64,
    /// The file that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    out: Option<String>,
}

impl Summary {
    /// Returns the figures that every task has.
    pub fn new(bytes: u64, tokens: u64, seconds: f64) -> Summary {
        let bytes_per_token = (tokens > 0).then(|| bytes as f64 / tokens as f64);
        Summary { bytes, tokens, bytes_per_token, documents: None, seconds, out: None }
    }

    /// Adds the number of documents.
    pub fn with_documents(self, documents: u64) -> Summary {
        Summary { documents: Some(documents), ..self }
    }

    /// Adds the file that was written.
    pub fn with_out(self, out: &Path) -> Summary {
        Summary { out: Some(out.display().to_string()), ..self }
    }

    /// Logs the figures, and with `--json` prints them too.
    pub fn report(&self, json: bool) -> Result<()> {
        log::info!("{}", self.line());
        if json { print(serde_json::to_string(self)? + "\n") } else { Ok(()) }
    }

    /// Formats bytes, tokens, bytes per token, seconds and MB/s.
    fn line(&self) -> String {
        let &Summary { bytes, tokens, seconds, bytes_per_token, .. } = self;
        let ratio =
            bytes_per_token.map_or(String::new(), |ratio| format!(", {ratio:.3} bytes per token"));
        let rate = bytes as f64 / 1e6 / seconds.max(1e-9);
        format!("{bytes} bytes, {tokens} tokens{ratio}, {seconds:.2} s, {rate:.1} MB/s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_all_figures() {
        assert_eq!(
            Summary::new(4_000_000, 1_000_000, 2.0).line(),
            "4000000 bytes, 1000000 tokens, 4.000 bytes per token, 2.00 s, 2.0 MB/s"
        );
        let empty = Summary::new(0, 0, 0.5);
        assert_eq!(empty.line(), "0 bytes, 0 tokens, 0.50 s, 0.0 MB/s");
        assert_eq!(
            serde_json::to_string(&empty.with_documents(0)).unwrap(),
            r#"{"bytes":0,"tokens":0,"bytes_per_token":null,"documents":0,"seconds":0.5}"#
        );
    }
}
