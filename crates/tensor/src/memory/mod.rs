//! Memory: recycled buffers, huge pages, and the cache.

pub(crate) mod cache;
mod huge_pages;
pub mod pool;
