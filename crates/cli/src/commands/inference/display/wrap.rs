//! Line ends between the words of a text that arrives in pieces, for a terminal.
//!
//! A terminal breaks a line where its columns end, also inside a word. [`Wrap`] knows the column
//! that the next character gets, and holds each word back until its end is known: a word may come
//! in several pieces.

/// The distance of a terminal's tab stops.
const TAB: usize = 8;

/// A text that is broken between its words.
#[derive(Debug)]
pub struct Wrap<W> {
    /// Returns the number of columns, if it is known.
    width: W,
    /// The columns that there were when the word began.
    columns: usize,
    /// The number of columns that the line has used.
    column: usize,
    /// White space held back, which the word follows.
    blanks: String,
    /// The word held back.
    word: String,
    word_width: usize,
    /// `true` while the rest of a word is passed on as it comes.
    is_passing: bool,
    /// `true` inside an escape sequence, which has no width.
    in_escape: bool,
}

impl<W: Fn() -> Option<usize>> Wrap<W> {
    /// Begins a text at the first column. `width` is asked at each word, since windows change their
    /// size.
    pub fn new(width: W) -> Wrap<W> {
        Wrap {
            width,
            columns: usize::MAX,
            column: 0,
            blanks: String::new(),
            word: String::new(),
            word_width: 0,
            is_passing: false,
            in_escape: false,
        }
    }

    /// Takes the next piece, and returns what can be printed: words that have ended, with a line
    /// end in place of the white space before those that do not fit.
    ///
    /// A word that is longer than a line, or has wide characters, is passed on as it comes. Scripts
    /// with wide characters have no spaces between words, and may be broken at each character.
    pub fn push(&mut self, piece: &str) -> String {
        let mut shown = String::new();
        for c in piece.chars() {
            if matches!(c, '\n' | '\r') {
                self.place(&mut shown);
                self.is_passing = false;
                shown.push(c);
                self.column = 0;
            } else if is_blank(c) {
                if !self.word.is_empty() {
                    self.place(&mut shown);
                }
                self.is_passing = false;
                self.ask_width();
                self.blanks.push(c);
            } else if self.is_passing {
                let width = self.width_of(c);
                // A wide character that does not fit leaves the last column free.
                let line = if self.column + width > self.columns { 0 } else { self.column };
                self.column = line + width;
                shown.push(c);
            } else {
                self.ask_width();
                let width = self.width_of(c);
                self.word.push(c);
                self.word_width += width;
                if width > 1 || self.word_width > self.columns {
                    self.place(&mut shown);
                    self.is_passing = true;
                }
            }
        }
        shown
    }

    /// Ends the text, and returns what was held back.
    pub fn finish(mut self) -> String {
        let mut shown = String::new();
        self.place(&mut shown);
        shown
    }

    /// Asks for the width at white space and where a word begins.
    fn ask_width(&mut self) {
        if self.word.is_empty() {
            self.columns = (self.width)().map_or(usize::MAX, |columns| columns.max(1));
            // A terminal that has become narrower breaks its lines anew.
            self.column = on_last_line(self.column, self.columns);
        }
    }

    /// Moves what is held back to `shown`.
    fn place(&mut self, shown: &mut String) {
        let after_blanks = self.blanks.chars().fold(self.column, after_blank);
        // A word that is longer than a line needs room to begin.
        let needed = if self.word_width > self.columns { 1 } else { self.word_width };
        if after_blanks + needed <= self.columns {
            shown.push_str(&self.blanks);
            self.column = after_blanks;
        } else if self.column > 0 && !self.blanks.is_empty() && !self.word.is_empty() {
            shown.push('\n');
            self.column = 0;
        }
        self.blanks.clear();
        shown.push_str(&self.word);
        self.column = on_last_line(self.column + self.word_width, self.columns);
        self.word.clear();
        self.word_width = 0;
    }

    /// Returns the number of columns of the next character of a word.
    fn width_of(&mut self, c: char) -> usize {
        if self.in_escape {
            self.in_escape = !c.is_ascii_alphabetic();
            return 0;
        }
        self.in_escape = c == '\x1b';
        width_of(c)
    }
}

/// Returns the used columns of the last of the lines into which a terminal breaks `used` columns. A
/// full line ends only when another character follows.
fn on_last_line(used: usize, columns: usize) -> usize {
    if used > columns { (used - 1) % columns + 1 } else { used }
}

/// Returns `true` for white space at which a line may end.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

/// Returns the column after a blank.
fn after_blank(column: usize, c: char) -> usize {
    if c == '\t' { (column / TAB + 1) * TAB } else { column + width_of(c) }
}

fn width_of(c: char) -> usize {
    if c.is_control() { 0 } else { console::measure_text_width(c.encode_utf8(&mut [0; 4])) }
}

#[cfg(test)]
mod tests;
