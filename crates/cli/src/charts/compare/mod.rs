//! Several runs next to each other: one chart of their curves and one table. The program is the
//! example `compare-runs`.
//!
//! Runs whose names differ only in `-s` and a number at the end are taken for seeds of the same
//! variant: they share a colour and an entry of the legend.

mod chart;
#[cfg(feature = "png")]
mod png;
mod run;
mod smooth;
mod table;

pub use chart::{Chart, Horizontal};
#[cfg(feature = "png")]
pub use png::png;
pub use run::{Run, Variant, group};
pub use table::table;
