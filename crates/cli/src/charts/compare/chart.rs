//! The curves of several runs in one picture: smoothed training loss as lines over the faint logged
//! values, validation losses as dots, and a legend with the final validation losses beside the
//! curves.

use clap::ValueEnum;

use super::run::{REACH, Run};
use super::smooth::smoothed;
use super::variant::Variant;
use crate::charts::axis::{Axis, Scale, range};
use crate::charts::page::{Axes, BOTTOM, LEFT, TOP};
use crate::charts::svg::{Point, Svg, escaped};

const WIDTH: f64 = 960.0;
/// The right edge of the rectangle between the axes; the legend is beside it.
const RIGHT: f64 = 640.0;
const LEGEND: f64 = RIGHT + 24.0;
/// The first part of the horizontal axis, which has no influence on the range of losses, because
/// every loss falls steeply there.
const BEGINNING: f64 = 0.2;
/// The largest number of logged values drawn per run.
const MAX_DOTS: usize = 200;

/// Colours that differ in lightness too, on white and on black. After the last one they are used
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

/// The quantity on the horizontal axis.
#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
pub enum Horizontal {
    /// Optimizer steps
    Steps,
    /// Tokens trained on
    Tokens,
    /// Time since the run began, in seconds, minutes or hours
    #[value(alias = "hours")]
    Time,
}

/// Returns the unit of time that suits the longest run: its length in seconds and its name.
fn time_unit(variants: &[Variant]) -> (f64, &'static str) {
    let ends = variants.iter().flat_map(|v| &v.runs).filter_map(|run| run.lines.last());
    match ends.map(|line| line.seconds).fold(0.0, f64::max) {
        longest if longest < 180.0 => (1.0, "seconds"),
        longest if longest < 3.0 * 3600.0 => (60.0, "minutes"),
        _ => (3600.0, "hours"),
    }
}

/// The form of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// The heading.
    pub title: String,
    /// The quantity on the horizontal axis.
    pub horizontal: Horizontal,
    /// The scale of the horizontal axis.
    pub x_scale: Scale,
    /// The scale of the vertical axis.
    pub y_scale: Scale,
    /// The highest loss shown; if `None`, it is chosen so that the ends of good curves are clear.
    pub max_loss: Option<f64>,
}

/// A run's curves.
struct Curves {
    /// The index of the run's variant.
    variant: usize,
    raw: Vec<Point>,
    smooth: Vec<Point>,
    val: Vec<Point>,
    diverged: bool,
}

impl Chart {
    /// Draws the chart and returns it as SVG.
    pub fn draw(&self, variants: &[Variant]) -> String {
        let (unit, time) = time_unit(variants);
        let mut curves = Vec::new();
        for (index, variant) in variants.iter().enumerate() {
            curves.extend(variant.runs.iter().map(|run| self.curves(index, run, unit)));
        }
        let x_name = match self.horizontal {
            Horizontal::Steps => "step",
            Horizontal::Tokens => "tokens",
            Horizontal::Time => time,
        };
        let axes = Axes { x: self.x_axis(&curves), x_name, y: self.y_axis(&curves) };

        let mut svg = axes.begin(WIDTH, &self.title, &format!("{STYLE}{}", colour_styles()));
        let (width, height) = (RIGHT - LEFT, BOTTOM - TOP);
        svg.element(format_args!(
            "<clipPath id=\"inside\"><rect x=\"{LEFT}\" y=\"{TOP}\" width=\"{width}\" \
             height=\"{height}\"/></clipPath>"
        ));
        svg.element("<g clip-path=\"url(#inside)\">");
        curves.iter().for_each(|run| draw_raw(&mut svg, run, &axes));
        curves.iter().for_each(|run| draw_curve(&mut svg, run, &axes));
        svg.element("</g>");
        legend(&mut svg, variants);
        svg.finish()
    }

    fn curves(&self, variant: usize, run: &Run, unit: f64) -> Curves {
        let (mut raw, mut val) = (Vec::new(), Vec::new());
        for line in &run.lines {
            let at = match self.horizontal {
                Horizontal::Steps => line.step as f64,
                Horizontal::Tokens => line.tokens as f64,
                Horizontal::Time => line.seconds / unit,
            };
            raw.push((at, line.train_loss));
            val.extend(line.val_loss.map(|loss| (at, loss)));
        }
        let smooth = smoothed(&raw, REACH);
        Curves { variant, raw, smooth, val, diverged: run.divergence().is_some() }
    }

    fn x_axis(&self, all: &[Curves]) -> Axis {
        let xs = all.iter().flat_map(|run| &run.raw).map(|point| point.0);
        let zero = (self.x_scale == Scale::Linear).then_some(0.0);
        Axis::through(xs.chain(zero), LEFT, RIGHT).with_scale(self.x_scale)
    }

