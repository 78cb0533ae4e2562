//! The figures at the end of encoding and decoding.

use bpe::StreamStats;

/// Formats bytes, tokens, bytes per token, seconds and MB/s.
pub fn summary(stats: StreamStats, seconds: f64) -> String {
    let StreamStats { bytes, tokens } = stats;
    let ratio = if tokens == 0 {
        String::new()
    } else {
        format!(", {:.3} bytes per token", bytes as f64 / tokens as f64)
    };
    let rate = bytes as f64 / 1e6 / seconds.max(1e-9);
    format!("{bytes} bytes, {tokens} tokens{ratio}, {seconds:.2} s, {rate:.1} MB/s")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_has_all_figures() {
        let stats = StreamStats { bytes: 4_000_000, tokens: 1_000_000 };
        assert_eq!(
            summary(stats, 2.0),
            "4000000 bytes, 1000000 tokens, 4.000 bytes per token, 2.00 s, 2.0 MB/s"
        );
        assert_eq!(summary(StreamStats::default(), 0.0), "0 bytes, 0 tokens, 0.00 s, 0.0 MB/s");
    }
}
