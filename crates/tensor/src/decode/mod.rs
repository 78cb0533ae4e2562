//! The operations of a generation step: few rows of input at a time, without a tape.
//!
//! A token needs each weight once. What counts is to read the weights at the speed of memory, and
//! to lose nothing between the products, so that these operations take slices that their caller
//! keeps, allocate nothing once they have run, and are shared out among the threads of a [`Team`]
//! that spin in between. Each thread reads its own outputs' weights from first to last.
//!
//! | file | holds |
//! |---|---|
//! | `team` | the threads |
//! | `parts` | what each thread does of a region |
//! | `runner` | the threads with scratch memory |
//! | `text` | the texts of a step, as threads share them |
//! | `linear` | linear layers, with the norm before them and the activation behind |
//! | `attention` | rotation, the cache of keys and values, attention to it |
//!
//! The order of each sum depends on nothing but its length: not on the number of rows, nor on that
//! of threads (see `isa/rows`). It is another one than that of the operations on a tape, which read
//! prompts and train.

mod attention;
mod linear;
mod parts;
mod runner;
mod team;
mod text;

pub use attention::{Heads, TextCache};
pub use linear::{Activation, Input, Sums, Weight};
pub use runner::Runner;
pub use team::Team;
