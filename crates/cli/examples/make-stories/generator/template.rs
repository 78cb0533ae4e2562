//! The template language: text, `{alternatives|of any|depth}`, `{%name: linked|alternatives}`,
//! `[slot.field]` and `[*list]`.

/// A piece of a template.
#[derive(Debug, PartialEq)]
pub enum Piece {
    /// Text as it stands.
    Text(String),
    /// One of the alternatives; a named choice is made once per story.
    Choice { name: Option<String>, options: Vec<Template> },
    /// The value of a variable, or of one of its fields.
    Slot { variable: String, field: String },
    /// A row of a list, not yet used in this story where possible.
    Draw { list: String },
}

/// A parsed template: its pieces in order.
pub type Template = Vec<Piece>;

/// Parses a template.
///
/// # Panics
/// Where a bracket does not close. Templates are compiled into the program, so this is a mistake in
/// the project's own text and never in a user's input.
pub fn parse(text: &str) -> Template {
    let mut parser = Parser { rest: text };
    let template = parser.sequence(false);
    assert!(parser.rest.is_empty(), "unmatched bracket before: {:.60}", parser.rest);
    template
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// Parses pieces up to the end, or inside braces up to a `|` or `}` that is left in place.
    fn sequence(&mut self, inside_braces: bool) -> Template {
        let stops: &[char] = if inside_braces { &['{', '[', '|', '}'] } else { &['{', '[', '}'] };
        let mut pieces = Template::new();
        loop {
            let end = self.rest.find(stops).unwrap_or(self.rest.len());
            if end > 0 {
                pieces.push(Piece::Text(self.take(end).to_owned()));
            }
            match self.rest.chars().next() {
                Some('{') => pieces.push(self.choice()),
                Some('[') => pieces.push(self.slot()),
                _ => return pieces,
            }
        }
    }

    fn choice(&mut self) -> Piece {
        self.take(1);
        let mut name = None;
        if self.rest.starts_with('%') {
            let colon =
                self.rest.find(':').expect("a named choice has a colon in the shipped templates");
            name = Some(self.take(colon + 1)[1..colon].to_owned());
        }
        let mut options = vec![self.sequence(true)];
        while self.rest.starts_with('|') {
            self.take(1);
            options.push(self.sequence(true));
        }
        assert!(self.rest.starts_with('}'), "a brace is not closed");
        self.take(1);
        Piece::Choice { name, options }
    }

    fn slot(&mut self) -> Piece {
        let close = self.rest.find(']').expect("a slot is closed in the shipped templates");
        let inner = &self.take(close + 1)[1..close];
        if let Some(list) = inner.strip_prefix('*') {
            return Piece::Draw { list: list.to_owned() };
        }
        let (variable, field) = inner.split_once('.').unwrap_or((inner, ""));
        Piece::Slot { variable: variable.to_owned(), field: field.to_owned() }
    }

    /// Splits off and returns the first `n` bytes.
    fn take(&mut self, n: usize) -> &'a str {
        let (head, tail) = self.rest.split_at(n);
        self.rest = tail;
        head
    }
}
