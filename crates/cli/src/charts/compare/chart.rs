//! The curves of several runs in one picture: smoothed training loss as lines over the faint logged
//! values, validation losses as dots, and a legend with the final validation losses beside the
//! picture, where nothing can overlap.

use std::fmt::Write as _;

use super::run::{REACH, Run, Variant};
use super::smooth::{Point, smoothed};
use super::table::mean_and_spread;
use crate::charts::axis::Axis;
use crate::charts::page::Page;
use crate::charts::svg::{escaped, line, push, text};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 450.0;
/// The rectangle between the axes; the legend is to its right.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 640.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = HEIGHT - 56.0;
const PAGE: Page =
    Page { width: WIDTH, height: HEIGHT, left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM };
const LEGEND: f64 = RIGHT + 24.0;
/// This first part of the horizontal axis, where every loss falls from its first value, decides no
/// range.
const BEGINNING: f64 = 0.2;
/// Logged values that are drawn of a run, at most.
const MAX_DOTS: usize = 200;

/// Colours that differ in lightness too, on white and on black. After the last one they begin
/// again, dashed.
const COLOURS: [(&str, &str); 8] = [
    ("#1f6fc4", "#6cb0f5"),
    ("#c4500a", "#f5a35c"),
    ("#1a7f4b", "#56d398"),
    ("#a02c8a", "#ec8fd6"),
    ("#8a6d00", "#e3c341"),
    ("#c0262d", "#ff8a85"),
    ("#00798c", "#4fd0e0"),
    ("#57606a", "#a8b3bf"),
];

const STYLE: &str = "
  .small { font-size: 11.5px; fill: #57606a; }
  .raw { fill: none; stroke-width: 3.4; stroke-linecap: round; opacity: 0.22; }
  @media (prefers-color-scheme: dark) {
    .small { fill: #9da7b1; } .raw { opacity: 0.3; }
  }
";

/// What the horizontal axis shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Horizontal {
    /// Optimizer steps.
    Steps,
    /// Tokens trained on.
    Tokens,
    /// Time since the run began, in seconds, minutes or hours.
    Time,
}

/// A unit of time, as long as suits the longest run.
fn time_unit(variants: &[Variant]) -> (f64, &'static str) {
    let ends = variants.iter().flat_map(|v| &v.runs).filter_map(|run| run.lines.last());
    match ends.map(|line| line.seconds).fold(0.0, f64::max) {
        longest if longest < 180.0 => (1.0, "seconds"),
        longest if longest < 3.0 * 3600.0 => (60.0, "minutes"),
        _ => (3600.0, "hours"),
    }
}

/// How the picture is drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Its heading.
    pub title: String,
    /// The horizontal axis.
    pub horizontal: Horizontal,
    /// A logarithmic horizontal axis.
    pub log_x: bool,
    /// A logarithmic vertical axis.
    pub log_y: bool,
    /// The highest loss shown; chosen so that curves which end well are seen well if `None`.
    pub max_loss: Option<f64>,
}

/// A run's curves.
struct Curves {
    raw: Vec<Point>,
    smooth: Vec<Point>,
    val: Vec<Point>,
    diverged: bool,
}

impl Chart {
    /// The picture as SVG.
    pub fn draw(&self, variants: &[Variant]) -> String {
        let (unit, time) = time_unit(variants);
        let curves: Vec<Vec<Curves>> = variants
            .iter()
            .map(|v| v.runs.iter().map(|run| self.curves(run, unit)).collect())
            .collect();
        let all: Vec<&Curves> = curves.iter().flatten().collect();
        let (x, y) = (self.x_axis(&all), self.y_axis(&all));

        let name = match self.horizontal {
            Horizontal::Steps => "step",
            Horizontal::Tokens => "tokens",
            Horizontal::Time => time,
        };
        let style = format!("{STYLE}{}", colours());
        let mut svg = PAGE.begin(&self.title, &style, (&x, name), (&y, "nats per token"));
        let (width, height) = (RIGHT - LEFT, BOTTOM - TOP);
        let inside = format!("x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" height=\"{height}\"");
        push(&mut svg, format!("<clipPath id=\"inside\"><rect {inside}/></clipPath>"));
        push(&mut svg, "<g clip-path=\"url(#inside)\">".into());
        for (number, runs) in curves.iter().enumerate() {
            runs.iter().for_each(|run| draw_raw(&mut svg, number, run, &x, &y));
        }
        for (number, runs) in curves.iter().enumerate() {
            runs.iter().for_each(|run| draw_curve(&mut svg, number, run, &x, &y));
        }
        push(&mut svg, "</g>".into());
        legend(&mut svg, variants);
        svg + "</svg>\n"
    }

