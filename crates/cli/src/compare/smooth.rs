//! Smoothing a noisy curve.

/// A point of a curve.
pub type Point = (f64, f64);

/// The mean of each point and up to `reach` neighbours on either side. Near an end there are fewer, but as many before
/// as after, so that a curve which falls is not shifted: a running mean of the points so far would lag behind it.
pub fn smoothed(points: &[Point], reach: usize) -> Vec<Point> {
    let mean = |index: usize| {
        let reach = reach.min(index).min(points.len() - 1 - index);
        let near = &points[index - reach..=index + reach];
        (points[index].0, near.iter().map(|point| point.1).sum::<f64>() / near.len() as f64)
    };
    (0..points.len()).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straight_lines_stay_and_a_reach_of_nothing_changes_nothing() {
        let line: Vec<Point> = (0..20).map(|x| (f64::from(x), 3.0 - 0.5 * f64::from(x))).collect();
        for (point, expected) in smoothed(&line, 4).iter().zip(&line) {
            assert!((point.1 - expected.1).abs() < 1e-12);
        }
        let curve = [(0.0, 1.0), (1.0, 5.0)];
        assert_eq!(smoothed(&curve, 0), curve);
        assert_eq!(smoothed(&[], 3), []);
    }

    #[test]
    fn noise_is_averaged_out() {
        let curve = [(0.0, 1.0), (1.0, 4.0), (2.0, 1.0), (3.0, 7.0)];
        assert_eq!(smoothed(&curve, 5), [(0.0, 1.0), (1.0, 2.0), (2.0, 4.0), (3.0, 7.0)]);
    }
}
