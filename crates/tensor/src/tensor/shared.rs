//! Tensors in memory that they do not own.

use super::storage::{SharedBytes, Storage};
use super::{Tensor, volume};
use crate::DType;

/// The reason why bytes cannot be read as the elements of a tensor where they are.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("elements of {size} bytes at byte {start}, which is no multiple of that in memory")]
pub struct NotAligned {
    /// The place of the first element.
    pub start: usize,
    /// Bytes per element.
    pub size: usize,
}

impl Tensor {
    /// Returns a tensor whose elements are the bytes of `memory` from `start` on, in this machine's
    /// order of bytes. Nothing is copied until the tensor is written to.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tensor::memory::HugePages;
    /// use tensor::{DType, Tensor};
    ///
    /// let mut memory = HugePages::zeroed(64);
    /// memory.as_mut()[4..8].copy_from_slice(&2.5_f32.to_ne_bytes());
    /// let x = Tensor::shared(Arc::new(memory), 4, DType::F32, &[2])?;
    /// assert_eq!(x.as_slice(), [2.5, 0.0]);
    /// # Ok::<(), tensor::NotAligned>(())
    /// ```
    ///
    /// # Errors
    /// If the elements do not lie at multiples of their size.
    ///
    /// # Panics
    /// If there are too few bytes.
    #[track_caller]
    pub fn shared(
        memory: SharedBytes,
        start: usize,
        dtype: DType,
        shape: &[usize],
    ) -> Result<Self, NotAligned> {
        let (bytes, size) = ((*memory).as_ref(), dtype.size());
        let (len, found) = (volume(shape) * size, bytes.len());
        let fits = start.checked_add(len).is_some_and(|end| end <= found);
        assert!(fits, "Tensor::shared: {len} bytes from {start} on, of {found}");
        let is_multiple = |n: usize| n.is_multiple_of(size);
        if !is_multiple(start) || !is_multiple(bytes.as_ptr().addr()) {
            return Err(NotAligned { start, size });
        }
        let storage = Storage::Shared(memory);
        Ok(Self { storage, dtype, offset: start / size, shape: shape.to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::HugePages;
    use half::f16;
    use std::sync::Arc;

    fn numbers(count: u16) -> SharedBytes {
        let mut memory = HugePages::zeroed(2 * usize::from(count));
        for (bytes, i) in memory.as_mut().chunks_exact_mut(2).zip(0..count) {
            bytes.copy_from_slice(&f16::from_f32(f32::from(i)).to_ne_bytes());
        }
        Arc::new(memory)
    }

    #[test]
    fn elements_are_read_where_they_are_and_copied_when_they_are_written() {
        let memory = numbers(12);
        let mut x = Tensor::shared(memory.clone(), 4, DType::F16, &[2, 5]).unwrap();
        assert_eq!(x.elements::<f16>().as_ptr().cast(), (*memory).as_ref()[4..].as_ptr());
        let row = x.slice_first(1, 2);
        assert_eq!(row.to_f32().as_slice(), [7.0, 8.0, 9.0, 10.0, 11.0]);
        assert_eq!(x.matrix().at(1, 4), 11.0);
        x.elements_mut::<f16>()[5] = f16::ONE;
        assert_eq!(x.to_f32().as_slice()[4..7], [6.0, 1.0, 8.0]);
        assert_eq!(row.to_f32().as_slice()[0], 7.0, "the shared memory was written to");
    }

    #[test]
    fn a_misplaced_element_is_an_error() {
        let shared = |start| Tensor::shared(numbers(12), start, DType::F32, &[1]).map(|_| ());
        assert_eq!(shared(2), Err(NotAligned { start: 2, size: 4 }));
        assert_eq!(shared(8), Ok(()));
    }

    #[test]
    #[should_panic(expected = "Tensor::shared: 4 bytes from 21 on, of 24")]
    fn too_few_bytes_are_a_bug_that_is_named() {
        let _ = Tensor::shared(numbers(12), 21, DType::F16, &[2]);
    }
}
