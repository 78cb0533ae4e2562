//! Pictures and event files of the numbers that a run writes.

pub(crate) mod axis;
pub mod compare;
pub mod loss;
pub(crate) mod page;
pub(crate) mod svg;
pub mod tensorboard;