    fn curves(&self, run: &Run, unit: f64) -> Curves {
        let at = |index: usize| {
            let line = &run.lines[index];
            match self.horizontal {
                Horizontal::Steps => line.step as f64,
                Horizontal::Tokens => line.tokens as f64,
                Horizontal::Time => line.seconds / unit,
            }
        };
        let points = |loss: &dyn Fn(usize) -> Option<f64>| -> Vec<Point> {
            (0..run.lines.len()).filter_map(|i| Some((at(i), loss(i)?))).collect()
        };
        let raw = points(&|index| Some(run.lines[index].train_loss));
        let val = points(&|index| run.lines[index].val_loss);
        let smooth = smoothed(&raw, REACH);
        Curves { raw, smooth, val, diverged: run.divergence().is_some() }
    }

    fn x_axis(&self, all: &[&Curves]) -> Axis {
        let xs = || all.iter().flat_map(|run| &run.raw).map(|point| point.0);
        if self.log_x {
            let (min, max) = (xs().fold(f64::INFINITY, f64::min), xs().fold(0.0, f64::max));
            return Axis::logarithmic(min, max, LEFT, RIGHT);
        }
        Axis::through(xs().chain([0.0]), LEFT, RIGHT)
    }

    /// From the lowest loss to the highest after the beginning, of the runs that went well; one
    /// that did not may make the range half as large again, and leaves the picture above that.
    fn y_axis(&self, all: &[&Curves]) -> Axis {
        let end = all.iter().flat_map(|run| &run.raw).map(|point| point.0).fold(0.0, f64::max);
        let later = |run: &&&Curves| {
            let points: Vec<Point> = run.smooth.iter().chain(&run.val).copied().collect();
            let shown: Vec<f64> =
                points.iter().filter(|point| point.0 >= BEGINNING * end).map(|p| p.1).collect();
            // A run that ended before counts as a whole.
            if shown.is_empty() { points.iter().map(|p| p.1).collect() } else { shown }
        };
        let well: Vec<f64> =
            all.iter().filter(|run| !run.diverged).flat_map(|run| later(&run)).collect();
        let every: Vec<f64> = all.iter().flat_map(|run| later(&run)).collect();
        let range = |losses: &[f64]| {
            let finite = || losses.iter().copied().filter(|loss| loss.is_finite());
            (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max))
        };
        let (min, mut max) = range(if well.is_empty() { &every } else { &well });
        max = (max + 0.5 * (max - min)).min(range(&every).1.max(max));
        let max = self.max_loss.unwrap_or(max);
        match self.log_y {
            true => Axis::logarithmic(min * 0.98, max, BOTTOM, TOP),
            false => Axis::through([min - 0.04 * (max - min), max].into_iter(), BOTTOM, TOP),
        }
    }
}

/// The style of each colour: `cN` for lines, `dN` for dots.
fn colours() -> String {
    let rules = |dark: bool| {
        let mut rules = String::new();
        for (number, (on_light, on_dark)) in COLOURS.iter().enumerate() {
            let colour = if dark { on_dark } else { on_light };
            // Writing to a string cannot fail.
            let _ = write!(
                rules,
                ".c{number} {{ stroke: {colour}; }} .d{number} {{ fill: {colour}; }} "
            );
        }
        rules
    };
    format!("{}\n  @media (prefers-color-scheme: dark) {{ {}}}\n", rules(false), rules(true))
}

