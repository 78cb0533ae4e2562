//! The rectangle between the axes of a picture.

use super::axis::Axis;
use super::svg::{line, push, text};

/// Its sides, in the picture's units.
pub(crate) struct Frame {
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Frame {
    /// Grid lines with their labels, the two axes, and their names.
    pub fn grid(&self, svg: &mut String, (x, x_name): (&Axis, &str), (y, y_name): (&Axis, &str)) {
        let &Frame { left, right, top, bottom } = self;
        for tick in x.ticks() {
            let at = x.place(tick.value);
            push(svg, line("grid", at, top, at, bottom));
            push(svg, text(at, bottom + 20.0, "middle", "", &tick.label));
        }
        for tick in y.ticks() {
            let at = y.place(tick.value);
            push(svg, line("grid", left, at, right, at));
            push(svg, text(left - 10.0, at + 4.5, "end", "", &tick.label));
        }
        push(svg, line("axis", left, bottom, right, bottom));
        push(svg, line("axis", left, top, left, bottom));
        push(svg, text((left + right) / 2.0, bottom + 42.0, "middle", "", x_name));
        let (at_x, at_y) = (18.0, (top + bottom) / 2.0);
        let turned = format!("transform=\"rotate(-90 {at_x} {at_y})\"");
        push(svg, text(at_x, at_y, "middle", &turned, y_name));
    }
}
