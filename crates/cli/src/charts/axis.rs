//! An axis: the places of values on the page, and round numbers as labels.

/// The approximate number of labels per axis.
const LABELS: f64 = 6.0;

/// A labelled place on an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The value at the place.
    pub value: f64,
    /// The value as text.
    pub label: String,
}

/// The way in which values are spread over an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Equal differences are equally far apart.
    Linear,
    /// Equal ratios are equally far apart.
    Logarithmic,
}

/// A range of values laid out between two places on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    min: f64,
    max: f64,
    from: f64,
    /// The end of the axis on the page.
    pub to: f64,
    /// The distance between two ticks.
    step: f64,
    scale: Scale,
}

/// Returns 1, 2 or 5 times a power of ten, so that a range gets about [`LABELS`] steps.
fn round_step(range: f64) -> f64 {
    let rough = range / LABELS;
    let power = 10f64.powf(rough.log10().floor());
    // Rather some labels more than half as many.
    let fits = |factor: &f64| rough / power <= 1.25 * *factor;
    power * [1.0, 2.0, 5.0].into_iter().find(fits).unwrap_or(10.0)
}

/// Returns the smallest and the largest finite value; infinities in reverse if there is none.
pub fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values
        .filter(|value| value.is_finite())
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), x| (min.min(x), max.max(x)))
}

impl Axis {
    /// Creates the linear axis on which all finite `values` lie; never of length zero.
    pub fn through(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let (min, max) = range(values);
        let (min, max) = match max - min {
            range if range > 0.0 => (min, max),
            0.0 => (min, max + 1.0),
            // There were no values.
            _ => (0.0, 1.0),
        };
        Axis { min, max, from, to, step: round_step(max - min), scale: Scale::Linear }
    }

    /// Sets the scale; an axis with values of zero or below stays linear.
    pub fn with_scale(self, scale: Scale) -> Axis {
        Axis { scale: if self.min > 0.0 { scale } else { Scale::Linear }, ..self }
    }

    /// Extends the axis so that it begins and ends at a tick.
    pub fn outward(self) -> Axis {
        let step = self.step;
        Axis { min: (self.min / step).floor() * step, max: (self.max / step).ceil() * step, ..self }
    }

    /// Returns the length of the axis on the page.
    pub fn length(&self) -> f64 {
        (self.to - self.from).abs()
    }

    /// Returns the place of `value` on the page.
    pub fn place(&self, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Logarithmic => (value / self.min).ln() / (self.max / self.min).ln(),
            Scale::Linear => (value - self.min) / (self.max - self.min),
        };
        self.from + share * (self.to - self.from)
    }

    /// Returns the multiples of the step that lie on the axis; on a logarithmic one that spans a
    /// factor of four or more, 1, 2 and 5 times powers of ten, or only the powers where those are
    /// many.
    pub fn ticks(&self) -> Vec<Tick> {
        if self.scale == Scale::Logarithmic && self.max / self.min >= 4.0 {
            return self.powers();
        }
        let step = self.step;
        // A small tolerance for rounding at the ends.
        let (first, last) = ((self.min / step - 1e-9).ceil(), (self.max / step + 1e-9).floor());
        let decimals = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let large = self.max >= 1e5;
        let count = (last - first).clamp(0.0, 100.0) as u32;
        (0..=count)
            .map(|index| {
                let value = (first + f64::from(index)) * step;
                // Adding zero turns minus zero into zero.
                let label =
                    if large { short(value) } else { format!("{:.decimals$}", value + 0.0) };
                Tick { value, label }
            })
            .collect()
    }

    fn powers(&self) -> Vec<Tick> {
        let (first, last) = (self.min.log10().floor() as i32, self.max.log10().ceil() as i32);
        let factors: &[f64] = if last - first > 4 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let all = (first..=last).flat_map(|power| factors.iter().map(move |f| (power, f)));
        all.map(|(power, factor)| factor * 10f64.powi(power))
            .filter(|value| (self.min * (1.0 - 1e-9)..=self.max * (1.0 + 1e-9)).contains(value))
            .map(|value| Tick { value, label: short(value) })
            .collect()
    }
}

/// Formats a number with at most three digits and a letter for thousands, millions, billions.
fn short(value: f64) -> String {
    let (scaled, letter) = match value.abs() {
        x if x >= 1e9 => (value / 1e9, "G"),
        x if x >= 1e6 => (value / 1e6, "M"),
        x if x >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let decimals = if scaled.abs() >= 0.01 || scaled == 0.0 { 2 } else { 6 };
    let digits = format!("{scaled:.decimals$}");
    format!("{}{letter}", digits.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(min: f64, max: f64) -> Vec<String> {
        let axis = Axis::through([min, max].into_iter(), 0.0, 1.0).outward();
        axis.ticks().into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn labels_are_round_numbers_around_all_values() {
        assert_eq!(labels(1.3, 9.2), ["0", "2", "4", "6", "8", "10"]);
        assert_eq!(labels(0.0, 5000.0), ["0", "1000", "2000", "3000", "4000", "5000"]);
        assert_eq!(labels(1.51, 1.62), ["1.50", "1.52", "1.54", "1.56", "1.58", "1.60", "1.62"]);
    }

    #[test]
    fn places_are_proportional() {
        let axis = Axis::through([2.0, 4.0].into_iter(), 100.0, 0.0);
        assert_eq!([axis.place(2.0), axis.place(3.0), axis.place(4.0)], [100.0, 50.0, 0.0]);
    }

    fn logarithmic(min: f64, max: f64, from: f64, to: f64) -> Axis {
        Axis::through([min, max].into_iter(), from, to).with_scale(Scale::Logarithmic)
    }

    #[test]
    fn on_a_logarithmic_axis_ratios_are_distances() {
        let axis = logarithmic(1.0, 100.0, 0.0, 2.0);
        assert!((axis.place(10.0) - 1.0).abs() < 1e-12);
        let labels: Vec<_> = axis.ticks().into_iter().map(|tick| tick.label).collect();
        assert_eq!(labels, ["1", "2", "5", "10", "20", "50", "100"]);
        let narrow = logarithmic(2.0, 3.0, 0.0, 1.0);
        assert_eq!(narrow.ticks().len(), 6, "{narrow:?}");
        assert_eq!(logarithmic(0.0, 1.0, 0.0, 1.0).place(0.5), 0.5, "zero: linear");
    }

    #[test]
    fn short_numbers() {
        let cases = [(0.0, "0"), (0.5, "0.5"), (1500.0, "1500"), (2e5, "200k"), (1.25e6, "1.25M")];
        cases.iter().for_each(|&(value, expected)| assert_eq!(short(value), expected));
    }

    #[test]
    fn no_values_or_one_make_an_axis_too() {
        assert_eq!(Axis::through([].into_iter(), 0.0, 1.0).place(0.5), 0.5);
        assert_eq!(Axis::through([3.0, f64::NAN].into_iter(), 0.0, 1.0).place(3.0), 0.0);
    }
}