fn colour(variant: usize) -> usize {
    variant % COLOURS.len()
}

fn dashes(variant: usize) -> &'static str {
    ["", " stroke-dasharray=\"7 4\"", " stroke-dasharray=\"2 4\""][variant / COLOURS.len() % 3]
}

/// A height on the page, not so far outside that a viewer would stumble over it.
fn height(y: &Axis, loss: f64) -> f64 {
    y.place(loss).clamp(-10.0 * HEIGHT, 10.0 * HEIGHT)
}

fn draw_raw(svg: &mut String, variant: usize, run: &Curves, x: &Axis, y: &Axis) {
    let every = run.raw.len().div_ceil(MAX_DOTS).max(1);
    let dots = run
        .raw
        .iter()
        .step_by(every)
        .map(|&(at, loss)| format!("M{:.1} {:.1}h.01", x.place(at), height(y, loss)));
    let (path, colour): (String, usize) = (dots.collect(), colour(variant));
    push(svg, format!("<path class=\"raw c{colour}\" d=\"{path}\"/>"));
}

fn draw_curve(svg: &mut String, variant: usize, run: &Curves, x: &Axis, y: &Axis) {
    let places: Vec<String> = run
        .smooth
        .iter()
        .map(|&(at, loss)| format!("{:.1},{:.1}", x.place(at), height(y, loss)))
        .collect();
    let (colour, dashes) = (colour(variant), dashes(variant));
    push(
        svg,
        format!("<polyline class=\"curve c{colour}\"{dashes} points=\"{}\"/>", places.join(" ")),
    );
    for &(at, loss) in &run.val {
        let (cx, cy) = (x.place(at), height(y, loss));
        push(svg, format!("<circle class=\"d{colour}\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\"/>"));
    }
}

/// A line of the legend.
struct Entry<'a> {
    number: usize,
    variant: &'a Variant,
    /// Mean and spread of the final validation loss.
    result: Option<(f64, f64)>,
    diverged: bool,
}

/// An entry a variant, the best first; those that diverged last.
fn legend(svg: &mut String, variants: &[Variant]) {
    let mut entries: Vec<Entry<'_>> = variants
        .iter()
        .enumerate()
        .map(|(number, variant)| Entry {
            number,
            variant,
            result: mean_and_spread(&variant.final_losses()),
            diverged: variant.divergence().is_some(),
        })
        .collect();
    let key = |entry: &Entry<'_>| (entry.diverged, entry.result.map_or(f64::INFINITY, |x| x.0));
    entries.sort_by(|a, b| {
        let (a, b) = (key(a), key(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    push(svg, text(LEGEND, TOP + 6.0, "start", "class=\"small\"", "final validation loss"));
    let apart = (36.0f64).min((BOTTOM - TOP - 20.0) / entries.len().max(1) as f64);
    for (place, entry) in entries.into_iter().enumerate() {
        let Entry { number, variant, result, .. } = entry;
        let at = TOP + 30.0 + place as f64 * apart;
        let (colour, dashes) = (colour(number), dashes(number));
        let swatch = line(&format!("curve c{colour}"), LEGEND, at - 4.0, LEGEND + 22.0, at - 4.0);
        push(svg, swatch.replace("/>", &format!("{dashes}/>")));
        push(svg, text(LEGEND + 30.0, at, "start", "", &escaped(&variant.name)));
        push(svg, text(WIDTH - 16.0, at, "end", "", &figure(variant, result)));
    }
}

fn figure(variant: &Variant, result: Option<(f64, f64)>) -> String {
    match (variant.divergence(), result) {
        (Some(step), _) => format!("diverges at {step}"),
        (None, None) => "–".into(),
        (None, Some((mean, _))) if variant.runs.len() == 1 => format!("{mean:.3}"),
        (None, Some((mean, spread))) => format!("{mean:.3} ± {spread:.3}"),
    }
}

#[cfg(test)]
mod tests;
