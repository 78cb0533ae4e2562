//! A regular expression that is read from left to right.

/// A regular expression and a position in it.
#[derive(Debug)]
pub(super) struct Source<'p> {
    pattern: &'p str,
    at: usize,
}

impl<'p> Source<'p> {
    /// Begins to read `pattern`.
    pub fn new(pattern: &'p str) -> Source<'p> {
        Source { pattern, at: 0 }
    }

    /// Returns the position, in bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Returns everything from the position on.
    pub fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    /// Returns the next character without passing it.
    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Passes the next character.
    pub fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Passes `text` if it is next.
    pub fn eat(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        self.at += if is_next { text.len() } else { 0 };
        is_next
    }

    /// Passes and returns what comes before `end`, and passes `end`. `None` if there is no `end`.
    pub fn take_until(&mut self, end: char) -> Option<&'p str> {
        let (text, _) = self.rest().split_once(end)?;
        self.at += text.len() + end.len_utf8();
        Some(text)
    }

    /// Returns what was passed since `from`.
    pub fn since(&self, from: usize) -> &'p str {
        &self.pattern[from..self.at]
    }

    /// Returns the message about the construct that was passed since `from`.
    pub fn refuse(&self, from: usize, reason: &str) -> String {
        let construct = match self.since(from) {
            "" => "the end of the pattern".to_string(),
            construct => format!("{construct} at byte {from}"),
        };
        format!("{construct}: {reason}")
    }
}
