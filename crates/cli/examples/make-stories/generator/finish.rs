//! Turns the raw output of a template into a tidy story: paragraphs, spaces, articles, capitals.

/// Puts each paragraph on one line. A blank line starts a paragraph; other white space becomes one
/// space.
pub fn finish(raw: &str) -> String {
    let paragraphs = raw.split("\n\n").map(tidy).filter(|paragraph| !paragraph.is_empty());
    paragraphs.collect::<Vec<_>>().join("\n")
}

fn tidy(paragraph: &str) -> String {
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    let mut line = String::new();
    for (i, word) in words.iter().enumerate() {
        // An alternative may be empty, which leaves a space before a mark.
        if !line.is_empty() && !word.starts_with(['.', ',', '!', '?', ';', ':']) {
            line.push(' ');
        }
        line.push_str(&plural(word));
        let bare = word.trim_start_matches('"');
        if matches!(bare, "a" | "A") && words.get(i + 1).is_some_and(|next| takes_an(next)) {
            line.push('n');
        }
    }
    capitalize_sentences(&line)
}

/// Corrects the plural of a word: templates write `[fruit]s`, which gives "cherrys" and "peachs".
fn plural(word: &str) -> String {
    let end = word.rfind(|c: char| c.is_ascii_alphabetic()).map_or(0, |last| last + 1);
    let (body, marks) = word.split_at(end);
    let stem = body.strip_suffix('s').unwrap_or_default();
    if stem.ends_with("ch") || stem.ends_with("sh") {
        return format!("{stem}es{marks}");
    }
    match stem.strip_suffix('y') {
        Some(root) if !root.ends_with(['a', 'e', 'o', 'u']) => format!("{root}ies{marks}"),
        _ => word.to_owned(),
    }
}

/// Returns `true` if "an" goes before a word, which begins with the sound of a vowel.
fn takes_an(word: &str) -> bool {
    let word = word.trim_start_matches('"').to_ascii_lowercase();
    if ["one", "use", "uni", "eu", "ukulele"].iter().any(|sound| word.starts_with(sound)) {
        return false;
    }
    word.starts_with(['a', 'e', 'i', 'o', 'u'])
        || word.starts_with("hour")
        || word.starts_with("honest")
}

/// Sets capitals at the start of the paragraph and after `.`, `!` or `?`. After a closing quote the
/// sentence may continue (`"Why?" asked Ann.`), so only `."` ends one there.
fn capitalize_sentences(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut at_start = true;
    let mut previous = ' ';
    for c in line.chars() {
        match c {
            _ if at_start && c.is_ascii_alphanumeric() => {
                out.push(c.to_ascii_uppercase());
                at_start = false;
            }
            '.' | '!' | '?' => {
                at_start = true;
                out.push(c);
            }
            '"' if matches!(previous, '!' | '?') => {
                at_start = false;
                out.push(c);
            }
            _ => out.push(c),
        }
        previous = c;
    }
    out
}
