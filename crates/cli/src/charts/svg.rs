//! Elements of a picture as text.

use std::fmt::Write as _;

/// Appends an element.
pub(crate) fn push(svg: &mut String, element: String) {
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "{element}");
}

/// Text at a place; `anchor` is start, middle or end; other attributes as they are.
pub(crate) fn text(x: f64, y: f64, anchor: &str, attributes: &str, text: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {attributes}>{text}</text>")
}

/// A straight line.
pub(crate) fn line(class: &str, x1: f64, y1: f64, x2: f64, y2: f64) -> String {
    format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>")
}

/// Text as it has to stand between two tags.
pub(crate) fn escaped(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
