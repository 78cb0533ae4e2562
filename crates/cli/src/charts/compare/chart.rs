//! The curves of several runs in one picture: smoothed training loss as lines over the faint logged
//! values, validation losses as dots, and a legend with the final validation losses beside the
//! curves.

use clap::ValueEnum;

use super::colours::{looks, order};
use super::curves::Curves;
use super::drawing::{self, Drawing};
use super::legend::{self, Key};
use super::run::REACH;
use super::variant::Variant;
use crate::charts::axis::{Axis, Scale, range};
use crate::charts::page::{Axes, BOTTOM, LEFT, TOP};
use crate::charts::svg::Point;
use crate::run::metrics::Metrics;

const WIDTH: f64 = 960.0;
/// The right edge of the rectangle between the axes; the legend is beside it.
const RIGHT: f64 = 640.0;
const LEGEND: (f64, f64) = (RIGHT + 24.0, WIDTH - 16.0);
/// The first part of the horizontal axis, where every loss falls steeply. It is shown where that
/// leaves half of the picture to the rest.
const BEGINNING: f64 = 0.2;

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

impl Chart {
    /// Draws the chart and returns it as SVG.
    pub fn draw(&self, variants: &[Variant]) -> String {
        let (unit, time) = time_unit(variants);
        let x_name = match self.horizontal {
            Horizontal::Steps => "step",
            Horizontal::Tokens => "tokens",
            Horizontal::Time => time,
        };
        let mut curves: Vec<Vec<Curves>> =
            variants.iter().map(|variant| self.curves(variant, unit)).collect();
        let x = self.x_axis(&curves);
        curves.iter_mut().flatten().for_each(|run| run.smooth_over(REACH, &x));
        let axes = Axes { x, x_name, y: self.y_axis(&curves) };

        let names: Vec<&str> = variants.iter().map(|variant| &*variant.name).collect();
        let mut drawings = Vec::new();
        for (number, look) in looks(&names).into_iter().enumerate() {
            drawings.push(Drawing::new(number, look, &curves[number], &axes, &drawings));
        }
        let mut svg = axes.begin(WIDTH, &self.title, &style(&drawings));
        // Room for the width of a line.
        let (left, width, height) = (LEFT - 1.0, RIGHT - LEFT + 2.0, BOTTOM - TOP + 1.0);
        svg.element(format_args!(
            "<clipPath id=\"inside\"><rect x=\"{left}\" y=\"{TOP}\" width=\"{width}\" \
             height=\"{height}\"/></clipPath>"
        ));
        drawings.iter().for_each(|drawing| drawing.draw_raw(&mut svg));
        svg.element("<g clip-path=\"url(#inside)\">");
        drawings.iter().for_each(|drawing| drawing.draw_lines(&mut svg));
        svg.element("</g>");
        drawings.iter().for_each(|drawing| drawing.draw_val(&mut svg));
        let exits = drawings.iter().filter(|drawing| drawing.draw_exits(&mut svg)).count();
        let seeds = variants.iter().any(|variant| variant.runs.len() > 1);
        let key = Key { seeds, exits: exits > 0 };
        legend::draw(&mut svg, LEGEND, variants, &drawings, &order(&names), key);
        svg.finish()
    }

    /// Returns the curves of a variant's runs, without points that a logarithmic axis has no place
    /// for.
    fn curves(&self, variant: &Variant, unit: f64) -> Vec<Curves> {
        let at = |line: &Metrics| match self.horizontal {
            Horizontal::Steps => line.step as f64,
            Horizontal::Tokens => line.tokens as f64,
            Horizontal::Time => line.seconds / unit,
        };
        let has_place = |value: f64, scale| scale == Scale::Linear || value > 0.0;
        let is_on_axes =
            |point: &Point| has_place(point.0, self.x_scale) && has_place(point.1, self.y_scale);
        variant.runs.iter().map(|run| Curves::new(run, at, is_on_axes)).collect()
    }

    fn x_axis(&self, all: &[Vec<Curves>]) -> Axis {
        let xs = all.iter().flatten().flat_map(|run| &run.raw).map(|point| point.0);
        let zero = (self.x_scale == Scale::Linear).then_some(0.0);
        Axis::through(xs.chain(zero), LEFT, RIGHT).with_scale(self.x_scale)
    }

    /// Returns the axis from the lowest loss to the highest after the beginning, of the runs that
    /// did not diverge. A run that diverged may extend the range by half and leaves the picture
    /// above that.
    fn y_axis(&self, all: &[Vec<Curves>]) -> Axis {
        let runs = || all.iter().flatten();
        let end = runs().flat_map(|run| &run.raw).map(|point| point.0).fold(0.0, f64::max);
        let good = || runs().filter(|run| !run.diverged);
        let every = range(runs().flat_map(|run| run.losses_from(BEGINNING * end)));
        let (min, max) = match range(good().flat_map(|run| run.losses_from(BEGINNING * end))) {
            good if good.0 <= good.1 => good,
            _ => every,
        };
        let whole = range(good().flat_map(|run| run.losses_from(0.0))).1;
        let max = if whole - min <= 2.0 * (max - min) { whole.max(max) } else { max };
        let max = (max + 0.5 * (max - min)).min(every.1.max(max));
        let max = self.max_loss.unwrap_or(max);
        // The logged values lie around the lines.
        let lowest = range(good().flat_map(|run| &run.raw).map(|point| point.1)).0;
        let min = min.min(lowest);
        let below = match self.y_scale {
            Scale::Logarithmic => min * 0.98,
            Scale::Linear => min - 0.04 * (max - min),
        };
        Axis::through([below, max].into_iter(), BOTTOM, TOP).with_scale(self.y_scale)
    }
}

/// Returns the style of everything beside the axes.
fn style(drawings: &[Drawing]) -> String {
    let rules: Vec<[String; 2]> = drawings.iter().map(Drawing::colour_rules).collect();
    let of_page =
        |page: usize| rules.iter().map(|colours| &*colours[page]).collect::<Vec<&str>>().join(" ");
    format!(
        "{}{}  {}\n  @media (prefers-color-scheme: dark) {{ {} }}\n",
        drawing::STYLE,
        legend::STYLE,
        of_page(0),
        of_page(1)
    )
}

#[cfg(test)]
mod tests;
