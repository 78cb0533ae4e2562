//! Escapes that stand for a character or for a class of characters.

use super::source::Source;

/// The place of an escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Among other parts of the expression.
    Bare,
    /// Inside brackets.
    Brackets,
}

/// Members of `\w` in brackets.
const WORD: &str = r"\p{Alphabetic}\p{M}\p{Nd}\p{Pc}";
/// Members of `\w`, and of `\b`, outside brackets only: ² ³ ¹ ¼ ½ ¾.
const MORE_WORD: &str = r"\u00B2\u00B3\u00B9\u00BC-\u00BE";

/// Hexadecimal digits.
const HEX: &str = "0-9A-Fa-f";

/// General categories, by which the classes of both engines go.
const CATEGORIES: &str = " \
    l lu ll lt lm lo m mn mc me n nd nl no p pc pd ps pe pi pf po s sm sc sk so z zs zl zp c cc cf \
    co cn letter uppercaseletter lowercaseletter titlecaseletter modifierletter otherletter mark \
    nonspacingmark spacingmark enclosingmark number decimalnumber letternumber othernumber \
    punct punctuation connectorpunctuation dashpunctuation openpunctuation closepunctuation \
    initialpunctuation finalpunctuation otherpunctuation symbol mathsymbol currencysymbol \
    modifiersymbol othersymbol separator spaceseparator lineseparator paragraphseparator control \
    format unassigned alphabetic uppercase lowercase whitespace ";

/// Scripts that both engines know.
const SCRIPTS: &str = " \
    arabic armenian bengali bopomofo braille cherokee common cyrillic devanagari ethiopic georgian \
    greek gujarati gurmukhi han hangul hebrew hiragana inherited kannada katakana khmer lao latin \
    malayalam mongolian myanmar oriya sinhala syriac tamil telugu thaana thai tibetan ";

/// Returns the members, inside brackets, of a class that POSIX names.
fn posix(name: &str, place: Place) -> Option<String> {
    let members = match name {
        "alpha" => r"\p{Alphabetic}",
        "digit" => r"\p{Nd}",
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "upper" => r"\p{Uppercase}",
        "lower" => r"\p{Lowercase}",
        "space" => r"\s",
        "blank" => r"\p{Zs}\t",
        "punct" => r"\p{P}\p{S}",
        "cntrl" => r"\p{Cc}",
        "xdigit" => HEX,
        "ascii" => r"\x00-\x7F",
        "word" => return Some(word(place)),
        _ => return None,
    };
    Some(members.to_string())
}

/// Returns the members of `\w`.
fn word(place: Place) -> String {
    match place {
        Place::Bare => format!("{WORD}{MORE_WORD}"),
        Place::Brackets => WORD.to_string(),
    }
}

/// Returns a class of `members`, or of all others.
fn class(members: &str, negated: bool, place: Place) -> String {
    match (place, negated) {
        (_, true) => format!("[^{members}]"),
        (Place::Bare, false) => format!("[{members}]"),
        (Place::Brackets, false) => members.to_string(),
    }
}

/// Returns `\b`, or `\B` if `negated`.
pub(super) fn word_boundary(negated: bool) -> String {
    let word = class(&word(Place::Bare), false, Place::Bare);
    let [after, before] = if negated { ["=", "!"] } else { ["!", "="] };
    format!("(?:(?<={word})(?{after}{word})|(?<!{word})(?{before}{word}))")
}

/// Rewrites the escape of a class, after the backslash. Returns `None` if it is no class.
///
/// # Errors
/// When it is a class without an equal.
pub(super) fn class_escape(source: &mut Source, place: Place) -> Result<Option<String>, String> {
    let from = source.at() - 1;
    let rest = source.rest();
    let Some(letter) = rest.chars().next() else { return Ok(None) };
    let rewritten = match letter {
        'd' | 'D' | 's' | 'S' => format!("\\{letter}"),
        'h' | 'H' => class(HEX, letter == 'H', place),
        'w' | 'W' => class(&word(place), letter == 'W', place),
        'p' | 'P' => return property(source, from, place).map(Some),
        _ => return Ok(None),
    };
    source.take();
    Ok(Some(rewritten))
}

