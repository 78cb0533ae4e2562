//! Memory: recycled buffers, huge pages, and cache lines.

pub(crate) mod cache;
mod huge_pages;
pub mod pool;

pub use huge_pages::HugePages;
