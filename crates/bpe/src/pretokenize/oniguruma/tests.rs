use super::*;
use crate::pretokenize::pattern::Pattern;

/// A regular expression, a text, and the pieces of it by `tokenizers` 0.23.3, which were made by
/// `Split(Regex(pattern), "isolated").pre_tokenize_str(text)`.
type Case = (String, String, Vec<String>);

fn pieces(pattern: &Pattern, text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    pattern.for_each_pre_token(text.as_bytes(), &mut |at| pieces.push(text[at].into())).unwrap();
    pieces
}

#[test]
fn pieces_are_those_of_tokenizers() {
    let cases = include_str!("../../../tests/fixtures/oniguruma.json");
    let cases: Vec<Case> = serde_json::from_str(cases).unwrap();
    assert!(cases.len() > 200);
    for (pattern, text, expected) in cases {
        let ours = Pattern::in_oniguruma(&pattern).unwrap();
        assert_eq!(pieces(&ours, &text), expected, "{pattern} on {text:?}");
        // The expression that files hold is read by whoever reads them as it is.
        let again = Pattern::exactly(ours.name()).unwrap();
        assert_eq!(pieces(&again, &text), expected, "{} on {text:?}", ours.name());
        assert_eq!(rewrite(ours.name()).as_deref(), Ok(ours.name()), "{pattern}");
    }
}

/// Expressions that mean the same everywhere are not touched, so that they look in files as they
/// were written.
#[test]
fn what_is_read_alike_stays_as_it_is() {
    for pattern in [
        r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*",
        r"\s+\z|\s*[\r\n]|\s+(?!\S)|\s",
        r"[\p{Lu}\p{Lt}\p{M}]*(?>a|b)++(?<=\d)(?<!x)[a-z&&[^aeiou]]{2,5}?|\x41\u00e9\.[-\]\^]",
        "a#b~c&d, é\u{301}\n{1}",
    ] {
        let pattern = pattern.strip_suffix("{1}").unwrap_or(pattern);
        assert_eq!(rewrite(pattern).as_deref(), Ok(pattern));
    }
}

#[test]
fn what_is_read_otherwise_is_spelled_out() {
    for (pattern, expected) in [
        (r"\w", r"[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u00B2\u00B3\u00B9\u00BC-\u00BE]"),
        (r"[^\w.]", r"[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}.]"),
        (r"[[:^alnum:]]", r"[[^\p{Alphabetic}\p{Nd}]]"),
        (r"a$", r"a(?=\n|\z)"),
        (r"\p{N}{1,3}+", r"(?:\p{N}{1,3})+"),
        (r"(?:ab){,2}x{3}?", r"(?:ab){0,2}(?:x{3})?"),
        (r"(?<name>a)(?m:.)}", r"(?:a)(?:[\s\S])\}"),
    ] {
        assert_eq!(rewrite(pattern).as_deref(), Ok(expected));
    }
}

#[test]
fn what_has_no_equal_is_named() {
    for (pattern, construct, remedy) in [
        (r"a\Kb", r"\K at byte 1", "not an escape"),
        (r"\X", r"\X at byte 0", "not an escape"),
        (r"\Ga", r"\G at byte 0", "not an escape"),
        (r"(a)\1", r"\1 at byte 3", "references"),
        (r"(?<n>a)\k<n>", r"\k at byte 7", "not an escape"),
        (r"\012", r"\0 at byte 0", r"\x0A"),
        (r"\xe9", r"\xe9 at byte 0", r"\u00E9"),
        (r"\x{110000}", r"\x{110000} at byte 0", r"\x{1F600}"),
        (r"\ud800", r"\ud800 at byte 0", r"\u00E9"),
        ("a\\", "\\ at byte 1", "backslash"),
        (r"\pL", r"\pL at byte 0", r"\p{L}"),
        (r"\p{Nonsense}", r"\p{Nonsense} at byte 0", r"\p{Lu}"),
        (r"\p{Script=Han}", r"\p{Script=Han} at byte 0", r"\p{Han}"),
        (r"[[:graph:]]", "[:graph:] at byte 1", r"\p{P}"),
        (r"[[:alpha:", "[:alpha: at byte 1", r"\p{P}"),
        ("(?s:.)", "(?s at byte 0", r"[\s\S]"),
        ("(?x: a)", "(?x at byte 0", "(?i:…)"),
        ("(?P<n>a)", "(?P< at byte 0", "(?<name>…)"),
        ("(?#c)", "(?# at byte 0", "groups are"),
        ("(?~a)", "(?~ at byte 0", "groups are"),
        ("a(?i)b", "(?i) at byte 1", "(?i:…)"),
        ("(?i:ss)", "s at byte 5", "[Ss][Ss]"),
        ("(?i:f(?:a|I))", "(?:a|I) at byte 5", "[Ss][Ss]"),
        ("(?i:é)", "é at byte 4", "both cases"),
        (r"(?i)\p{L}+", r"\p{L} at byte 4", "(?i:…)"),
        (r"(?i:[a\S])", r"\S at byte 6", "both cases"),
        ("(?<=a+)b", "(?<=a+) at byte 0", "one for each"),
        ("(?<=(?=a))b", "(?<=(?=a)) at byte 0", "out of it"),
        ("(?:a*)*", "(?:a*)* at byte 0", "(?:a|b+)*"),
        ("(?:a+?)+", "(?:a+?)+ at byte 0", "lazy"),
        ("a**", "* at byte 2", "(?:…)"),
        ("^*", "* at byte 1", "no length"),
        ("a|*", "* at byte 2", "nothing to repeat"),
        ("a{3,1}", "{3,1} at byte 1", "greater"),
        ("a{99999999999999999999}", "{99999999999999999999} at byte 1", "too large"),
        ("[]a]", "[] at byte 0", r"\]"),
        ("[a-c-e]", "- at byte 4", r"\-"),
        ("[a--c]", "-- at byte 2", r"\-"),
        (r"[a-\d]", r"-\d at byte 2", r"\-"),
        ("[z-a]", "z-a at byte 1", "before it begins"),
        ("[&&a]", "&& at byte 1", r"\&"),
        ("[a", "[a at byte 0", "not closed"),
        ("(a", "(a at byte 0", "not closed"),
        ("a)", ") at byte 1", r"\)"),
    ] {
        let message = rewrite(pattern).expect_err(pattern);
        assert!(message.starts_with(construct), "{pattern}: {message}");
        assert!(message.contains(remedy) && !message.contains('\n'), "{pattern}: {message}");
    }
}

#[test]
fn deep_nesting_is_an_error() {
    for (open, close) in [("(", ")"), ("[", "]"), ("(?=", ")")] {
        let pattern = open.repeat(100_000) + "a" + &close.repeat(100_000);
        assert!(rewrite(&pattern).unwrap_err().contains("too deeply"), "{open}");
        let pattern = open.repeat(40) + "a" + &close.repeat(40);
        assert!(Pattern::parse(&pattern).is_ok(), "{open}");
    }
}
