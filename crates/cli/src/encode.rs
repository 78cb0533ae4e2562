//! The work of `encode`.
