//! `loss.svg`: training and validation loss over the steps, as a picture that reads well on light
//! and dark pages.

use std::path::Path;

use anyhow::Result;

use super::axis::Axis;
use super::page::Page;
use super::svg::{line, push, text};
use crate::run::file_names::LOSS_CHART;
use crate::run::metrics::Metrics;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 450.0;
/// The rectangle between the axes.
const LEFT: f64 = 64.0;
const RIGHT: f64 = WIDTH - 24.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = HEIGHT - 56.0;
const PAGE: Page =
    Page { width: WIDTH, height: HEIGHT, left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM };
/// More points than this on a curve are averaged in groups: a screen shows no more.
const MAX_POINTS: usize = 1000;

const STYLE: &str = "
  .train { stroke: #2f74c0; } .val { stroke: #c4500a; } .val-dot { fill: #c4500a; }
  @media (prefers-color-scheme: dark) {
    .train { stroke: #6cb0f5; } .val { stroke: #f5a35c; } .val-dot { fill: #f5a35c; }
  }
";

type Point = (f64, f64);

/// Draws the curves into `dir`, whole or not at all.
///
/// # Errors
/// When the file cannot be written.
pub fn write(dir: &Path, lines: &[Metrics]) -> Result<()> {
    Ok(files::write(&dir.join(LOSS_CHART), draw(lines).as_bytes())?)
}

/// The picture as SVG.
pub fn draw(lines: &[Metrics]) -> String {
    let train: Vec<Point> = lines.iter().map(|line| (line.step as f64, line.train_loss)).collect();
    let val: Vec<Point> =
        lines.iter().filter_map(|line| Some((line.step as f64, line.val_loss?))).collect();
    let last_of = |curve: &[Point]| curve.last().map(|&(_, loss)| loss);
    let (train, last_train) = (thinned(&train), last_of(&train));
    let (val, last_val) = (thinned(&val), last_of(&val));

    let all = || train.iter().chain(&val);
    let x = Axis::through(all().map(|point| point.0).chain([0.0]), LEFT, RIGHT);
    let y = Axis::through(all().map(|point| point.1), BOTTOM, TOP).outward();

    let mut svg = PAGE.begin("Loss", STYLE, (&x, "step"), (&y, "nats per token"));
    if train.len() + val.len() == 0 {
        push(
            &mut svg,
            text((LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0, "middle", "", "no step yet"),
        );
    }
    curve(&mut svg, "train", &train, &x, &y);
    curve(&mut svg, "val", &val, &x, &y);
    for &(step, loss) in &val {
        let (cx, cy) = (x.place(step), y.place(loss));
        push(
            &mut svg,
            format!("<circle class=\"val-dot\" cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"2.6\"/>"),
        );
    }
    legend(&mut svg, last_train, last_val);
    svg + "</svg>\n"
}

fn curve(svg: &mut String, class: &str, points: &[Point], x: &Axis, y: &Axis) {
    if points.len() < 2 {
        return;
    }
    let places: Vec<String> = points
        .iter()
        .map(|&(step, loss)| format!("{:.1},{:.1}", x.place(step), y.place(loss)))
        .collect();
    push(svg, format!("<polyline class=\"curve {class}\" points=\"{}\"/>", places.join(" ")));
}

/// Name and last value of each curve, at the top right, above the curves.
fn legend(svg: &mut String, train: Option<f64>, val: Option<f64>) {
    let mut x = RIGHT;
    for (class, name, last) in [("val", "validation", val), ("train", "training", train)] {
        let Some(last) = last else { continue };
        let entry = format!("{name} {last:.3}");
        push(svg, text(x, 26.0, "end", "", &entry));
        // About the width of the text, whose font is not known.
        x -= entry.chars().count() as f64 * 7.2 + 8.0;
        push(svg, line(&format!("curve {class}"), x - 24.0, 22.0, x, 22.0));
        x -= 48.0;
    }
}

/// The curve with at most [`MAX_POINTS`] points, each the mean of a group of neighbours.
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
        assert_eq!(svg.matches("<circle").count(), 4);
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
    fn long_curves_are_thinned_to_means() {
        let points: Vec<Point> = (0..2500).map(|x| (x as f64, 1.0)).collect();
        let thin = thinned(&points);
        assert_eq!(thin.len(), 834);
        assert_eq!(thin[0], (1.0, 1.0));
    }
}
