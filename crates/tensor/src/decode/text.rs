//! The texts of a step, as threads share them.
#![allow(unsafe_code)]

/// A text of which threads take the heads.
pub(super) struct Text {
    pub(super) keys: *mut f32,
    pub(super) values: *mut f32,
    /// Floats per head of either.
    pub(super) head_size: usize,
    pub(super) len: usize,
    pub(super) first_row: usize,
    pub(super) rows: usize,
}

/// The texts of a step; the vector is kept from one layer to the next.
#[derive(Default)]
pub(super) struct Texts(pub(super) Vec<Text>);

// SAFETY: the pointers are used inside `Runner::attention` alone, where the caches are borrowed,
// and each head of a text belongs to one thread there.
unsafe impl Send for Texts {}
// SAFETY: as above.
unsafe impl Sync for Texts {}
