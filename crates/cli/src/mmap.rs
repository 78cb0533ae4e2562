//! Memory-mapped input files.
