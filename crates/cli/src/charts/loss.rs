//! `loss.svg`: training and validation loss over the steps, as a picture that reads well on light
//! and dark pages.

use std::path::Path;

use anyhow::Result;

use super::axis::Axis;
use super::page::{Axes, BOTTOM, LEFT, TOP};
use super::svg::{Point, Svg};
use crate::run::file_names::LOSS_CHART;
use crate::run::metrics::Metrics;

const WIDTH: f64 = 800.0;
const RIGHT: f64 = WIDTH - 24.0;
/// The largest number of points on a curve, about as many as a screen shows. More are averaged in
/// groups.
const MAX_POINTS: usize = 1000;

/// The radius of the dot of an evaluation.
const DOT: f64 = 2.6;

const STYLE: &str = "
  .train { stroke: #2f74c0; } .train-dot { fill: #2f74c0; }
  .val { stroke: #c4500a; } .val-dot { fill: #c4500a; }
  @media (prefers-color-scheme: dark) {
    .train { stroke: #6cb0f5; } .train-dot { fill: #6cb0f5; }
    .val { stroke: #f5a35c; } .val-dot { fill: #f5a35c; }
  }
";

/// Draws the curves into `dir`, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write(dir: &Path, lines: &[Metrics]) -> Result<()> {
    Ok(files::write(&dir.join(LOSS_CHART), draw(lines).as_bytes())?)
}

/// Returns the picture as SVG.
pub fn draw(lines: &[Metrics]) -> String {
    let train: Vec<Point> = lines.iter().map(|line| (line.step as f64, line.train_loss)).collect();
    let val: Vec<Point> =
        lines.iter().filter_map(|line| Some((line.step as f64, line.val_loss?))).collect();
    let curves = [("train", thinned(&train)), ("val", thinned(&val))];
    let all = || curves.iter().flat_map(|(_, points)| points);
    let axes = Axes {
        x: Axis::through(all().map(|point| point.0).chain([0.0]), LEFT, RIGHT),
        x_name: "step",
        y: Axis::through(all().map(|point| point.1), BOTTOM, TOP).outward(),
    };

    let mut svg = axes.begin(WIDTH, "Loss", STYLE);
    if lines.is_empty() {
        svg.text(((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0), "middle", "", "no step yet");
    }
    for (class, points) in curves.iter().filter(|(_, points)| points.len() > 1) {
        let points = points.iter().map(|&point| axes.place(point));
        svg.polyline(&format!("curve {class}"), "", points);
    }
    for &point in &curves[1].1 {
        svg.dot("val-dot", axes.place(point), DOT);
    }
    if let [only] = curves[0].1[..] {
        svg.dot("train-dot", axes.place(only), DOT);
    }
    legend(&mut svg, train.last(), val.last());
    svg.finish()
}

/// Draws the name and the last value of each curve, at the top right, above the curves.
fn legend(svg: &mut Svg, train: Option<&Point>, val: Option<&Point>) {
    let mut x = RIGHT;
    for (class, name, last) in [("val", "validation", val), ("train", "training", train)] {
        let Some((_, loss)) = last else { continue };
        let entry = format!("{name} {loss:.3}");
        svg.text((x, 26.0), "end", "", &entry);
        // An estimate of the text's width, whose font is unknown.
        x -= entry.chars().count() as f64 * 7.2 + 8.0;
        svg.line(&format!("curve {class}"), (x - 24.0, 22.0), (x, 22.0));
        if class == "val" {
            svg.dot("val-dot", (x - 12.0, 22.0), DOT);
        }
        x -= 48.0;
    }
}

/// Returns the curve with at most [`MAX_POINTS`] points, each the mean of a group of neighbours.
fn thinned(points: &[Point]) -> Vec<Point> {
    let group = points.len().div_ceil(MAX_POINTS).max(1);
    let mean = |points: &[Point]| {
        let sum = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        (sum.0 / points.len() as f64, sum.1 / points.len() as f64)
    };
    points.chunks(group).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics(step: u64, train_loss: f64, val_loss: Option<f64>) -> Metrics {
        let (tokens, lr, grad_norm, tokens_per_second, seconds) = (0, 0.0, 0.0, 0.0, 0.0);
        Metrics { step, tokens, train_loss, val_loss, lr, grad_norm, tokens_per_second, seconds }
    }

    #[test]
    fn both_curves_and_their_last_values_are_drawn() {
        let lines: Vec<_> = (1..=20)
            .map(|s| metrics(s, 9.0 / s as f64, s.is_multiple_of(5).then_some(9.5 / s as f64)))
            .collect();
        let svg = draw(&lines);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert_eq!(svg.matches("<circle").count(), 5, "four evaluations and the legend");
        assert!(svg.contains(">training 0.450<") && svg.contains(">validation 0.475<"), "{svg}");
        assert!(svg.contains(">step<") && svg.contains(">nats per token<"));
        assert!(!svg.contains("NaN"));
    }

    #[test]
    fn few_points_and_flat_curves_are_no_trouble() {
        for lines in [
            vec![],
            vec![metrics(1, 2.0, None)],
            vec![metrics(1, 2.0, None), metrics(2, 2.0, None)],
        ] {
            let svg = draw(&lines);
            assert!(
                svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"),
                "{svg}"
            );
        }
    }

    #[test]
    fn a_single_step_can_be_seen() {
        let svg = draw(&[metrics(1, 2.0, None)]);
        assert_eq!(svg.matches("class=\"train-dot\"").count(), 1, "{svg}");
        assert!(!draw(&[metrics(1, 2.0, None), metrics(2, 2.0, None)]).contains("\"train-dot\""));
    }

    #[test]
    fn thinned_curves_end_with_their_data_and_stay_in_its_range() {
        let fall: Vec<Point> = (1..=2500).map(|x| (f64::from(x), 9.0 / f64::from(x))).collect();
        let thin = thinned(&fall);
        for (point, group) in thin.iter().zip(fall.chunks(3)) {
            let (first, last) = (group[0], group[group.len() - 1]);
            assert!((first.0..=last.0).contains(&point.0), "{point:?}");
            assert!((last.1..=first.1).contains(&point.1), "{point:?}");
        }
        assert_eq!(thin.last(), fall.last());
    }

    #[test]
    fn long_curves_are_thinned_to_means() {
        let points: Vec<Point> = (0..2500).map(|x| (x as f64, 1.0)).collect();
        let thin = thinned(&points);
        assert_eq!(thin.len(), 834);
        assert_eq!(thin[0], (1.0, 1.0));
    }
}