/// Rewrites `\p{…}` and `\P{…}`, from their letter on.
fn property(source: &mut Source, from: usize, place: Place) -> Result<String, String> {
    let letter = source.take().unwrap_or_default();
    let name = source.eat("{").then(|| source.take_until('}')).flatten();
    let Some(name) = name else {
        source.take();
        return Err(source.refuse(from, r"a property stands in braces; write \p{L}"));
    };
    let (name, is_other) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    let negated = (letter == 'P') != is_other;
    let plain: String = name.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).collect();
    let plain = plain.to_ascii_lowercase();
    // As a property it is without symbols, which it has in brackets.
    if let Some(members) = posix(&plain, place).filter(|_| plain != "punct") {
        return Ok(class(&members, negated, place));
    }
    let known = format!(" {plain} ");
    if plain.contains(|c: char| !c.is_ascii_alphabetic())
        || !(CATEGORIES.contains(&known) || SCRIPTS.contains(&known))
    {
        return Err(source.refuse(
            from,
            "not a property that is known here; write general categories such as \\p{Lu} or \
             \\p{P}, or a script such as \\p{Han}",
        ));
    }
    Ok(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' }))
}

/// Rewrites `[:name:]` in brackets, from the colon on.
///
/// # Errors
/// When there is no such class, or none with an equal.
pub(super) fn posix_bracket(source: &mut Source) -> Result<String, String> {
    let from = source.at() - 1;
    source.take();
    let name = source.take_until(':').unwrap_or_default();
    let is_closed = source.eat("]");
    let (plain, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    let members = posix(plain, Place::Brackets).filter(|_| is_closed);
    let members = members.ok_or_else(|| {
        source.refuse(from, r"not a class that is known here; write properties such as \p{P}")
    })?;
    Ok(class(&members, negated, Place::Brackets))
}

/// Rewrites the escape of a single character, after the backslash. Returns the character and its
/// spelling.
///
/// # Errors
/// When it is no such escape, or its characters are.
pub(super) fn char_escape(source: &mut Source) -> Result<(char, String), String> {
    let from = source.at() - 1;
    let Some(letter) = source.take() else {
        return Err(source.refuse(from, "nothing follows it; write \\\\ for a backslash"));
    };
    let c = match letter {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'f' => '\x0C',
        'v' => '\x0B',
        'a' => return Ok(('\x07', r"\x07".into())),
        'e' => return Ok(('\x1B', r"\x1B".into())),
        'x' | 'u' => return code_point(source, from, letter),
        '0'..='9' => {
            let reason = "neither references to groups nor octal numbers are known here; write \
                          \\x0A for a character, or the text of the group once more";
            return Err(source.refuse(from, reason));
        }
        _ if letter.is_ascii_alphabetic() => {
            let reason = "not an escape that is known here; without the backslash it is a letter";
            return Err(source.refuse(from, reason));
        }
        _ if r"\.+*?()|[]{}^$#&-~".contains(letter) => letter,
        _ => return Ok((letter, letter.into())),
    };
    Ok((c, format!("\\{letter}")))
}

/// Reads the number of `\xHH`, `\x{H…}` or `\uHHHH`.
fn code_point(source: &mut Source, from: usize, letter: char) -> Result<(char, String), String> {
    let is_braced = letter == 'x' && source.eat("{");
    let digits = if is_braced {
        source.take_until('}')
    } else {
        let len = if letter == 'x' { 2 } else { 4 };
        let digits = source.rest().get(..len);
        (0..len).for_each(|_| _ = source.take());
        digits
    };
    let number = digits
        .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    // Oniguruma takes `\xHH` as a byte.
    let most = if letter == 'x' && !is_braced { 0x7F } else { u32::MAX };
    let c = number.filter(|&number| number <= most).and_then(char::from_u32);
    let c = c.ok_or_else(|| {
        let reason = r"not a character; write \x0A up to \x7F, \u00E9 or \x{1F600}";
        source.refuse(from, reason)
    })?;
    Ok((c, source.since(from).to_string()))
}
