//! The plots and word lists, compiled into the program.
//!
//! The files called `held-out.txt` are for validation alone: its stories have their plots, and
//! their word lists in place of those of the same names.

use std::collections::BTreeMap;

use super::Split;
use super::template::{self, Template};

/// A row of a word list: fields divided by ` / `.
pub type Row = Vec<Template>;

/// A plot: its cast and its story.
pub struct Plot {
    /// Title, for reports.
    pub title: &'static str,
    /// Variables in the order in which they are drawn.
    pub cast: Vec<(&'static str, Casting)>,
    /// The story.
    pub body: Template,
}

/// The source of a variable's value.
pub enum Casting {
    /// A character of a kind, perhaps of a species: `child`, `animal woods`.
    Character { kind: &'static str, species: &'static str },
    /// A row of a list: `*toys`.
    Row { list: &'static str },
    /// A template that is filled once: `{two|three}`.
    Fixed(Template),
}

/// The plots and lists that the stories of one file are made of.
pub struct Library {
    /// Plots in file order.
    pub plots: Vec<Plot>,
    /// Word lists by name.
    pub lists: BTreeMap<&'static str, Vec<Row>>,
}

macro_rules! texts {
    ($folder:literal: $($name:literal),* $(,)?) => {
        [$(include_str!(concat!($folder, "/", $name, ".txt"))),*]
    };
}

const WORDS: &[&str] = &texts!("words": "names", "things", "places", "nature", "phrases");
const PLOTS: &[&str] = &texts!(
    "plots": "lost", "sharing", "fear", "learning", "helping", "mending", "garden", "truth",
    "friends", "woods", "home", "trips", "wonder", "small", "town",
);
const HELD_OUT_WORDS: &str = include_str!("words/held-out.txt");
const HELD_OUT_PLOTS: &[&str] = &[include_str!("plots/held-out.txt")];

impl Library {
    /// Parses what the stories of one file are made of. Validation shares with training only the
    /// lists that its own do not replace, which are single words and things.
    ///
    /// # Panics
    /// On a mistake in the compiled-in text.
    pub fn load(split: Split) -> Self {
        let mut lists: BTreeMap<_, _> = WORDS.iter().flat_map(|text| read_lists(text)).collect();
        let mut plots = PLOTS;
        if split == Split::Valid {
            lists.extend(read_lists(HELD_OUT_WORDS));
            plots = HELD_OUT_PLOTS;
        }
        Self { plots: plots.iter().flat_map(|text| read_plots(text)).collect(), lists }
    }
}

/// Reads lists: `@name: a, b, c` on one line, or `@name` and one row per line. `#` starts a comment
/// line.
fn read_lists(text: &'static str) -> BTreeMap<&'static str, Vec<Row>> {
    let mut lists = BTreeMap::<_, Vec<Row>>::new();
    let mut current = "";
    for line in
        text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        if let Some(head) = line.strip_prefix('@') {
            let (name, items) = head.split_once(": ").unwrap_or((head, ""));
            current = name;
            let rows = lists.entry(current).or_default();
            rows.extend(items.split(", ").filter(|item| !item.is_empty()).map(read_row));
        } else {
            lists.entry(current).or_default().push(read_row(line));
        }
    }
    lists
}

fn read_row(text: &str) -> Row {
    text.split(" / ").map(|field| template::parse(field.trim())).collect()
}

/// Reads plots: `== title`, a line of castings, `---`, and the body up to the next title.
fn read_plots(text: &'static str) -> Vec<Plot> {
    text.split("\n== ")
        .skip(1)
        .map(|plot| {
            let (head, body) =
                plot.split_once("\n---\n").expect("every shipped plot has a --- line");
            let (title, castings) = head.split_once('\n').expect("every shipped plot has a cast");
            let cast = castings
                .split([';', '\n'])
                .filter(|c| !c.trim().is_empty())
                .map(read_casting)
                .collect();
            Plot { title, cast, body: template::parse(body) }
        })
        .collect()
}

fn read_casting(text: &'static str) -> (&'static str, Casting) {
    const KINDS: &[&str] = &["child", "parent", "grand", "elder", "teacher", "animal"];
    let (name, value) = text.split_once('=').expect("a shipped casting has the form name = value");
    let value = value.trim();
    let (kind, species) = value.split_once(' ').unwrap_or((value, ""));
    let casting = if let Some(list) = value.strip_prefix('*') {
        Casting::Row { list }
    } else if KINDS.contains(&kind) {
        Casting::Character { kind, species }
    } else {
        Casting::Fixed(template::parse(value))
    };
    (name.trim(), casting)
}
