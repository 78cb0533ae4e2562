//! Arguments of `encode`.
