//! Token files: one-dimensional little-endian `.npy`.
