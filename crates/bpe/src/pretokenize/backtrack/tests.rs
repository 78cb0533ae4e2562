use super::*;
use crate::pretokenize::pattern::Pattern;
use crate::pretokenize::regex::RegexSplitter;
use crate::pretokenize::scan::{LLAMA3, O200K, QWEN2};
use proptest::prelude::*;

fn matches(regex: &str, text: &str) -> Vec<(usize, usize)> {
    let mut matches = Vec::new();
    let program = Program::new(regex).unwrap();
    find_all(&program, text, |start, end| matches.push((start, end))).unwrap();
    matches
}

#[test]
fn matches_are_found_from_left_to_right() {
    assert_eq!(matches("a|ab", "abab"), [(0, 1), (2, 3)]);
    assert_eq!(matches("a*?b", "aab"), [(0, 3)]);
    assert_eq!(matches("a{1,2}?", "aaa"), [(0, 1), (1, 2), (2, 3)]);
    assert_eq!(matches("a?+a|b", "aab"), [(0, 2), (2, 3)]);
    assert_eq!(matches("(?:ab|c){2,3}", "abcababc"), [(0, 5), (5, 8)]);
    assert_eq!(matches("(?>a|ab)c", "abc ac"), [(4, 6)]);
    assert_eq!(matches("(?<=é)b|(?<!é)c", "éb c éc"), [(2, 3), (4, 5)]);
    assert_eq!(matches("x*", "axb"), [(0, 0), (1, 2), (3, 3)]);
    assert_eq!(matches("", "é"), [(0, 0), (2, 2)]);
    assert_eq!(matches(r"[a&&b]|\Aa|b\z", "aab"), [(0, 1), (2, 3)]);
}

/// Expressions and texts of few characters, so that they meet.
fn regex() -> impl Strategy<Value = String> {
    let atoms = prop::sample::select(vec![
        "a", "b", "é", ".", "[ab]", "[^a]", r"\s", r"\p{L}", "(?=b)", "(?!a)", "(?<=a)", "(?<!b)",
    ]);
    let quantifiers = prop::sample::select(vec!["", "", "", "*", "+", "?", "{2}", "{1,2}"]);
    let modes = prop::sample::select(vec!["", "", "?", "+"]);
    let atom = (atoms, quantifiers, modes).prop_map(|(atom, quantifier, mode)| match quantifier {
        _ if atom.starts_with("(?") => atom.to_string(),
        "" => atom.to_string(),
        "{2}" | "{1,2}" if mode == "+" => format!("{atom}{quantifier}"),
        "{2}" => format!("{atom}{quantifier}"),
        _ => format!("{atom}{quantifier}{mode}"),
    });
    atom.prop_recursive(3, 12, 3, |inner| {
        let quantifiers = prop::sample::select(vec!["", "*", "+", "?", "+?", "*+", "{2}", "{0,2}"]);
        let groups = prop::sample::select(vec!["(?:", "(?>", "(", "(?=", "(?!", "(?i:"]);
        let branch = prop::collection::vec(inner, 1..4).prop_map(|parts| parts.concat());
        (prop::collection::vec(branch, 1..3), groups, quantifiers).prop_map(
            |(branches, group, quantifier)| {
                let quantifier = if group.starts_with("(?=") || group.starts_with("(?!") {
                    ""
                } else {
                    quantifier
                };
                format!("{group}{}){quantifier}", branches.join("|"))
            },
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn matches_are_those_of_fancy_regex(regex in regex(), text in "[abAé \n]{0,12}") {
        // What is refused, such as a repetition of what may be empty, is not for this engine.
        if let Ok(pattern) = Pattern::parse(&regex) {
            let theirs = RegexSplitter::in_fancy_regex(pattern.name()).unwrap();
            let ours = RegexSplitter::new(pattern.name()).unwrap();
            prop_assert_eq!(ours.pieces(text.as_bytes()), theirs.pieces(text.as_bytes()));
        }
    }
}

#[test]
fn endless_runs_are_matched() {
    for regex in [LLAMA3, QWEN2, O200K, r"\w+|[^\w\s]+|\s+(?!\S)|\s+", r"[a-z]+?(?!x)|(?:ab?)+|.+"]
    {
        let regex = crate::pretokenize::oniguruma::rewrite(regex).unwrap();
        let splitter = RegexSplitter::new(&regex).unwrap();
        for c in [" ", "\n", "a", "A", "7", "\u{301}", "!", "中", "ab"] {
            let text = c.repeat(1_100_000 / c.len()) + "x";
            let mut ends = 0;
            splitter.for_each_boundary(text.as_bytes(), 0, &mut |_| ends += 1).unwrap();
            assert!(ends > 0);
        }
    }
}

#[test]
fn looking_at_the_same_text_again_and_again_is_an_error() {
    for regex in
        ["a+b|a", "(?:a+)+b|a", "(?>a+)b|a", "a+(?=b)|a", r"\p{L}+\d|\p{L}", "(?:(?:aa?)+)+c"]
    {
        let pattern = Pattern::parse(regex).unwrap();
        let text = "a".repeat(20_000);
        let error = pattern.for_each_pre_token(text.as_bytes(), &mut |_| ()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("again and again; give a simpler pattern"), "{error}");
    }
}

#[test]
fn what_repeats_too_much_is_an_error() {
    let error = Pattern::parse("(?:(?:ab){1000}){1000}").unwrap_err().to_string();
    assert!(error.contains("smaller numbers"), "{error}");
    assert!(Pattern::parse("a{99999}").is_ok());
}
