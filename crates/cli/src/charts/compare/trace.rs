//! A line on the page.

use crate::charts::svg::Point;

/// A line from left to right on the page.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace(Vec<Point>);

impl Trace {
    /// Creates the line through `points`, which stand from left to right. Of several points within
    /// half a unit of the page one is enough.
    pub fn through(points: impl Iterator<Item = Point>) -> Trace {
        let mut kept: Vec<Point> = Vec::new();
        let mut last = None;
        for point in points {
            if kept.last().is_none_or(|kept| point.0 - kept.0 >= 0.5) {
                kept.push(point);
            }
            last = Some(point);
        }
        // The line ends where the data ends.
        if kept.last() != last.as_ref() {
            kept.extend(last);
        }
        Trace(kept)
    }

    /// Returns the points of the line.
    pub fn points(&self) -> &[Point] {
        &self.0
    }

    /// Returns the height of the line at `x`; `None` beside the line.
    pub fn at(&self, x: f64) -> Option<f64> {
        let next = self.0.partition_point(|point| point.0 < x);
        let &(right, y) = self.0.get(next)?;
        if right == x {
            return Some(y);
        }
        let &(left, before) = self.0.get(next.checked_sub(1)?)?;
        Some(before + (y - before) * (x - left) / (right - left))
    }

    /// Returns the share of this line's points that are nearer than `distance` to `other`.
    pub fn share_on(&self, other: &Trace, distance: f64) -> f64 {
        let lies_on = |point: &&Point| {
            other.at(point.0).is_some_and(|height| (height - point.1).abs() < distance)
        };
        self.0.iter().filter(lies_on).count() as f64 / self.0.len().max(1) as f64
    }
}

/// Returns the outline of the area between several lines, where all of them are; `None` if they
/// share less than two points, or if more than half of the area is higher than `highest`, because
/// it would hide everything else.
pub fn between(lines: &[Trace], highest: f64) -> Option<Vec<Point>> {
    let mut edges: Vec<(f64, f64, f64)> = Vec::new();
    for &(x, y) in lines.first()?.points() {
        if let Some(heights) = lines.iter().map(|line| line.at(x)).collect::<Option<Vec<f64>>>() {
            let edge = |of: fn(f64, f64) -> f64| heights.iter().copied().fold(y, of);
            edges.push((x, edge(f64::min), edge(f64::max)));
        }
    }
    let too_high = edges.iter().filter(|(_, upper, lower)| lower - upper > highest).count();
    (edges.len() > 1 && too_high <= edges.len() / 2).then(|| {
        let there = edges.iter().map(|&(x, upper, _)| (x, upper));
        there.chain(edges.iter().rev().map(|&(x, _, lower)| (x, lower))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(points: &[Point]) -> Trace {
        Trace::through(points.iter().copied())
    }

    #[test]
    fn a_line_is_straight_between_its_points_and_ends_with_them() {
        let line = line(&[(0.0, 0.0), (2.0, 4.0), (3.0, 4.0)]);
        assert_eq!(
            [0.0, 1.0, 2.0, 2.5, 3.0].map(|x| line.at(x).unwrap()),
            [0.0, 2.0, 4.0, 4.0, 4.0]
        );
        assert_eq!((line.at(-0.1), line.at(3.1)), (None, None));
        assert_eq!(Trace::through([].into_iter()).at(0.0), None);
    }

    #[test]
    fn points_that_are_too_close_to_see_are_left_out_but_not_the_last() {
        let dense = Trace::through((0..=100).map(|x| (f64::from(x) / 10.0, 1.0)));
        assert_eq!(dense.points().len(), 21);
        let dense = Trace::through((0..=101).map(|x| (f64::from(x) / 10.0, 1.0)));
        assert_eq!(dense.points().last(), Some(&(10.1, 1.0)));
    }

    #[test]
    fn lines_that_coincide_are_found() {
        let one = line(&[(0.0, 0.0), (10.0, 10.0)]);
        assert_eq!(line(&[(0.0, 0.5), (5.0, 5.2), (10.0, 9.5)]).share_on(&one, 1.0), 1.0);
        assert_eq!(line(&[(0.0, 0.5), (5.0, 8.0)]).share_on(&one, 1.0), 0.5);
        assert_eq!(line(&[(20.0, 0.0)]).share_on(&one, 1.0), 0.0);
    }

    #[test]
    fn the_area_between_lines_ends_with_the_shortest() {
        let lines = [line(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0)]), line(&[(0.0, 5.0), (1.0, 0.0)])];
        let outline = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 5.0)];
        assert_eq!(between(&lines, 9.0).as_deref(), Some(&outline[..]));
        assert_eq!(between(&lines, 0.5), None, "too high");
        assert_eq!(between(&[line(&[(0.0, 0.0)]), line(&[(5.0, 0.0)])], 9.0), None);
    }
}
