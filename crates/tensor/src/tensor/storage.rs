//! The memory with a tensor's elements.

use crate::matrix::element::Element;
use crate::memory::pool::Buffer;
use std::sync::Arc;

/// Memory that tensors read and do not own: a mapped file, or one allocation for all weights. Its
/// bytes never move.
pub type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// The memory with a tensor's elements, of any type, from the first on.
#[derive(Clone)]
pub(crate) enum Storage {
    /// A recycled buffer.
    Buffer(Arc<Buffer>),
    /// Memory that is only read.
    Shared(SharedBytes),
}

impl Storage {
    /// Returns all elements as numbers of a type. What follows the last whole one is left out.
    #[inline]
    pub(super) fn elements<E: Element>(&self) -> &[E] {
        match self {
            Self::Buffer(buffer) => bytemuck::cast_slice(buffer.as_slice()),
            // `Tensor::shared` has checked the alignment. The cast checks it again, so that a type
            // whose bytes move breaks no more than its own promise.
            Self::Shared(memory) => {
                let bytes = (**memory).as_ref();
                bytemuck::cast_slice(&bytes[..bytes.len() / size_of::<E>() * size_of::<E>()])
            }
        }
    }

    /// Returns the buffer to write to, if no other tensor reads it.
    pub(super) fn own(&mut self) -> Option<&mut Buffer> {
        match self {
            Self::Buffer(buffer) => Arc::get_mut(buffer),
            Self::Shared(_) => None,
        }
    }
}
