//! Smoothing of noisy curves.

use crate::charts::svg::Point;

/// Smooths a curve whose points stand from left to right: moves each to the mean of the points that
/// are nearer than `reach`, of which the nearer ones weigh more (tricube weights, as in LOESS;
/// Cleveland 1979, doi:10.1080/01621459.1979.10481038).
///
/// A mean never leaves the range of its values. Points without a neighbour within reach stay where
/// they are, so a curve of few points is not changed. Near the beginning, where losses fall so
/// steeply that the points on one side would pull the curve away, a point reaches only as far to
/// the right as it can to the left.
pub fn smoothed(points: &[Point], reach: f64) -> Vec<Point> {
    let mut first = 0;
    let mut smoothed = Vec::with_capacity(points.len());
    for &(x, y) in points {
        let reach = reach.min(x - points[0].0);
        while x - points[first].0 >= reach && points[first].0 < x {
            first += 1;
        }
        let near = points[first..].iter().take_while(|point| point.0 - x < reach || point.0 <= x);
        smoothed.push((x, mean(near, x, reach).unwrap_or(y)));
    }
    smoothed
}

/// Returns the weighted mean of the points' values; `None` if there is no point.
fn mean<'a>(near: impl Iterator<Item = &'a Point>, x: f64, reach: f64) -> Option<f64> {
    let (mut weights, mut sum) = (0.0, 0.0);
    let (mut lowest, mut highest) = (f64::INFINITY, f64::NEG_INFINITY);
    for &(at, y) in near {
        // Without a reach there are only points at `x` itself.
        let distance = if reach > 0.0 { (at - x).abs() / reach } else { 0.0 };
        let weight = (1.0 - distance.powi(3)).powi(3);
        weights += weight;
        sum += weight * y;
        (lowest, highest) = (lowest.min(y), highest.max(y));
    }
    // A sum is rounded.
    (weights > 0.0).then(|| (sum / weights).clamp(lowest, highest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn straight_lines_stay_and_a_reach_of_nothing_changes_nothing() {
        let line: Vec<Point> = (0..20).map(|x| (f64::from(x), 3.0 - 0.5 * f64::from(x))).collect();
        // All but the end, where the points are on one side.
        for (point, expected) in smoothed(&line, 4.5).iter().zip(&line).take(16) {
            assert!((point.1 - expected.1).abs() < 1e-12);
        }
        let curve = [(0.0, 1.0), (1.0, 5.0)];
        assert_eq!(smoothed(&curve, 0.0), curve);
        assert_eq!(smoothed(&[], 3.0), []);
    }

    #[test]
    fn noise_is_averaged_out() {
        let noise = |x: u32| if x.is_multiple_of(2) { 1.0 } else { -1.0 };
        let curve: Vec<Point> = (0..30).map(|x| (f64::from(x), noise(x))).collect();
        assert!(smoothed(&curve, 5.0)[5..25].iter().all(|point| point.1.abs() < 0.2));
    }

    #[test]
    fn a_steep_fall_logged_sparsely_stays_as_it_is() {
        let fall: Vec<Point> = (0..10).map(|x| (f64::from(x), 8.0 / f64::from(x + 1))).collect();
        assert_eq!(smoothed(&fall, 0.04 * 9.0), fall);
    }

    #[test]
    fn a_steep_fall_logged_often_is_followed() {
        let fall: Vec<Point> =
            (0..500).map(|x| (x as f64, 3.0 + 4.0 / (1.0 + x as f64 / 20.0))).collect();
        for (line, point) in smoothed(&fall, 20.0).iter().zip(&fall) {
            assert!((line.1 - point.1).abs() < 0.08, "{line:?} {point:?}");
        }
    }

    proptest! {
        #[test]
        fn no_point_leaves_the_range_of_those_within_reach(
            steps in prop::collection::vec((0.0..3.0f64, -5.0..5.0f64), 0..40),
            reach in 0.0..6.0f64,
        ) {
            let mut x = 0.0;
            let points: Vec<Point> = steps.iter().map(|&(step, y)| { x += step; (x, y) }).collect();
            let smooth = smoothed(&points, reach);
            prop_assert_eq!(smooth.len(), points.len());
            for (&(x, y), &(at, _)) in smooth.iter().zip(&points) {
                prop_assert_eq!(x, at);
                let near = points.iter().filter(|p| (p.0 - x).abs() < reach || p.0 == x);
                let (low, high) = crate::charts::axis::range(near.map(|p| p.1));
                prop_assert!((low..=high).contains(&y), "{} in {}..={}", y, low, high);
            }
        }
    }
}
