//! Properties of the texts that a part of a regular expression matches.

use std::ops::BitOr;

/// Letters that are part of a character that folds to two: `ß` to ss, `ﬁ` to fi. Where case does
/// not count and the two stand in an expression, Oniguruma lets them match the one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Folding(u8);

impl Folding {
    const LETTERS: [char; 5] = ['s', 't', 'f', 'i', 'l'];

    /// Returns the letter `c`, if it is one of these.
    pub fn of(c: char) -> Folding {
        let place = Folding::LETTERS.iter().position(|&letter| letter == c.to_ascii_lowercase());
        Folding(place.map_or(0, |place| 1 << place))
    }

    /// Returns `true` if one of `self` before one of `next` is what a single character folds to.
    fn joins(self, next: Folding) -> bool {
        let [s, t, f, i, l] = [1, 2, 4, 8, 16];
        self.0 & s != 0 && next.0 & (s | t) != 0 || self.0 & f != 0 && next.0 & (f | i | l) != 0
    }
}

impl BitOr for Folding {
    type Output = Folding;

    fn bitor(self, other: Folding) -> Folding {
        Folding(self.0 | other.0)
    }
}

/// Properties of a part of a regular expression.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Item {
    /// The fewest characters that it matches.
    pub min: usize,
    /// The most characters, if there is a limit.
    pub max: Option<usize>,
    /// The first letters of its texts, where case does not count and they are written as such.
    pub first: Folding,
    /// The last letters of its texts, likewise.
    pub last: Folding,
    /// It looks at what is around.
    pub looks: bool,
    /// It is, or has, a group that captures.
    pub captures: bool,
    /// It is one lazy repetition and nothing else.
    pub is_lazy: bool,
}

/// Two letters that stand next to each other, and that one character folds to.
#[derive(Debug)]
pub(super) struct Joined;

impl Item {
    /// Nothing, before which and after which there may be more.
    pub const EMPTY: Item = Item {
        min: 0,
        max: Some(0),
        first: Folding(0),
        last: Folding(0),
        looks: false,
        captures: false,
        is_lazy: false,
    };
    /// A look at what is around.
    pub const LOOK: Item = Item { looks: true, ..Item::EMPTY };

    /// A character of a class.
    pub const CHAR: Item = Item { min: 1, max: Some(1), ..Item::EMPTY };

    /// Returns a letter, where case does not count.
    pub fn folded(letter: char) -> Item {
        let folding = Folding::of(letter);
        Item { first: folding, last: folding, ..Item::CHAR }
    }

    /// Returns this part followed by `next`.
    pub fn then(self, next: Item) -> Result<Item, Joined> {
        if self.last.joins(next.first) {
            return Err(Joined);
        }
        Ok(Item {
            min: self.min.saturating_add(next.min),
            max: self.max.zip(next.max).and_then(|(a, b)| a.checked_add(b)),
            first: if self.min == 0 { self.first | next.first } else { self.first },
            last: if next.min == 0 { self.last | next.last } else { next.last },
            looks: self.looks || next.looks,
            captures: self.captures || next.captures,
            is_lazy: false,
        })
    }

    /// Returns this part or `other`.
    pub fn or(self, other: Item) -> Item {
        Item {
            min: self.min.min(other.min),
            max: self.max.zip(other.max).map(|(a, b)| a.max(b)),
            first: self.first | other.first,
            last: self.last | other.last,
            looks: self.looks || other.looks,
            captures: self.captures || other.captures,
            is_lazy: false,
        }
    }

    /// Returns this part repeated `min` to `max` times. Letters that are repeated are not joined
    /// with others.
    pub fn repeated(self, min: usize, max: Option<usize>) -> Item {
        if (min, max) == (1, Some(1)) {
            return self;
        }
        Item {
            min: self.min.saturating_mul(min),
            max: self.max.zip(max).and_then(|(a, b)| a.checked_mul(b)),
            first: Folding::default(),
            last: Folding::default(),
            ..self
        }
    }
}
