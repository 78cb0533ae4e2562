//! Generation of token ids, of one text or of many at a time. It knows nothing of text.
//!
//! The model attends to a window of its text: everything, until the context is full. For a prompt
//! longer than the context the window begins with the last tokens that fit. A full window moves on
//! to the newest half of its tokens, which are read again from position 0. That costs one pass over
//! half a context per half a context generated, and the window never has less than half a context.

mod batch;
mod drafts;
mod error;
mod generator;
mod options;
pub mod sample;
mod sampler;
mod score;
mod text;

pub use batch::{BatchGenerator, Event};
pub use error::GenerateError;
pub use generator::Generator;
pub use options::{FinishReason, GenerateOptions};

#[cfg(test)]
mod tests;
