//! Numbers that Python's `json` writes and JSON lacks.

use std::borrow::Cow;

/// Returns JSON in which `NaN`, `Infinity` and `-Infinity` are strings.
///
/// Python writes and reads them. As strings, a field that needs a number refuses them by name, and
/// all other fields can be read.
pub fn quote_odd_numbers(json: &str) -> Cow<'_, str> {
    // Nearly no file has one.
    if !["NaN", "Infinity"].iter().any(|odd| json.contains(odd)) {
        return Cow::Borrowed(json);
    }
    let mut quoted = String::with_capacity(json.len() + 16);
    let (mut rest, mut is_string) = (json, false);
    while let Some(c) = rest.chars().next() {
        let odd = ["NaN", "Infinity", "-Infinity"].into_iter().find(|odd| rest.starts_with(odd));
        let len = match (is_string, c) {
            (true, '\\') => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            (_, '"') => {
                is_string = !is_string;
                1
            }
            _ => odd.filter(|_| !is_string).map_or(c.len_utf8(), str::len),
        };
        let quote = if odd.is_some() && !is_string && c != '"' { "\"" } else { "" };
        quoted.extend([quote, &rest[..len], quote]);
        rest = &rest[len..];
    }
    Cow::Owned(quoted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_numbers_become_strings_and_all_else_stays() {
        let json = r#"{"a": NaN, "NaN\"": [Infinity,-Infinity, -1], "Infinity": "é\\", "b": NaN}"#;
        let expected = concat!(
            r#"{"a": "NaN", "NaN\"": ["Infinity","-Infinity", -1], "#,
            r#""Infinity": "é\\", "b": "NaN"}"#
        );
        assert_eq!(quote_odd_numbers(json), expected);
        assert!(matches!(quote_odd_numbers(r#"{"a": 1}"#), Cow::Borrowed(_)));
        assert_eq!(quote_odd_numbers("\"NaN\\"), "\"NaN\\");
    }
}
