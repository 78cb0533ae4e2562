//! Alternatives, groups and repetitions.

use super::class::{Case, MAX_DEPTH, brackets, check_case, check_class};
use super::escape::{Place, char_escape, class_escape, word_boundary};
use super::item::{Item, Joined};
use super::source::Source;

/// A class of all characters.
const ANY: &str = r"[\s\S]";

const JOINED: &str = "where case does not count, two letters such as ss may match one character, \
                      ß, in some engines; write both cases, as in [Ss][Ss]";

/// A regular expression that is being rewritten.
#[derive(Debug)]
pub(super) struct Rewriter<'p> {
    source: Source<'p>,
    out: String,
    depth: usize,
}

/// The options of a group.
#[derive(Debug, Clone, Copy)]
struct Options {
    case: Case,
    /// `.` also matches a line end: `(?m)`.
    dot_matches_line_end: bool,
}

/// A group that `(` opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Plain,
    Capture,
    Ahead,
    Behind,
}

/// A quantifier without what may follow it.
struct Quantifier {
    min: usize,
    max: Option<usize>,
    /// Braces, of which only `{1,3}` may be lazy, and none possessive.
    is_interval: bool,
}

impl<'p> Rewriter<'p> {
    /// Begins to rewrite `pattern`.
    pub fn new(pattern: &'p str) -> Rewriter<'p> {
        let out = String::with_capacity(pattern.len());
        Rewriter { source: Source::new(pattern), out, depth: 0 }
    }

    /// Rewrites all of it.
    ///
    /// # Errors
    /// When a part of it has no equal.
    pub fn rewrite(mut self) -> Result<String, String> {
        self.alternatives(Options { case: Case::Counts, dot_matches_line_end: false })?;
        let from = self.source.at();
        match self.source.take() {
            Some(_) => Err(self.source.refuse(from, r"no group is open; write \)")),
            None => Ok(self.out),
        }
    }

    /// Rewrites alternatives up to the end of their group.
    fn alternatives(&mut self, mut options: Options) -> Result<Item, String> {
        let mut all = self.branch(&mut options)?;
        while self.source.eat("|") {
            self.out.push('|');
            all = all.or(self.branch(&mut options)?);
        }
        Ok(all)
    }

    /// Rewrites one alternative. Options at its beginning hold up to the end of the group.
    fn branch(&mut self, options: &mut Options) -> Result<Item, String> {
        while self.switch_options(options)? {}
        let mut all = Item::EMPTY;
        let mut count = 0;
        while !matches!(self.source.peek(), None | Some('|' | ')')) {
            let from = self.source.at();
            let item = self.repetition(*options)?;
            let is_lazy = item.is_lazy && count == 0;
            all = all.then(item).map_err(|Joined| self.source.refuse(from, JOINED))?;
            all.is_lazy = is_lazy;
            count += 1;
        }
        Ok(all)
    }

    /// Rewrites options such as `(?i)`, if they follow.
    fn switch_options(&mut self, options: &mut Options) -> Result<bool, String> {
        let is_switch = self.source.rest().strip_prefix("(?").is_some_and(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_alphabetic() && c != '-');
            end.is_some_and(|end| end > 0 && rest[end..].starts_with(')'))
        });
        if is_switch {
            let from = self.source.at();
            self.source.eat("(?");
            let before = options.case;
            self.options(options, from)?;
            self.source.eat(")");
            match options.case {
                case if case == before => {}
                Case::Ignored => self.out.push_str("(?i)"),
                Case::Counts => self.out.push_str("(?-i)"),
            }
        }
        Ok(is_switch)
    }

    /// Reads the letters of options, up to what ends them.
    fn options(&mut self, options: &mut Options, from: usize) -> Result<(), String> {
        let mut on = true;
        while let Some(next) = self.source.peek().filter(|next| !matches!(next, ':' | ')')) {
            self.source.take();
            match next {
                '-' => on = false,
                'i' => options.case = if on { Case::Ignored } else { Case::Counts },
                'm' => options.dot_matches_line_end = on,
                's' => {
                    let reason =
                        r"no option of Hugging Face's engine; write [\s\S] for any character";
                    return Err(self.source.refuse(from, reason));
                }
                _ => {
                    let reason = "not a group or an option that is known here; groups are (…), \
                                  (?:…), (?>…), (?=…), (?!…), (?<=…), (?<!…) and (?i:…)";
                    return Err(self.source.refuse(from, reason));
                }
            }
        }
        Ok(())
    }

    /// Rewrites a part and its quantifiers.
    fn repetition(&mut self, options: Options) -> Result<Item, String> {
        let (start, from) = (self.out.len(), self.source.at());
        let mut item = self.atom(options)?;
        let (mut is_repeated, mut is_final) = (false, false);
        loop {
            let quantifier_at = self.source.at();
            let Some(quantifier) = self.quantifier()? else { return Ok(item) };
            let Quantifier { min, max, is_interval } = quantifier;
            let is_loop = !matches!(max, Some(0 | 1));
            let reason = if is_final {
                "a quantifier after a quantifier; put (?:…) around the first"
            } else if item.max == Some(0) {
                "a quantifier after what has no length"
            } else if is_loop && item.min == 0 {
                "a repetition of what may be empty; repeat something that is not, as in (?:a|b+)*"
            } else if item.is_lazy {
                "a repetition of a lazy repetition, which engines read differently"
            } else {
                ""
            };
            if !reason.is_empty() {
                let from = if is_final || reason.starts_with("a quantifier") {
                    quantifier_at
                } else {
                    from
                };
                return Err(self.source.refuse(from, reason));
            }
            // As in `x{1,3}+`, which is `(?:x{1,3})+`.
            if is_repeated {
                self.out.insert_str(start, "(?:");
                self.out.push(')');
            }
            self.push_quantifier(&quantifier);
            let may_be_lazy = !is_interval || max != Some(min);
            let is_lazy = may_be_lazy && self.source.eat("?");
            let is_possessive = !is_lazy && !is_interval && self.source.eat("+");
            self.out.push_str(if is_lazy {
                "?"
            } else if is_possessive {
                "+"
            } else {
                ""
            });
            item = Item { is_lazy, ..item.repeated(min, max) };
            (is_repeated, is_final) = (true, !is_interval || is_lazy);
        }
    }

    /// Reads a quantifier, if one follows.
    fn quantifier(&mut self) -> Result<Option<Quantifier>, String> {
        let (min, max) = match self.source.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => return self.interval(),
            _ => return Ok(None),
        };
        self.source.take();
        Ok(Some(Quantifier { min, max, is_interval: false }))
    }

    /// Reads `{n}`, `{n,}`, `{n,m}` or `{,m}`, if one follows. Other braces are text.
    fn interval(&mut self) -> Result<Option<Quantifier>, String> {
        let from = self.source.at();
        let Some((inside, _)) = self.source.rest()[1..].split_once('}') else { return Ok(None) };
        let (low, high) = inside.split_once(',').unwrap_or((inside, inside));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number(low) || !is_number(high) || (low.is_empty() && high.is_empty()) {
            return Ok(None);
        }
        self.source.take_until('}');
        let number =
            |text: &str, empty| if text.is_empty() { Some(empty) } else { text.parse().ok() };
        let (min, max) = (number(low, 0), number(high, usize::MAX));
        let (Some(min), Some(max)) = (min, max) else {
            return Err(self.source.refuse(from, "the number is too large"));
        };
        if min > max {
            return Err(self.source.refuse(from, "the first number is greater than the second"));
        }
        let max = (max != usize::MAX).then_some(max);
        Ok(Some(Quantifier { min, max, is_interval: true }))
    }

    fn push_quantifier(&mut self, quantifier: &Quantifier) {
        let text = match *quantifier {
            Quantifier { min: 0, max: None, is_interval: false } => "*".to_string(),
            Quantifier { min: 1, max: None, is_interval: false } => "+".to_string(),
            Quantifier { min: 0, max: Some(1), is_interval: false } => "?".to_string(),
            Quantifier { min, max: None, .. } => format!("{{{min},}}"),
            Quantifier { min, max: Some(max), .. } if min == max => format!("{{{min}}}"),
            Quantifier { min, max: Some(max), .. } => format!("{{{min},{max}}}"),
        };
        self.out.push_str(&text);
    }

    /// Rewrites what a quantifier may follow.
    fn atom(&mut self, options: Options) -> Result<Item, String> {
        let from = self.source.at();
        let nothing = "nothing to repeat before it; write a backslash before it for the character";
        if let Some(_quantifier) = self.quantifier()? {
            return Err(self.source.refuse(from, nothing));
        }
        let Some(next) = self.source.take() else { return Ok(Item::EMPTY) };
        let text = match next {
            '(' => return self.group(options, from),
            '[' => {
                brackets(&mut self.source, &mut self.out, options.case, 0)?;
                return Ok(Item::CHAR);
            }
            '\\' => return self.escape(options, from),
            '^' => return Ok(self.look(r"(?:\A|(?<=\n)(?!\z))")),
            '$' => return Ok(self.look(r"(?=\n|\z)")),
            '.' if options.dot_matches_line_end => ANY,
            '.' => ".",
            _ => {
                self.out.push_str(if matches!(next, '{' | '}' | ']') { r"\" } else { "" });
                self.out.push(next);
                return self.char(next, options, from);
            }
        };
        self.out.push_str(text);
        Ok(Item::CHAR)
    }

    /// Returns the properties of a character that was written.
    fn char(&self, c: char, options: Options, from: usize) -> Result<Item, String> {
        check_case(c, options.case, from, &self.source)?;
        Ok(if options.case == Case::Ignored { Item::folded(c) } else { Item::CHAR })
    }

    /// Writes a look at what is around.
    fn look(&mut self, text: &str) -> Item {
        self.out.push_str(text);
        Item::LOOK
    }

    /// Rewrites an escape behind its backslash.
    fn escape(&mut self, options: Options, from: usize) -> Result<Item, String> {
        if let Some(class) = class_escape(&mut self.source, Place::Bare)? {
            check_class(&class, Place::Bare, options.case, from, &self.source)?;
            self.out.push_str(&class);
            return Ok(Item::CHAR);
        }
        let letter = self.source.peek();
        let rewritten = match letter {
            Some('b') => (word_boundary(false), Item::LOOK),
            Some('B') => (word_boundary(true), Item::LOOK),
            Some('A') => (r"\A".into(), Item::LOOK),
            Some('z') => (r"\z".into(), Item::LOOK),
            Some('Z') => (r"(?=\n?\z)".into(), Item::LOOK),
            Some('N') => (r"[^\n]".into(), Item::CHAR),
            Some('O') => (ANY.into(), Item::CHAR),
            Some('R') => {
                let line_end = r"(?>\r\n|[\n-\r\u0085\u2028\u2029])";
                (line_end.into(), Item { max: Some(2), ..Item::CHAR })
            }
            _ => {
                let (c, spelling) = char_escape(&mut self.source)?;
                self.out.push_str(&spelling);
                return self.char(c, options, from);
            }
        };
        self.source.take();
        let (text, item) = rewritten;
        self.out.push_str(&text);
        Ok(item)
    }

    /// Rewrites a group behind its opening parenthesis.
    fn group(&mut self, mut options: Options, from: usize) -> Result<Item, String> {
        if self.depth == MAX_DEPTH {
            return Err(self.source.refuse(from, "groups are nested too deeply"));
        }
        let group = self.open(&mut options, from)?;
        self.depth += 1;
        let inside = self.alternatives(options)?;
        self.depth -= 1;
        if !self.source.eat(")") {
            return Err(self.source.refuse(from, "the group is not closed"));
        }
        self.out.push(')');
        match group {
            Group::Plain => Ok(inside),
            Group::Capture => Ok(Item { captures: true, ..inside }),
            Group::Ahead => Ok(Item { captures: inside.captures, ..Item::LOOK }),
            Group::Behind if inside.looks || inside.captures => {
                let reason = "look-behind at more than characters; write (?:…) for groups, and \
                              take look-around out of it";
                Err(self.source.refuse(from, reason))
            }
            Group::Behind if inside.max != Some(inside.min) => {
                let reason = "look-behind at texts of several lengths; write one for each, as in \
                              (?:(?<=a)|(?<=bc))";
                Err(self.source.refuse(from, reason))
            }
            Group::Behind => Ok(Item::LOOK),
        }
    }

    /// Rewrites what opens a group, behind its parenthesis.
    fn open(&mut self, options: &mut Options, from: usize) -> Result<Group, String> {
        const KINDS: [(&str, Group); 6] = [
            ("?:", Group::Plain),
            ("?>", Group::Plain),
            ("?=", Group::Ahead),
            ("?!", Group::Ahead),
            ("?<=", Group::Behind),
            ("?<!", Group::Behind),
        ];
        self.out.push('(');
        if !self.source.rest().starts_with('?') {
            return Ok(Group::Capture);
        }
        if let Some((kind, group)) = KINDS.into_iter().find(|(kind, _)| self.source.eat(kind)) {
            self.out.push_str(kind);
            return Ok(group);
        }
        // Without references, a name changes nothing.
        if self.source.eat("?<") {
            self.source
                .take_until('>')
                .ok_or_else(|| self.source.refuse(from, "the name of the group is not closed"))?;
            self.out.push_str("?:");
            return Ok(Group::Capture);
        }
        self.source.take();
        let before = options.case;
        if self.source.eat("P<") {
            let reason = "no group of Hugging Face's engine; write (?:…) or (?<name>…)";
            return Err(self.source.refuse(from, reason));
        }
        self.options(options, from)?;
        if !self.source.eat(":") {
            self.source.take();
            let reason = "options in the middle of an alternative, which engines read differently; \
                          write (?i:…)";
            return Err(self.source.refuse(from, reason));
        }
        self.out.push_str(match options.case {
            case if case == before => "?:",
            Case::Ignored => "?i:",
            Case::Counts => "?-i:",
        });
        Ok(Group::Plain)
    }
}
