//! What all pictures have in common: size, style, title, grid and axes.

use super::axis::Axis;
use super::svg::{escaped, line, push, text};

/// One style sheet for both colour schemes, each colour written out: not every viewer knows
/// variables.
const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #1f2328; } .title { font-size: 15px; font-weight: 600; }
  .page { fill: #ffffff; } .grid { stroke: #d8dee4; } .axis { stroke: #57606a; }
  .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .page { fill: #0d1117; } .grid { stroke: #30363d; } .axis { stroke: #8b949e; }
  }
";

/// The picture, and in it the rectangle between the axes.
pub(crate) struct Page {
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub right: f64,
    pub top: f64,
    pub bottom: f64,
}

impl Page {
    /// Everything that stands before the curves. `style` is added to what all pictures share; the
    /// axes have names.
    pub fn begin(&self, title: &str, style: &str, x: (&Axis, &str), y: (&Axis, &str)) -> String {
        let &Page { width, height, .. } = self;
        let title = escaped(title);
        let mut svg = String::new();
        let open = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">"
        );
        push(&mut svg, open);
        push(&mut svg, format!("<title>{title}</title><style>{STYLE}{style}</style>"));
        push(&mut svg, format!("<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>"));
        push(&mut svg, text(self.left, 26.0, "start", "class=\"title\"", &title));
        self.grid(&mut svg, x, y);
        svg
    }

    /// Grid lines with their labels, the two axes, and their names.
    fn grid(&self, svg: &mut String, (x, x_name): (&Axis, &str), (y, y_name): (&Axis, &str)) {
        let &Page { left, right, top, bottom, .. } = self;
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
