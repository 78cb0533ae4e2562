//! Charts as PNG, where SVG is not accepted.

use std::sync::Arc;

use anyhow::{Context, Result, bail};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::fontdb::{Database, Family, Query};
use resvg::usvg::{Options, Tree};

/// Pixels per unit of the drawing, enough for dense screens and for print.
const SCALE: f32 = 2.0;

/// Draws `svg` in its light colours with the system's sans-serif font, as a PNG file.
///
/// # Errors
/// When the system has no font, or `svg` is no SVG.
pub fn png(svg: &str) -> Result<Vec<u8>> {
    let mut fonts = Database::new();
    fonts.load_system_fonts();
    let families = &[Family::SansSerif];
    if fonts.query(&Query { families, ..Query::default() }).is_none() {
        // The default sans-serif family is not installed. Without a font there would be no text.
        let Some(any) = fonts.faces().find_map(|face| Some(face.families.first()?.0.clone()))
        else {
            bail!(
                "this system has no font to draw a PNG's letters with; install one, or write .svg"
            );
        };
        fonts.set_sans_serif_family(any);
    }
    let options = Options { fontdb: Arc::new(fonts), ..Options::default() };
    let tree = Tree::from_str(svg, &options).context("the chart is no SVG")?;
    let size = tree.size().to_int_size().scale_by(SCALE).context("the chart has no size")?;
    let mut pixels = Pixmap::new(size.width(), size.height()).context("the chart has no size")?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    Ok(pixels.encode_png()?)
}