    /// Returns the axis from the lowest loss to the highest after the beginning, of the runs that
    /// did not diverge. A run that diverged may extend the range by half and leaves the picture
    /// above that.
    fn y_axis(&self, all: &[Curves]) -> Axis {
        let end = all.iter().flat_map(|run| &run.raw).map(|point| point.0).fold(0.0, f64::max);
        let later = |run: &Curves| -> Vec<f64> {
            let points = || run.smooth.iter().chain(&run.val);
            let later = points().filter(|point| point.0 >= BEGINNING * end);
            let later: Vec<f64> = later.map(|point| point.1).collect();
            // A run that ended before counts as a whole.
            if later.is_empty() { points().map(|point| point.1).collect() } else { later }
        };
        let every = range(all.iter().flat_map(later));
        let (min, max) = match range(all.iter().filter(|run| !run.diverged).flat_map(later)) {
            good if good.0 <= good.1 => good,
            _ => every,
        };
        let max = (max + 0.5 * (max - min)).min(every.1.max(max));
        let max = self.max_loss.unwrap_or(max);
        let below = match self.y_scale {
            Scale::Logarithmic => min * 0.98,
            Scale::Linear => min - 0.04 * (max - min),
        };
        Axis::through([below, max].into_iter(), BOTTOM, TOP).with_scale(self.y_scale)
    }
}

/// Returns the style of each colour: `cN` for lines, `dN` for dots.
fn colour_styles() -> String {
    let rule = |number: usize, colour: &str| {
        format!(".c{number} {{ stroke: {colour}; }} .d{number} {{ fill: {colour}; }} ")
    };
    let numbered = || COLOURS.iter().enumerate();
    let light: String = numbered().map(|(number, colours)| rule(number, colours.0)).collect();
    let dark: String = numbered().map(|(number, colours)| rule(number, colours.1)).collect();
    format!("{light}\n  @media (prefers-color-scheme: dark) {{ {dark}}}\n")
}

fn colour(variant: usize) -> usize {
    variant % COLOURS.len()
}

fn dashes(variant: usize) -> &'static str {
    ["", " stroke-dasharray=\"7 4\"", " stroke-dasharray=\"2 4\""][variant / COLOURS.len() % 3]
}

/// Draws the logged values of a run as faint dots.
fn draw_raw(svg: &mut Svg, run: &Curves, axes: &Axes) {
    let every = run.raw.len().div_ceil(MAX_DOTS).max(1);
    let dots = run.raw.iter().step_by(every).map(|&point| axes.place(point));
    // A very short line with round ends is a dot.
    let path: String = dots.map(|(x, y)| format!("M{x:.1} {y:.1}h.01")).collect();
    svg.element(format_args!("<path class=\"raw c{}\" d=\"{path}\"/>", colour(run.variant)));
}

/// Draws the smoothed curve of a run, and its validation losses as dots.
fn draw_curve(svg: &mut Svg, run: &Curves, axes: &Axes) {
    let colour = colour(run.variant);
    let points = run.smooth.iter().map(|&point| axes.place(point));
    svg.polyline(&format!("curve c{colour}"), dashes(run.variant), points);
    for &point in &run.val {
        svg.dot(&format!("d{colour}"), axes.place(point), 3.0);
    }
}

/// Draws an entry per variant, the best first; those that diverged last.
fn legend(svg: &mut Svg, variants: &[Variant]) {
    let mut entries: Vec<(usize, &Variant)> = variants.iter().enumerate().collect();
    entries.sort_by(|(_, a), (_, b)| {
        let loss = |variant: &Variant| variant.final_loss().map_or(f64::INFINITY, |loss| loss.0);
        let diverged = |variant: &Variant| variant.divergence().is_some();
        diverged(a).cmp(&diverged(b)).then(loss(a).total_cmp(&loss(b)))
    });
    svg.text((LEGEND, TOP + 6.0), "start", "class=\"small\"", "final validation loss");
    let apart = 36.0f64.min((BOTTOM - TOP - 20.0) / entries.len().max(1) as f64);
    for (place, (number, variant)) in entries.into_iter().enumerate() {
        let y = TOP + 30.0 + place as f64 * apart;
        let (colour, dashes, middle) = (colour(number), dashes(number), y - 4.0);
        svg.element(format_args!(
            "<path class=\"curve c{colour}\"{dashes} d=\"M{LEGEND:.1} {middle:.1}h22\"/>"
        ));
        svg.text((LEGEND + 30.0, y), "start", "", &escaped(&variant.name));
        svg.text((WIDTH - 16.0, y), "end", "", &figure(variant));
    }
}

fn figure(variant: &Variant) -> String {
    match (variant.divergence(), variant.final_loss()) {
        (Some(step), _) => format!("diverges at {step}"),
        (None, None) => "–".into(),
        (None, Some((mean, _))) if variant.runs.len() == 1 => format!("{mean:.3}"),
        (None, Some((mean, half_range))) => format!("{mean:.3} ± {half_range:.3}"),
    }
}

#[cfg(test)]
mod tests;
