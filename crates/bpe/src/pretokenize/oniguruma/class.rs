//! Classes in brackets.

use super::escape::{Place, char_escape, class_escape, posix_bracket};
use super::source::Source;

/// The rule for letters of the other case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    /// As other letters.
    Counts,
    /// As the same letters: `(?i)`.
    Ignored,
}

/// The depth of nested groups or brackets from which on an expression is refused.
pub(super) const MAX_DEPTH: usize = 100;

const DASH: &str = r"a dash in the middle; write \-";
const UNFOLDED: &str = "where case does not count, only ASCII, \\s and \\d are read alike by all \
                        engines; put (?i:…) around less, or write both cases";

/// Returns an error where case does not count and engines may fold `c` differently.
pub(super) fn check_case(c: char, case: Case, from: usize, source: &Source) -> Result<(), String> {
    // Dashes and quotation marks have no case.
    let is_plain = c.is_ascii() || ('\u{2010}'..='\u{2027}').contains(&c);
    if case == Case::Counts || is_plain { Ok(()) } else { Err(source.refuse(from, UNFOLDED)) }
}

/// Returns an error where case does not count and engines may fold a class differently.
pub(super) fn check_class(
    class: &str,
    place: Place,
    case: Case,
    from: usize,
    source: &Source,
) -> Result<(), String> {
    let is_plain = match class {
        r"\s" | r"\d" => true,
        // In brackets Oniguruma folds the members: `ß` is one, and matches ss.
        r"\S" | r"\D" => place == Place::Bare,
        _ => false,
    };
    if case == Case::Counts || is_plain { Ok(()) } else { Err(source.refuse(from, UNFOLDED)) }
}

/// Rewrites a class behind its opening bracket.
///
/// # Errors
/// When a part of it has no equal.
pub(super) fn brackets(
    source: &mut Source,
    out: &mut String,
    case: Case,
    depth: usize,
) -> Result<(), String> {
    let open = source.at() - 1;
    if depth > MAX_DEPTH {
        return Err(source.refuse(open, "brackets are nested too deeply"));
    }
    let negated = source.eat("^");
    out.push_str(if negated { "[^" } else { "[" });
    let first = source.at();
    // Nothing was read since the bracket or `&&`.
    let mut is_empty = true;
    loop {
        let from = source.at();
        let next = source.take().ok_or_else(|| source.refuse(open, "the bracket is not closed"))?;
        let c = match next {
            ']' if is_empty => {
                return Err(source.refuse(open, r"nothing in brackets; write \] for a bracket"));
            }
            ']' => break,
            '[' => {
                check_class("", Place::Brackets, case, from, source)?;
                if source.rest().starts_with(':') {
                    out.push_str(&posix_bracket(source)?);
                } else {
                    brackets(source, out, case, depth + 1)?;
                }
                is_empty = false;
                continue;
            }
            '&' if source.eat("&") => {
                check_class("", Place::Brackets, case, from, source)?;
                if is_empty {
                    return Err(source.refuse(from, r"nothing before it; write \&\&"));
                }
                out.push_str("&&");
                is_empty = true;
                continue;
            }
            '-' if from != first && source.peek() != Some(']') || source.peek() == Some('-') => {
                return Err(source.refuse(from, DASH));
            }
            '\\' => {
                if let Some(class) = class_escape(source, Place::Brackets)? {
                    check_class(&class, Place::Brackets, case, from, source)?;
                    out.push_str(&class);
                    is_empty = false;
                    continue;
                }
                escaped(source, out)?
            }
            _ => {
                // Two of them are a difference of classes to some engines.
                out.push_str(if next == '~' { r"\" } else { "" });
                out.push(next);
                next
            }
        };
        is_empty = false;
        let last = range_end(source, out)?.unwrap_or(c);
        if last < c {
            return Err(source.refuse(from, "the range ends before it begins"));
        }
        check_case(c, case, from, source)?;
        check_case(last, case, from, source)?;
    }
    out.push(']');
    Ok(())
}

/// Rewrites an escape of one character in brackets.
fn escaped(source: &mut Source, out: &mut String) -> Result<char, String> {
    if source.eat("b") {
        out.push_str(r"\x08");
        return Ok('\x08');
    }
    let (c, spelling) = char_escape(source)?;
    out.push_str(&spelling);
    Ok(c)
}

/// Rewrites a dash and the end of a range, if they follow.
fn range_end(source: &mut Source, out: &mut String) -> Result<Option<char>, String> {
    let from = source.at();
    let mut rest = source.rest().chars();
    if rest.next() != Some('-') || rest.next() == Some(']') {
        return Ok(None);
    }
    source.take();
    out.push('-');
    match source.take() {
        Some('[' | '-') => Err(source.refuse(from, DASH)),
        Some('\\') => match class_escape(source, Place::Brackets)? {
            Some(_) => Err(source.refuse(from, DASH)),
            None => escaped(source, out).map(Some),
        },
        Some('~') => {
            out.push_str(r"\~");
            Ok(Some('~'))
        }
        Some('&') if source.rest().starts_with('&') => Err(source.refuse(from, DASH)),
        Some(last) => {
            out.push(last);
            Ok(Some(last))
        }
        None => Err(source.refuse(from, "the bracket is not closed")),
    }
}
