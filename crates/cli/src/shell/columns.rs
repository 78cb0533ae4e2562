//! Names and values in two columns.

/// Formats one line per pair, with the values aligned two spaces after the longest name.
pub fn aligned(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let lines: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect();
    lines.join("\n")
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
}
