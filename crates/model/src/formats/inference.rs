//! Reading weights for inference: as they are in the file, or rounded on the way, in one piece of
//! memory.
//!
//! # Copied or mapped
//! For texts of at least [`LONG`] tokens, weights of at most [`COPIED`] bytes are copied into huge
//! pages, by all threads at once. All others are mapped, and the operating system reads their pages
//! when they are accessed. Measured with 77 MB in the page cache, on two cores of a Zen 5:
//!
//! | | at start | at exit | read by two cores |
//! |---|---|---|---|
//! | copied into huge pages | 11 ms | 0.2 ms | 43 to 47 GB/s |
//! | mapped, in pages of 4 kB | 2 ms | 2 ms | 32 to 34 GB/s |
//!
//! A copy costs 7 ms more, and each token is written 0.5 ms faster: after 14 tokens that is gained
//! (later where fresh memory is slow, as in some virtual machines). It holds for any size, but a
//! copy takes memory that a map shares with the page cache and with other processes, and so the
//! largest models are not copied.

use super::error::{LoadError, LoadErrorKind};
use super::pieces::{floats, read_all};
use super::weights::FoundWeights;
use crate::ParameterKind;
use crate::transformer::weights::{InferenceWeight, QuantizeError};
use files::MappedFile;
use std::sync::Arc;
use tensor::memory::HugePages;
use tensor::ops::Int8Matrix;
use tensor::{Context, DType, Numbers, SharedBytes, Tensor};

/// The size of the largest weights that are copied.
const COPIED: usize = 1 << 30;
/// Tokens of a text for which weights are copied.
const LONG: usize = 16;
/// Each tensor begins at a multiple of this, a cache line.
const ALIGNMENT: usize = 64;

/// The form in which the weights of a model are held for inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightForm {
    /// Matrices and embedding in the type of the file, `f32`, bf16 or f16.
    AsStored,
    /// Matrices of linear layers in bf16, to the nearest, ties to even; the embedding as stored.
    Bf16,
    /// Matrices of linear layers in 8 bits; the embedding as stored.
    Int8,
}

impl WeightForm {
    /// Returns the type of a tensor that a file has in `stored`; `None` for 8 bits.
    fn dtype(self, kind: ParameterKind, stored: DType) -> Option<DType> {
        match (kind, self) {
            (ParameterKind::Norm, _) => Some(DType::F32),
            (ParameterKind::Linear, WeightForm::Int8) => None,
            (ParameterKind::Linear, WeightForm::Bf16) => Some(DType::Bf16),
            (ParameterKind::Linear | ParameterKind::Embedding, _) => Some(stored),
        }
    }
}

impl FoundWeights {
    /// Reads all weights in a form, for a text of so many tokens.
    ///
    /// # Errors
    /// If a file cannot be read, or a matrix that is to be rounded to 8 bits has an element that is
    /// not a finite number.
    pub(super) fn read_for_inference(
        &self,
        form: WeightForm,
        tokens: usize,
    ) -> Result<Vec<InferenceWeight>, LoadError> {
        self.read_up_to(form, if tokens < LONG { 0 } else { COPIED })
    }

    /// Reads all weights in a form; those of more than `copied` bytes are mapped.
    fn read_up_to(
        &self,
        form: WeightForm,
        copied: usize,
    ) -> Result<Vec<InferenceWeight>, LoadError> {
        let dtypes: Vec<_> = (self.specs.iter().enumerate())
            .map(|(index, spec)| form.dtype(spec.kind, self.place(index).dtype))
            .collect();
        let size = |index: usize| {
            let size = dtypes[index].map(|dtype| self.place(index).len * dtype.size());
            size.unwrap_or(0).next_multiple_of(ALIGNMENT)
        };
        let is_read = |index: usize| !self.is_shared(index, &dtypes);
        let total: usize = (0..dtypes.len()).filter(|&index| is_read(index)).map(size).sum();
        let maps = if total > copied || form == WeightForm::Int8 {
            self.files().map(|file| MappedFile::of(file).ok().map(Arc::new)).collect()
        } else {
            Vec::new()
        };

        let mut weights: Vec<Option<Tensor>> = vec![None; dtypes.len()];
        if total > copied {
            for (index, weight) in weights.iter_mut().enumerate() {
                *weight = dtypes[index].and_then(|dtype| self.mapped(index, dtype, &maps));
            }
        }
        let rest = |index: &usize| weights[*index].is_none() && is_read(*index);
        let rest: Vec<_> = (0..dtypes.len()).filter(rest).collect();
        let rest = rest.into_iter().filter_map(|index| Some((index, dtypes[index]?)));
        self.copy(rest.collect(), &mut weights)?;

        let mut int8 = self.quantize_all(&dtypes, &maps)?.into_iter();
        let mut done = Vec::with_capacity(weights.len());
        for weight in weights {
            done.push(match weight {
                Some(tensor) => InferenceWeight::Full(tensor),
                None if dtypes[done.len()].is_none() => {
                    InferenceWeight::Int8(int8.next().expect("one per matrix"))
                }
                None => match &done[0] {
                    InferenceWeight::Full(embedding) => InferenceWeight::Full(embedding.clone()),
                    InferenceWeight::Int8(_) => unreachable!("the embedding is not rounded"),
                },
            });
        }
        Ok(done)
    }

