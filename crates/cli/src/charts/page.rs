//! The common part of all charts: size, style, title, grid and axes.

use super::axis::Axis;
use super::svg::{Point, Svg, escaped};

/// The height of every chart.
pub const HEIGHT: f64 = 450.0;
/// The left edge of the rectangle between the axes.
pub const LEFT: f64 = 64.0;
/// The upper edge of the rectangle.
pub const TOP: f64 = 44.0;
/// The lower edge of the rectangle.
pub const BOTTOM: f64 = HEIGHT - 56.0;

/// One style sheet for both colour schemes. Each colour is written out, because not every viewer
/// supports variables.
const STYLE: &str = "
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .page { fill: #ffffff; } .grid { stroke: #d8dee4; } .axis { stroke: #57606a; }
  .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; } .page { fill: #0d1117; }
    .grid { stroke: #30363d; } .axis { stroke: #8b949e; }
  }
";

/// The two axes of a chart with their names.
pub struct Axes {
    /// The horizontal axis.
    pub x: Axis,
    /// The name of the horizontal axis.
    pub x_name: &'static str,
    /// The vertical axis, in nats per token.
    pub y: Axis,
}

impl Axes {
    /// Returns the place of a point on the page. Points far outside are moved closer, because some
    /// viewers fail on very large coordinates.
    pub fn place(&self, (x, y): Point) -> Point {
        (self.x.place(x), self.y.place(y).clamp(-10.0 * HEIGHT, 10.0 * HEIGHT))
    }

    /// Begins a chart of this width with all elements behind the curves. `style` is added to the
    /// common style.
    pub fn begin(&self, width: f64, title: &str, style: &str) -> Svg {
        let title = escaped(title);
        let mut svg = Svg::new(width, HEIGHT);
        svg.element(format_args!("<title>{title}</title><style>{STYLE}{style}</style>"));
        svg.element(format_args!("<rect class=\"page\" width=\"{width}\" height=\"{HEIGHT}\"/>"));
        svg.text((LEFT, 26.0), "start", "class=\"title\"", &title);
        self.draw(&mut svg);
        svg
    }

    /// Draws grid lines with their labels, the two axes, and their names.
    fn draw(&self, svg: &mut Svg) {
        let right = self.x.to;
        for tick in self.x.ticks() {
            let x = self.x.place(tick.value);
            svg.line("grid", (x, TOP), (x, BOTTOM));
            svg.text((x, BOTTOM + 20.0), "middle", "", &tick.label);
        }
        for tick in self.y.ticks() {
            let y = self.y.place(tick.value);
            svg.line("grid", (LEFT, y), (right, y));
            svg.text((LEFT - 10.0, y + 4.5), "end", "", &tick.label);
        }
        svg.line("axis", (LEFT, BOTTOM), (right, BOTTOM));
        svg.line("axis", (LEFT, TOP), (LEFT, BOTTOM));
        svg.text(((LEFT + right) / 2.0, BOTTOM + 42.0), "middle", "", self.x_name);
        let (x, y) = (18.0, (TOP + BOTTOM) / 2.0);
        let rotated = format!("transform=\"rotate(-90 {x} {y})\"");
        svg.text((x, y), "middle", &rotated, "nats per token");
    }
}
