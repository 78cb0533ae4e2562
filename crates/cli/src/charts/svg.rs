//! An SVG document, written element by element.

use std::fmt::{Display, Write as _};

/// A point: on the page, or a value of the horizontal axis and one of the vertical axis.
pub type Point = (f64, f64);

/// A document being written.
pub struct Svg(String);

impl Svg {
    /// Begins a document of this size.
    pub fn new(width: f64, height: f64) -> Svg {
        let mut svg = Svg(String::new());
        svg.element(format_args!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             role=\"img\">"
        ));
        svg
    }

    /// Appends an element.
    pub fn element(&mut self, element: impl Display) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "{element}");
    }

    /// Appends text. `anchor` is start, middle or end; `attributes` are copied as they are.
    pub fn text(&mut self, (x, y): Point, anchor: &str, attributes: &str, text: &str) {
        self.element(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {attributes}>{text}</text>"
        ));
    }

    /// Appends a straight line of a style class.
    pub fn line(&mut self, class: &str, from: Point, to: Point) {
        self.element(format_args!(
            "<line class=\"{class}\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    /// Appends a line through `points`. `attributes` follow the style class as they are.
    pub fn polyline(&mut self, class: &str, attributes: &str, points: impl Iterator<Item = Point>) {
        let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let points = points.join(" ");
        self.element(format_args!("<polyline class=\"{class}\"{attributes} points=\"{points}\"/>"));
    }

    /// Appends a filled circle of a style class.
    pub fn dot(&mut self, class: &str, (x, y): Point, radius: f64) {
        self.element(format_args!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\"/>"
        ));
    }

    /// Ends the document.
    pub fn finish(mut self) -> String {
        self.element("</svg>");
        self.0
    }
}

/// Escapes text that stands between two tags.
pub fn escaped(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