    /// Returns `true` if a parameter is the embedding, in the same type.
    fn is_shared(&self, index: usize, dtypes: &[Option<DType>]) -> bool {
        self.shares_embedding(index) && dtypes[index] == dtypes[0]
    }

    /// Returns a tensor that lies in the map of its file; `None` if that is not possible.
    fn mapped(
        &self,
        index: usize,
        dtype: DType,
        maps: &[Option<Arc<MappedFile>>],
    ) -> Option<Tensor> {
        let place = self.place(index);
        let map = maps[self.file_of(index)].clone()?;
        let start = usize::try_from(place.start).ok()?;
        let as_stored = dtype == place.dtype && cfg!(target_endian = "little");
        // The file may have been shortened since its header was read.
        let end = start.checked_add(place.len * dtype.size())?;
        if !as_stored || end > map.bytes().len() {
            return None;
        }
        // Files that others wrote may have numbers that are not aligned: those are copied.
        Tensor::shared(map, start, dtype, &self.specs[index].shape).ok()
    }

    /// Reads tensors, given by index and type, into huge pages.
    fn copy(
        &self,
        tensors: Vec<(usize, DType)>,
        to: &mut [Option<Tensor>],
    ) -> Result<(), LoadError> {
        let mut total = 0;
        let places: Vec<_> = (tensors.iter())
            .map(|&(index, dtype)| {
                let start = total;
                let size = self.place(index).len * dtype.size();
                total += size.next_multiple_of(ALIGNMENT);
                start..start + size
            })
            .collect();
        let mut memory = HugePages::zeroed(total);
        let (mut rest, mut at) = (memory.as_mut(), 0);
        let mut numbers = Vec::with_capacity(tensors.len());
        for (&(index, dtype), place) in tensors.iter().zip(&places) {
            let (_, from_start) = rest.split_at_mut(place.start - at);
            let (bytes, behind) = from_start.split_at_mut(place.len());
            (rest, at) = (behind, place.end);
            numbers.push((self.stored(index), Numbers { dtype, bytes }));
        }
        read_all(numbers)?;
        let memory: SharedBytes = Arc::new(memory);
        for ((index, dtype), place) in tensors.into_iter().zip(places) {
            let shape = &self.specs[index].shape;
            let tensor = Tensor::shared(memory.clone(), place.start, dtype, shape);
            to[index] = Some(tensor.expect("each tensor begins a cache line"));
        }
        Ok(())
    }

    /// Returns all matrices without a type, in 8 bits and one piece of huge pages.
    fn quantize_all(
        &self,
        dtypes: &[Option<DType>],
        maps: &[Option<Arc<MappedFile>>],
    ) -> Result<Vec<Int8Matrix>, LoadError> {
        let (mut size, mut places) = (0, Vec::new());
        for (index, spec) in self.specs.iter().enumerate() {
            if let (None, &[outputs, inputs]) = (dtypes[index], &spec.shape[..]) {
                places.push((index, [outputs, inputs], size));
                size += Int8Matrix::size_for([outputs, inputs]);
            }
        }
        let mut memory = HugePages::zeroed(size);
        let mut rest = memory.as_mut();
        for &(index, shape, _) in &places {
            let (own, others) = rest.split_at_mut(Int8Matrix::size_for(shape));
            self.quantize(index, maps, own)?;
            rest = others;
        }
        let memory: SharedBytes = Arc::new(memory);
        let matrix = |(_, shape, start)| Int8Matrix::shared(memory.clone(), start, shape);
        Ok(places.into_iter().map(matrix).collect())
    }

    /// Writes a matrix in 8 bits to `memory`, read through the map of its file where it has one.
    fn quantize(
        &self,
        index: usize,
        maps: &[Option<Arc<MappedFile>>],
        memory: &mut [u8],
    ) -> Result<(), LoadError> {
        let (stored, spec) = (self.stored(index), &self.specs[index]);
        let tensor = match self.mapped(index, stored.place.dtype, maps) {
            Some(tensor) => tensor,
            None => {
                let mut tensor = Tensor::scratch(&spec.shape);
                read_all([(stored, floats(&mut tensor))])?;
                tensor
            }
        };
        Int8Matrix::quantize_into(Context::detect(), &tensor, memory).map_err(|cause| {
            let cause = QuantizeError { name: spec.name.clone(), cause };
            LoadErrorKind::Quantize(cause).at(stored.path)
        })
    }
}

#[cfg(test)]
mod tests;
