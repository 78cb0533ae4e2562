//! Smoothing a noisy curve.

/// A point of a curve.
pub type Point = (f64, f64);

/// Exponential moving average over about `span` points. The weights of the points so far always sum to 1, so that the
/// first points are not pulled towards zero. (The same correction as in Adam.)
pub fn smoothed(points: &[Point], span: f64) -> Vec<Point> {
    let keep = 1.0 - 1.0 / span.max(1.0);
    let (mut sum, mut weight) = (0.0, 0.0);
    let average = |&(x, y): &Point| {
        sum = keep * sum + (1.0 - keep) * y;
        weight = keep * weight + (1.0 - keep);
        (x, sum / weight)
    };
    points.iter().map(average).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flat_curve_stays_and_a_span_of_one_changes_nothing() {
        let flat = [(0.0, 3.0), (1.0, 3.0), (2.0, 3.0)];
        for (point, expected) in smoothed(&flat, 5.0).iter().zip(flat) {
            assert!((point.1 - expected.1).abs() < 1e-12);
        }
        let curve = [(0.0, 1.0), (1.0, 5.0)];
        assert_eq!(smoothed(&curve, 1.0), curve);
        assert_eq!(smoothed(&curve, 0.0), curve);
    }

    #[test]
    fn two_points_by_hand() {
        // Span 2: weights 1/2 and 1/4 of the newer and the older, which sum to 3/4.
        let last = smoothed(&[(0.0, 1.0), (1.0, 4.0)], 2.0)[1];
        assert!((last.1 - (0.25 + 2.0) / 0.75).abs() < 1e-12);
    }
}
