//! Comparisons of several runs: one chart of their curves and one table, for the example
//! `compare-runs`.
//!
//! Runs whose names differ only in `-s` and a number at the end are seeds of one variant: they
//! share a colour and an entry of the legend.

mod arguments;
mod chart;
mod colours;
mod curves;
mod drawing;
mod legend;
#[cfg(feature = "png")]
mod png;
mod run;
mod smooth;
mod table;
mod trace;
mod variant;

pub use super::axis::Scale;
pub use arguments::read_runs;
pub use chart::{Chart, Horizontal};
#[cfg(feature = "png")]
pub use png::png;
pub use run::Run;
pub use table::table;
pub use variant::{Variant, group};
