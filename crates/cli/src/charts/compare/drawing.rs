//! The curves of a variant on the page.

use super::colours::Look;
use super::curves::Curves;
use super::trace::{Trace, between};
use crate::charts::page::{Axes, BOTTOM, LEFT, TOP};
use crate::charts::svg::{Point, Svg};

/// The largest number of logged values drawn per run.
const MAX_DOTS: usize = 200;
/// The share of a variant's lines from which on another one that is so near hides it.
const HIDDEN: f64 = 0.5;
/// The distance at which a line hides another one.
const NEAR: f64 = 2.0;
/// The distance at which lines are the same as far as the eye can tell.
const SAME: f64 = 1.0;
/// The greatest height of the area between the lines of seeds.
const HIGH: f64 = 60.0;
/// The smallest distance between two marks at the upper edge.
const MARKS_APART: f64 = 12.0;

/// The style of lines and dots. A variant's class sets the colour.
pub const STYLE: &str = "
  .curve { stroke: currentColor; } .seed { stroke-width: 1.3; }
  .raw { fill: none; stroke: currentColor; stroke-width: 3.2; stroke-linecap: round; opacity: 0.2; }
  .band { fill: currentColor; opacity: 0.16; }
  .dot { fill: currentColor; stroke: #ffffff; stroke-width: 0.8; } .mark { fill: currentColor; }
  .ring { fill: none; stroke: currentColor; stroke-width: 1.6; }
  @media (prefers-color-scheme: dark) {
    .raw { opacity: 0.3; } .band { opacity: 0.22; } .dot { stroke: #0d1117; }
  }
";

/// A variant that lies under or on another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cover {
    /// Most of it lies on an earlier variant.
    Most,
    /// All of it lies on the variant of this number.
    All(usize),
}

/// A variant on the page.
pub struct Drawing {
    /// The number of its style class.
    number: usize,
    look: Look,
    /// A smoothed line per run.
    lines: Vec<Trace>,
    /// The logged values of each run.
    raw: Vec<Vec<Point>>,
    val: Vec<Point>,
    /// The earlier variant that it covers, if there is one.
    pub cover: Option<Cover>,
}

impl Drawing {
    /// Lays the runs of variant `number` out on the page. `earlier` are the variants that are drawn
    /// under it.
    pub fn new(
        number: usize,
        look: Look,
        runs: &[Curves],
        axes: &Axes,
        earlier: &[Drawing],
    ) -> Drawing {
        let place = |points: &[Point]| -> Vec<Point> {
            points.iter().map(|&point| axes.place(point)).collect()
        };
        let lines: Vec<Trace> =
            runs.iter().map(|run| Trace::through(place(&run.smooth).into_iter())).collect();
        let every = |run: &Curves| run.raw.len().div_ceil(MAX_DOTS).max(1);
        let raw =
            |run: &Curves| place(&run.raw).into_iter().step_by(every(run)).filter(inside).collect();
        Drawing {
            number,
            look,
            cover: earlier.iter().filter_map(|other| other.covered_by(&lines)).reduce(fuller),
            raw: runs.iter().map(raw).collect(),
            val: runs.iter().flat_map(|run| place(&run.val)).filter(inside).collect(),
            lines,
        }
    }

    /// Returns the degree to which `lines` cover this variant, run by run.
    fn covered_by(&self, lines: &[Trace]) -> Option<Cover> {
        if self.lines.len() != lines.len() {
            return None;
        }
        let least = |distance: f64| {
            let pairs = lines.iter().zip(&self.lines).map(|(one, other)| {
                one.share_on(other, distance).min(other.share_on(one, distance))
            });
            pairs.fold(1.0, f64::min)
        };
        if least(SAME) == 1.0 {
            return Some(Cover::All(self.number));
        }
        (least(NEAR) >= HIDDEN).then_some(Cover::Most)
    }

    /// Returns the class of an element of the variant.
    pub fn class(&self, of: &str) -> String {
        format!("{of} v{}", self.number)
    }

    /// Returns the attribute that makes the variant's lines dashed: where they would hide another
    /// line, and from the second variant of a colour on.
    pub fn dashes(&self) -> &'static str {
        match (self.cover, self.look.round) {
            (Some(_), _) => " stroke-dasharray=\"6 7\" stroke-linecap=\"butt\"",
            (None, 0) => "",
            (None, 1) => " stroke-dasharray=\"9 4\"",
            (None, _) => " stroke-dasharray=\"2 4\"",
        }
    }

    /// Returns the style rules of the variant's colour, on white and on black.
    pub fn colour_rules(&self) -> [String; 2] {
        self.look.colour.map(|[red, green, blue]| {
            format!(".v{} {{ color: #{red:02x}{green:02x}{blue:02x}; }}", self.number)
        })
    }

    /// Returns `true` if some of the variant's lines or dots are in the picture.
    pub fn is_visible(&self) -> bool {
        let of_lines = self.lines.iter().flat_map(Trace::points);
        of_lines.chain(&self.val).any(inside)
    }

    /// Draws the logged values as faint dots.
    pub fn draw_raw(&self, svg: &mut Svg) {
        // A very short line with round ends is a dot.
        let dots = self.raw.iter().flatten();
        let path: String = dots.map(|(x, y)| format!("M{x:.1} {y:.1}h.01")).collect();
        if !path.is_empty() {
            svg.element(format_args!("<path class=\"{}\" d=\"{path}\"/>", self.class("raw")));
        }
    }

    /// Draws the smoothed lines of the runs, and the area between them.
    pub fn draw_lines(&self, svg: &mut Svg) {
        if let Some(outline) = between(&self.lines, HIGH).filter(|_| self.lines.len() > 1) {
            svg.polyline(&self.class("band"), "", outline.into_iter());
        }
        let class = if self.lines.len() > 1 { "curve seed" } else { "curve" };
        for line in self.lines.iter().filter(|line| !line.points().is_empty()) {
            svg.polyline(&self.class(class), self.dashes(), line.points().iter().copied());
        }
    }

    /// Draws the validation losses as large dots, as rings around dots that they would hide.
    pub fn draw_val(&self, svg: &mut Svg) {
        let (class, radius) = if self.cover.is_some() { ("ring", 4.8) } else { ("dot", 3.4) };
        for &point in &self.val {
            svg.dot(&self.class(class), point, radius);
        }
    }

    /// Marks the places where a line leaves the picture at the top. Returns `true` if there are
    /// some.
    pub fn draw_exits(&self, svg: &mut Svg) -> bool {
        let mut path = String::new();
        for line in &self.lines {
            let mut last = f64::NEG_INFINITY;
            for pair in line.points().windows(2) {
                let ((x, y), (next_x, next_y)) = (pair[0], pair[1]);
                if (y < TOP) == (next_y < TOP) {
                    continue;
                }
                let x = x + (next_x - x) * (TOP - y) / (next_y - y);
                if x - last >= MARKS_APART {
                    path += &format!("M{:.1} {:.1}h8l-4 -6z", x - 4.0, TOP - 2.0);
                    last = x;
                }
            }
        }
        if !path.is_empty() {
            svg.element(format_args!("<path class=\"{}\" d=\"{path}\"/>", self.class("mark")));
        }
        !path.is_empty()
    }
}

/// Returns `true` if the point lies between the axes.
fn inside(&(x, y): &Point) -> bool {
    // A small tolerance for rounding.
    x >= LEFT - 0.1 && (TOP - 0.1..=BOTTOM + 0.1).contains(&y)
}

fn fuller(one: Cover, other: Cover) -> Cover {
    if matches!(one, Cover::All(_)) { one } else { other }
}
