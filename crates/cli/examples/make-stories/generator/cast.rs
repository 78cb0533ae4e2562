//! Characters: a name, and the words that go with it.

use super::rng::Rng;

/// Pronouns and nouns that agree with a character.
#[derive(Clone, Copy)]
pub struct Gender {
    fields: &'static [(&'static str, &'static str)],
}

const FEMALE: Gender = Gender {
    fields: &[
        ("he", "she"),
        ("his", "her"),
        ("him", "her"),
        ("hers", "hers"),
        ("self", "herself"),
        ("boy", "girl"),
        ("brother", "sister"),
        ("son", "daughter"),
        ("man", "woman"),
        ("list", "girls"),
        ("title", "Mrs."),
    ],
};

const MALE: Gender = Gender {
    fields: &[
        ("he", "he"),
        ("his", "his"),
        ("him", "him"),
        ("hers", "his"),
        ("self", "himself"),
        ("boy", "boy"),
        ("brother", "brother"),
        ("son", "son"),
        ("man", "man"),
        ("list", "boys"),
        ("title", "Mr."),
    ],
};

impl Gender {
    /// Draws one of the two.
    pub fn draw(rng: &mut Rng) -> Self {
        *rng.choose(&[FEMALE, MALE])
    }

    /// Returns the word for a field such as `his`, if there is one.
    pub fn word(self, field: &str) -> Option<&'static str> {
        self.fields.iter().find(|(name, _)| *name == field).map(|(_, word)| *word)
    }

    /// Returns a child's words for a parent of this gender.
    pub fn parents(self) -> &'static [&'static str] {
        if self.word("he") == Some("she") {
            &["mom", "mom", "mother", "mama", "mommy"]
        } else {
            &["dad", "dad", "father", "papa", "daddy"]
        }
    }

    /// Returns a child's words for a grandparent of this gender.
    pub fn grandparents(self) -> &'static [&'static str] {
        if self.word("he") == Some("she") {
            &["grandma", "grandma", "granny", "grandmother", "nana"]
        } else {
            &["grandpa", "grandpa", "granddad", "grandfather", "gramps"]
        }
    }
}
