//! A story: one walk through a plot's template.

use std::collections::{BTreeMap, BTreeSet};

use super::cast::Gender;
use super::finish::finish;
use super::library::{Casting, Library, Plot, Row};
use super::rng::Rng;
use super::template::{Piece, Template};

/// The value of a variable in one story.
enum Value {
    /// `[x]` is the first field, `[x.2]` the second.
    Fields(Vec<String>),
    /// `[x]` is the name, `[x.kind]` the species or role, `[x.call]` the form of address, the rest
    /// are pronouns.
    Character { name: String, kind: String, gender: Gender },
}

/// The state of a story that is being told.
struct Teller<'a> {
    title: &'a str,
    library: &'a Library,
    rng: &'a mut Rng,
    variables: BTreeMap<&'a str, Value>,
    choices: BTreeMap<&'a str, usize>,
    /// Rows that this story has used, by list, so that it does not repeat itself.
    used: BTreeSet<(&'a str, usize)>,
}

/// Generates one story from a plot.
pub fn tell(library: &Library, plot: &Plot, rng: &mut Rng) -> String {
    let mut teller = Teller {
        title: plot.title,
        library,
        rng,
        variables: BTreeMap::new(),
        choices: BTreeMap::new(),
        used: BTreeSet::new(),
    };
    for (name, casting) in &plot.cast {
        let value = teller.draw_value(casting);
        teller.variables.insert(name, value);
    }
    let mut text = String::new();
    teller.render(&plot.body, &mut text);
    finish(&text)
}

impl<'a> Teller<'a> {
    fn draw_value(&mut self, casting: &'a Casting) -> Value {
        match casting {
            Casting::Row { list } => {
                let row = self.unused_row(list);
                Value::Fields(row.iter().map(|field| self.rendered(field)).collect())
            }
            Casting::Fixed(template) => Value::Fields(vec![self.rendered(template)]),
            Casting::Character { kind, species } => self.draw_character(kind, species),
        }
    }

    fn draw_character(&mut self, kind: &str, species: &'a str) -> Value {
        let gender = Gender::draw(self.rng);
        let word = |field| gender.word(field).unwrap_or_default();
        let (name, kind) = match kind {
            "child" => (self.drawn(word("list")), word("boy").to_owned()),
            "animal" => {
                let kind = species.strip_prefix('=').map(str::to_owned);
                (self.drawn("animal_names"), kind.unwrap_or_else(|| self.drawn(species)))
            }
            "parent" => (self.rng.choose(gender.parents()).to_string(), "parent".to_owned()),
            "grand" => {
                (self.rng.choose(gender.grandparents()).to_string(), "grandparent".to_owned())
            }
            role => (format!("{} {}", word("title"), self.drawn("surnames")), role.to_owned()),
        };
        Value::Character { name, kind, gender }
    }

    fn render(&mut self, template: &'a Template, out: &mut String) {
        for piece in template {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Draw { list } => out.push_str(&self.drawn(list)),
                Piece::Slot { variable, field } => out.push_str(&self.lookup(variable, field)),
                Piece::Choice { name, options } => {
                    let fresh = self.rng.below(options.len());
                    let index = match name {
                        Some(name) => *self.choices.entry(name).or_insert(fresh),
                        None => fresh,
                    };
                    self.render(&options[index], out);
                }
            }
        }
    }

    fn rendered(&mut self, template: &'a Template) -> String {
        let mut text = String::new();
        self.render(template, &mut text);
        text
    }

    /// Returns the first field of an unused row.
    fn drawn(&mut self, list: &'a str) -> String {
        let row = self.unused_row(list);
        self.rendered(&row[0])
    }

    /// Draws a row that this story has not used yet; any row when all are used.
    fn unused_row(&mut self, list: &'a str) -> &'a Row {
        let rows =
            self.library.lists.get(list).unwrap_or_else(|| panic!("no word list is named {list}"));
        let free: Vec<usize> =
            (0..rows.len()).filter(|&i| !self.used.contains(&(list, i))).collect();
        let index =
            if free.is_empty() { self.rng.below(rows.len()) } else { *self.rng.choose(&free) };
        self.used.insert((list, index));
        &rows[index]
    }

    /// Returns the text of `[variable.field]`. A pronoun alone, as in `[his]`, belongs to the hero
    /// `h`; `[His]` and `[f.His]` begin with a capital.
    fn lookup(&self, variable: &str, field: &str) -> String {
        if variable.chars().chain(field.chars()).any(|c| c.is_ascii_uppercase()) {
            let plain = self.lookup(&variable.to_ascii_lowercase(), &field.to_ascii_lowercase());
            return capitalized(&plain);
        }
        let found = match self.variables.get(variable) {
            Some(Value::Fields(fields)) => {
                let index: usize = if field.is_empty() { 1 } else { field.parse().unwrap_or(0) };
                index.checked_sub(1).and_then(|i| fields.get(i)).cloned()
            }
            Some(Value::Character { name, kind, gender }) => match field {
                "" => Some(name.clone()),
                "kind" => Some(kind.clone()),
                "call" => Some(capitalized(name)),
                _ => gender.word(field).map(str::to_owned),
            },
            None if field.is_empty() && variable != "h" && self.variables.contains_key("h") => {
                Some(self.lookup("h", variable))
            }
            None => None,
        };
        found.unwrap_or_else(|| {
            panic!("{}: the cast does not have [{variable}.{field}]", self.title)
        })
    }
}

fn capitalized(word: &str) -> String {
    let (first, rest) = word.split_at(word.len().min(1));
    first.to_ascii_uppercase() + rest
}
