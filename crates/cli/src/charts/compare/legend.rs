//! The legend beside the curves, and the key to lines and dots.

use super::drawing::{Cover, Drawing};
use super::variant::Variant;
use crate::charts::page::{BOTTOM, TOP};
use crate::charts::svg::{Svg, escaped};

/// The style of the legend.
pub const STYLE: &str = "
  .small { font-size: 11.5px; fill: #57606a; } .key { color: #57606a; } .raw.key { opacity: 0.5; }
  .best { font-weight: 600; }
  @media (prefers-color-scheme: dark) { .small { fill: #9da7b1; } .key { color: #9da7b1; } }
";

/// The distance of the key's lines.
const KEY_LINE: f64 = 17.0;
/// The height of an entry where there is room, and the smallest one.
const ENTRY: [f64; 2] = [30.0, 16.0];
/// The height of an entry's second line.
const NOTE: f64 = 14.0;
/// The longest name that has room beside its figure, in characters.
const SHORT_NAME: usize = 21;
/// The longest name that has room.
const LONG_NAME: usize = 34;

/// The things in the picture that the key has to explain.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Key {
    /// A variant has several runs.
    pub seeds: bool,
    /// A line leaves the picture.
    pub exits: bool,
}

/// An entry.
struct Entry<'a> {
    drawing: &'a Drawing,
    name: String,
    figure: String,
    is_best: bool,
    note: Option<String>,
}

impl Entry<'_> {
    /// Returns `true` if the figure has to stand on a line of its own.
    fn is_long(&self) -> bool {
        self.name.chars().count() > SHORT_NAME
    }

    /// Returns the height of the lines below the first one.
    fn notes(&self) -> f64 {
        NOTE * f64::from(u8::from(self.is_long()) + u8::from(self.note.is_some()))
    }
}

/// Draws an entry per variant between `left` and `right`, in the order of their ranks, and those
/// without a rank after them, the best first, those that diverged last. Below stands the key.
pub fn draw(
    svg: &mut Svg,
    (left, right): (f64, f64),
    variants: &[Variant],
    drawings: &[Drawing],
    ranks: &[Option<usize>],
    key: Key,
) {
    let key_top = draw_key(svg, left, key);
    let order = order(variants, ranks);
    let ended = order.iter().copied().filter(|&number| variants[number].unfinished().is_none());
    let best = ended.min_by(|&a, &b| compare(variants, a, b));
    let entries: Vec<Entry> = order
        .iter()
        .map(|&number| Entry {
            drawing: &drawings[number],
            name: shortened(&variants[number].name),
            figure: figure(&variants[number]),
            is_best: variants.len() > 1 && best == Some(number),
            note: note(&drawings[number], &variants[number], variants),
        })
        .collect();

    svg.text((right, TOP + 6.0), "end", "class=\"small\"", "final validation loss");
    let (top, room) = (TOP + 30.0, key_top - TOP - 50.0);
    let notes = entries.iter().map(Entry::notes).sum::<f64>();
    let each = ((room - notes) / entries.len().max(1) as f64).clamp(ENTRY[1], ENTRY[0]);
    let mut y = top;
    for (place, entry) in entries.iter().enumerate() {
        let (height, is_last) = (each + entry.notes(), place + 1 == entries.len());
        if y + height > top + room + 0.1 && !is_last {
            let left_over = format!("and {} more", entries.len() - place);
            svg.text((left + 30.0, y), "start", "class=\"small\"", &left_over);
            break;
        }
        draw_entry(svg, (left, right), y, entry);
        y += height;
    }
}

fn draw_entry(svg: &mut Svg, (left, right): (f64, f64), y: f64, entry: &Entry) {
    let (class, dashes) = (entry.drawing.class("curve"), entry.drawing.dashes());
    svg.element(format_args!(
        "<path class=\"{class}\"{dashes} d=\"M{left:.1} {:.1}h22\"/>",
        y - 4.0
    ));
    svg.text((left + 30.0, y), "start", "", &escaped(&entry.name));
    let style = if entry.is_best { "class=\"best\"" } else { "" };
    let mut y = y;
    if entry.is_long() {
        y += NOTE;
    }
    svg.text((right, y), "end", style, &entry.figure);
    if let Some(note) = &entry.note {
        svg.text((left + 30.0, y + NOTE), "start", "class=\"small\"", &escaped(note));
    }
}

