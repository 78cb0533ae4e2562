//! The figures at the end of encoding and decoding.

use anyhow::Result;
use serde_json::json;

use crate::shell::stdout::print;

/// The figures of one file.
#[derive(Debug, Clone)]
pub(super) struct Summary {
    pub bytes: u64,
    pub tokens: u64,
    /// Known where a text was encoded.
    pub documents: Option<u64>,
    pub seconds: f64,
    /// The file that was written.
    pub out: Option<String>,
}

impl Summary {
    /// Logs the figures, and with `--json` prints them too.
    pub fn report(&self, json: bool) -> Result<()> {
        log::info!("{}", self.line());
        if json { print(format!("{}\n", self.json())) } else { Ok(()) }
    }

    fn bytes_per_token(&self) -> Option<f64> {
        (self.tokens > 0).then(|| self.bytes as f64 / self.tokens as f64)
    }

    /// Formats bytes, tokens, bytes per token, seconds and MB/s.
    fn line(&self) -> String {
        let &Summary { bytes, tokens, seconds, .. } = self;
        let ratio = self.bytes_per_token();
        let ratio = ratio.map_or(String::new(), |ratio| format!(", {ratio:.3} bytes per token"));
        let rate = bytes as f64 / 1e6 / seconds.max(1e-9);
        format!("{bytes} bytes, {tokens} tokens{ratio}, {seconds:.2} s, {rate:.1} MB/s")
    }

    fn json(&self) -> serde_json::Value {
        let mut object = json!({
            "bytes": self.bytes,
            "tokens": self.tokens,
            "bytes_per_token": self.bytes_per_token(),
            "seconds": self.seconds,
        });
        if let Some(documents) = self.documents {
            object["documents"] = documents.into();
        }
        if let Some(out) = &self.out {
            object["out"] = out.as_str().into();
        }
        object
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_all_figures() {
        let summary =
            |bytes, tokens, seconds| Summary { bytes, tokens, documents: None, seconds, out: None };
        assert_eq!(
            summary(4_000_000, 1_000_000, 2.0).line(),
            "4000000 bytes, 1000000 tokens, 4.000 bytes per token, 2.00 s, 2.0 MB/s"
        );
        assert_eq!(summary(0, 0, 0.0).line(), "0 bytes, 0 tokens, 0.00 s, 0.0 MB/s");
        assert_eq!(summary(0, 0, 0.0).json()["bytes_per_token"], serde_json::Value::Null);
    }
}
