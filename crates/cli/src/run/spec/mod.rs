//! The description of a run.

pub mod preset;
pub mod training;