/// Draws the key at the bottom and returns its upper edge.
fn draw_key(svg: &mut Svg, left: f64, key: Key) -> f64 {
    let mut lines = vec!["line", "raw", "dot"];
    lines.extend(key.seeds.then_some("seeds"));
    lines.extend(key.exits.then_some("exit"));
    let top = BOTTOM - KEY_LINE * (lines.len() - 1) as f64;
    for (place, line) in lines.into_iter().enumerate() {
        let y = top + KEY_LINE * place as f64;
        let (middle, at) = (y - 4.0, left + 11.0);
        let explanation = match line {
            "line" if key.seeds => "training loss, smoothed; a line per seed",
            "line" => "training loss, smoothed",
            "raw" => "training loss as logged",
            "dot" => "validation loss",
            "seeds" => "half the range of the seeds",
            _ => "higher than the picture",
        };
        match line {
            "line" => svg.line("curve key", (left, middle), (left + 22.0, middle)),
            "raw" => {
                let path = format!("M{:.1} {middle:.1}h.01m8 -2h.01m8 3h.01", left + 3.0);
                svg.element(format_args!("<path class=\"raw key\" d=\"{path}\"/>"));
            }
            "dot" => svg.dot("dot key", (at, middle), 3.4),
            "seeds" => svg.text((at, y), "middle", "class=\"small\"", "±"),
            _ => svg.element(format_args!(
                "<path class=\"mark key\" d=\"M{:.1} {:.1}h8l-4 -6z\"/>",
                at - 4.0,
                middle + 3.0
            )),
        }
        svg.text((left + 30.0, y), "start", "class=\"small\"", explanation);
    }
    top
}

/// Returns the variants' numbers in the order of the legend.
fn order(variants: &[Variant], ranks: &[Option<usize>]) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..variants.len()).collect();
    numbers.sort_by(|&a, &b| match (ranks[a], ranks[b]) {
        (None, None) => compare(variants, a, b),
        (a, b) => a.is_none().cmp(&b.is_none()).then(a.cmp(&b)),
    });
    numbers
}

/// Compares two variants: those that diverged are the worst, the lowest loss is the best.
fn compare(variants: &[Variant], a: usize, b: usize) -> std::cmp::Ordering {
    let of = |number: usize| {
        let variant = &variants[number];
        let loss = variant.final_loss().map_or(f64::INFINITY, |loss| loss.0);
        (variant.divergence().is_some(), loss)
    };
    let (a, b) = (of(a), of(b));
    a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
}

fn figure(variant: &Variant) -> String {
    match (variant.divergence(), variant.final_loss()) {
        (Some(step), _) => format!("diverges at {step}"),
        (None, None) => "–".into(),
        (None, Some((mean, _))) if variant.runs.len() == 1 => format!("{mean:.3}"),
        (None, Some((mean, half_range))) => format!("{mean:.3} ± {half_range:.3}"),
    }
}

fn note(drawing: &Drawing, variant: &Variant, variants: &[Variant]) -> Option<String> {
    if let Some((done, planned)) = variant.unfinished() {
        return Some(format!("at step {done} of {planned}"));
    }
    match drawing.cover {
        Some(Cover::All(other)) => Some(format!("same as {}", shortened(&variants[other].name))),
        _ if !drawing.is_visible() => Some("not in the picture".into()),
        _ => None,
    }
}

/// Cuts a name that is too long for the page, at its beginning: paths differ at their ends.
fn shortened(name: &str) -> String {
    let length = name.chars().count();
    if length <= LONG_NAME {
        return name.into();
    }
    let end: String = name.chars().skip(length - LONG_NAME + 1).collect();
    format!("…{end}")
}
