//! Smoothing of noisy curves.

use crate::charts::svg::Point;

/// Moves each point onto the straight line that fits it and up to `reach` neighbours on either side
/// best (least squares over their indices). In the middle of a curve that is their mean. Near an
/// end, where the neighbours are on one side, a mean would lag behind a falling curve and the line
/// does not. (Local linear regression; Cleveland 1979, doi:10.1080/01621459.1979.10481038)
pub fn smoothed(points: &[Point], reach: usize) -> Vec<Point> {
    let fitted = |index: usize| {
        let first = index.saturating_sub(reach);
        let near = &points[first..points.len().min(index + reach + 1)];
        let count = near.len() as f64;
        let (middle, mean) = ((count - 1.0) / 2.0, near.iter().map(|p| p.1).sum::<f64>() / count);
        let (mut products, mut squares) = (0.0, 0.0);
        for (number, point) in near.iter().enumerate() {
            let distance = number as f64 - middle;
            products += distance * (point.1 - mean);
            squares += distance * distance;
        }
        let slope = if squares > 0.0 { products / squares } else { 0.0 };
        (points[index].0, mean + slope * ((index - first) as f64 - middle))
    };
    (0..points.len()).map(fitted).collect()
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
        let noise = |x: u32| if x.is_multiple_of(2) { 1.0 } else { -1.0 };
        let curve: Vec<Point> = (0..30).map(|x| (f64::from(x), noise(x))).collect();
        assert!(smoothed(&curve, 4).iter().all(|point| point.1.abs() < 0.4), "{curve:?}");
        // The mean of three in the middle.
        assert_eq!(smoothed(&[(0.0, 1.0), (1.0, 4.0), (2.0, 1.0)], 1)[1], (1.0, 2.0));
    }
}
