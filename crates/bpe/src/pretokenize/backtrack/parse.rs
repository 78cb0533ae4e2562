//! From the text of a rewritten regular expression to its tree.

use super::node::{Mode, Node, Side, Wanted};
use super::set::Set;

/// Parses a regular expression that was rewritten, and so is known to be one. Returns the tree and
/// the sets of characters in it.
///
/// # Errors
/// When it was not.
pub(super) fn parse(regex: &str) -> Result<(Node, Vec<Set>), String> {
    let mut parser = Parser { rest: regex, texts: Vec::new(), sets: Vec::new() };
    let node = parser.alternatives(false)?;
    if !parser.rest.is_empty() {
        return Err(parser.unknown());
    }
    Ok((node, parser.sets))
}

struct Parser<'r> {
    rest: &'r str,
    /// The texts of the sets, each once.
    texts: Vec<String>,
    sets: Vec<Set>,
}

impl<'r> Parser<'r> {
    fn unknown(&self) -> String {
        format!("{} is not known here", self.rest)
    }

    fn eat(&mut self, text: &str) -> bool {
        let rest = self.rest.strip_prefix(text);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// Passes `len` bytes.
    fn take(&mut self, len: usize) -> Result<&'r str, String> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.unknown())?;
        self.rest = rest;
        Ok(taken)
    }

    fn alternatives(&mut self, mut ignore_case: bool) -> Result<Node, String> {
        let mut all = vec![self.sequence(&mut ignore_case)?];
        while self.eat("|") {
            all.push(self.sequence(&mut ignore_case)?);
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Node::Alternatives(all) })
    }

    fn sequence(&mut self, ignore_case: &mut bool) -> Result<Node, String> {
        let mut all = Vec::new();
        while !self.rest.is_empty() && !self.rest.starts_with(['|', ')']) {
            if self.eat("(?i)") {
                *ignore_case = true;
            } else if self.eat("(?-i)") {
                *ignore_case = false;
            } else {
                let node = self.atom(*ignore_case)?;
                all.push(self.repeated(node)?);
            }
        }
        Ok(if all.len() == 1 { all.swap_remove(0) } else { Node::Sequence(all) })
    }

    /// Puts the quantifier that follows around `node`.
    fn repeated(&mut self, node: Node) -> Result<Node, String> {
        let (min, max) = match self.rest.as_bytes().first() {
            Some(b'*') => (0, usize::MAX),
            Some(b'+') => (1, usize::MAX),
            Some(b'?') => (0, 1),
            Some(b'{') => {
                let end = self.rest.find('}').ok_or_else(|| self.unknown())?;
                let inside = &self.take(end)?[1..];
                let (low, high) = inside.split_once(',').unwrap_or((inside, inside));
                let number = |text: &str| text.parse().map_err(|_| self.unknown());
                (number(low)?, if high.is_empty() { usize::MAX } else { number(high)? })
            }
            _ => return Ok(node),
        };
        self.take(1)?;
        let mode = match self.rest.as_bytes().first() {
            Some(b'?') => Mode::Lazy,
            Some(b'+') => Mode::Possessive,
            _ => Mode::Greedy,
        };
        self.take(usize::from(mode != Mode::Greedy))?;
        Ok(Node::Repeat { node: Box::new(node), min, max, mode })
    }

    fn atom(&mut self, ignore_case: bool) -> Result<Node, String> {
        let len = match self.rest.as_bytes() {
            [b'(', ..] => return self.group(ignore_case),
            [b'[', ..] => bracket_len(self.rest),
            [b'\\', b'A', ..] => return self.take(2).map(|_| Node::Start),
            [b'\\', b'z', ..] => return self.take(2).map(|_| Node::End),
            [b'\\', b'p' | b'P', ..] | [b'\\', b'x', b'{', ..] => {
                self.rest.find('}').map_or(usize::MAX, |end| end + 1)
            }
            [b'\\', b'x', ..] => 4,
            [b'\\', b'u', ..] => 6,
            [b'\\', _, ..] => 2,
            _ => self.rest.chars().next().map_or(usize::MAX, char::len_utf8),
        };
        let text = self.take(len)?;
        let text = if ignore_case { format!("(?i:{text})") } else { text.to_string() };
        if let Some(known) = self.texts.iter().position(|known| *known == text) {
            return Ok(Node::Set(known));
        }
        self.sets.push(Set::new(&text)?);
        self.texts.push(text);
        Ok(Node::Set(self.sets.len() - 1))
    }

    fn group(&mut self, mut ignore_case: bool) -> Result<Node, String> {
        self.take(1)?;
        let look = |side, wanted| move |node| Node::Look { node: Box::new(node), side, wanted };
        let make: Box<dyn Fn(Node) -> Node> = if self.eat("?<=") {
            Box::new(look(Side::Behind, Wanted::Match))
        } else if self.eat("?<!") {
            Box::new(look(Side::Behind, Wanted::NoMatch))
        } else if self.eat("?=") {
            Box::new(look(Side::Ahead, Wanted::Match))
        } else if self.eat("?!") {
            Box::new(look(Side::Ahead, Wanted::NoMatch))
        } else if self.eat("?>") {
            Box::new(|node| Node::Atomic(Box::new(node)))
        } else {
            if self.eat("?i:") {
                ignore_case = true;
            } else if self.eat("?-i:") {
                ignore_case = false;
            } else {
                self.eat("?:");
            }
            Box::new(|node| node)
        };
        let inside = self.alternatives(ignore_case)?;
        if self.eat(")") { Ok(make(inside)) } else { Err(self.unknown()) }
    }
}

/// Returns the length of the class in brackets that `text` begins with.
fn bracket_len(text: &str) -> usize {
    let (mut depth, mut is_escaped) = (0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'[' => depth += 1,
            b']' if depth == 1 => return at + 1,
            b']' => depth -= 1,
            _ => {}
        }
    }
    usize::MAX
}
