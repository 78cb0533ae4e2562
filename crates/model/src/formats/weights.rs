//! The weights of a directory, in one file or several.
//!
//! They are in `model.safetensors`, or in several files and `model.safetensors.index.json`, which
//! maps tensors to files.

use super::error::{LoadError, LoadErrorKind};
use super::fields::Fields;
use super::hugging_face::CONFIG_FILE;
use super::pieces::{Place, Stored, are_equal, floats, read_all};
use super::safetensors::{self, SafetensorsFile, StoredType};
use crate::parameters::list::{EMBEDDING_NAME, OUTPUT_NAME};
use crate::{ModelConfig, ParameterSpec, Parameters, parameter_specs};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};
use tensor::{NamedTensorsError, Tensor};

/// The file of the weights if they are in one.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// The map from tensors to files if there are several.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// Writes the weights into `dir`, as numbers of the type `stored`.
///
/// # Errors
/// If the file cannot be written.
pub fn write(dir: &Path, parameters: &Parameters, stored: StoredType) -> files::Result<()> {
    safetensors::write(&dir.join(WEIGHTS_FILE), parameters.iter(), &[("format", "pt")], stored)
}

/// The weights of a directory, found and checked, but not read.
pub(super) struct FoundWeights {
    /// The parameters of the model.
    pub(super) specs: Vec<ParameterSpec>,
    /// `true` if the output layer's matrix is the embedding.
    pub(super) tied: bool,
    files: Vec<SafetensorsFile>,
    /// The numbers that each parameter is read from.
    sources: Vec<Source>,
}

/// Numbers in one of several files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Source {
    /// The index of the file.
    file: usize,
    place: Place,
}

/// Finds the weights of a model in `dir`. An index decides from which file a tensor is read;
/// tensors that it does not list are ignored. `config` must be valid.
///
/// If the output layer is to be `tied` to the embedding (O. Press and L. Wolf, arXiv:1608.05859),
/// either of the two tensors may be missing. Two that differ are both taken, as `transformers` 5
/// does, and the log says so.
///
/// # Errors
/// If a file cannot be read or is damaged; if a tensor is missing, has no place in the model, or is
/// of another shape.
pub(super) fn find(
    dir: &Path,
    config: &ModelConfig,
    tied: bool,
) -> Result<FoundWeights, LoadError> {
    let Listed { listing, files, mut file_of } = open_all(dir)?;
    let specs = parameter_specs(config);
    // Old versions of `transformers` saved the frequencies of RoPE, which follow from the
    // configuration.
    file_of.retain(|name, _| !name.ends_with(".rotary_emb.inv_freq"));
    let has = |name: &str| file_of.contains_key(name);
    let [has_embedding, has_output] = [EMBEDDING_NAME, OUTPUT_NAME].map(has);
    // Everything is checked before anything is read: weights take seconds and gigabytes.
    let known: BTreeSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    if let Some((name, &index)) = file_of.iter().find(|(name, _)| !known.contains(name.as_str())) {
        let cause = NamedTensorsError::Unexpected { name: name.clone() };
        return Err(LoadErrorKind::Tensors(cause).at(&files[index].path));
    }
    let mut sources = Vec::with_capacity(specs.len());
    for ParameterSpec { name, shape, .. } in &specs {
        let name = match name.as_str() {
            EMBEDDING_NAME if tied && !has_embedding && has_output => OUTPUT_NAME,
            OUTPUT_NAME if tied && !has_output => EMBEDDING_NAME,
            name => name,
        };
        let Some(&file) = file_of.get(name) else {
            let (name, expected) = (name.to_string(), shape.clone());
            let cause = NamedTensorsError::Missing { name, expected };
            return Err(LoadErrorKind::Tensors(cause).at(&listing));
        };
        sources.push(Source { file, place: files[file].place(name, shape)? });
    }
    let mut found = FoundWeights { specs, tied, files, sources };
    if tied && has_embedding && has_output {
        found.tie(&listing)?;
    }
    Ok(found)
}

impl FoundWeights {
    /// Returns the numbers that a parameter is read from.
    pub(super) fn stored(&self, index: usize) -> Stored<'_> {
        let Source { file, place } = self.sources[index];
        self.files[file].stored(place)
    }

    /// Returns the place of those numbers.
    pub(super) fn place(&self, index: usize) -> Place {
        self.sources[index].place
    }

    /// Returns the index of the file with those numbers.
    pub(super) fn file_of(&self, index: usize) -> usize {
        self.sources[index].file
    }

    /// Returns all files.
    pub(super) fn files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().map(SafetensorsFile::file)
    }

    /// Returns `true` if a parameter is the embedding, the first of the list, under another name.
    pub(super) fn shares_embedding(&self, index: usize) -> bool {
        index > 0 && self.sources[index] == self.sources[0]
    }

    /// Lets the output layer be read from the embedding, if their numbers are equal.
    fn tie(&mut self, listing: &Path) -> Result<(), LoadError> {
        let output = self.specs.iter().position(|spec| spec.name == OUTPUT_NAME).unwrap_or(0);
        self.tied = are_equal(self.stored(0), self.stored(output))?;
        if self.tied {
            self.sources[output] = self.sources[0];
        } else {
            log::warn!(
                "{}: `tie_word_embeddings` is true in {CONFIG_FILE}, but `{OUTPUT_NAME}` differs \
                 from `{EMBEDDING_NAME}`; both are taken as they are",
                listing.display()
            );
        }
        Ok(())
    }

    /// Reads all weights as `f32`. A matrix that two parameters share takes no memory for the
    /// second until one of them changes.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) fn read(self) -> Result<Parameters, LoadError> {
        let shapes = self.specs.iter().map(|spec| &spec.shape);
        let mut tensors: Vec<Tensor> = shapes.map(|shape| Tensor::scratch(shape)).collect();
        let all =
            tensors.iter_mut().enumerate().filter(|(index, _)| !self.shares_embedding(*index));
        read_all(all.map(|(index, tensor)| (self.stored(index), floats(tensor))))?;
        for index in (0..tensors.len()).filter(|&index| self.shares_embedding(index)) {
            tensors[index] = tensors[0].clone();
        }
        Ok(Parameters { specs: self.specs, tensors })
    }
}

/// The files that have the weights of a directory.
struct Listed {
    /// The file that lists them.
    listing: PathBuf,
    files: Vec<SafetensorsFile>,
    /// For each tensor, the index of its file.
    file_of: BTreeMap<String, usize>,
}

/// Opens all files that hold weights.
fn open_all(dir: &Path) -> Result<Listed, LoadError> {
    let (single, index) = (dir.join(WEIGHTS_FILE), dir.join(INDEX_FILE));
    if single.exists() {
        let file = SafetensorsFile::open(&single)?;
        let file_of = file.names().into_iter().map(|name| (name, 0)).collect();
        return Ok(Listed { listing: single, files: vec![file], file_of });
    }
    if !index.exists() {
        return Err(LoadErrorKind::NoWeights.at(dir));
    }
    let fields = Fields::read(&index)?;
    let weight_map = fields.required("weight_map", fields.object("weight_map")?)?;
    let (mut files, mut index_of) = (Vec::new(), BTreeMap::new());
    let mut file_of = BTreeMap::new();
    for (tensor, _) in weight_map.iter() {
        let file = weight_map.required(tensor, weight_map.text(tensor)?)?;
        // A path with separators or `..` could lead out of the directory.
        if Path::new(&file).file_name() != Some(file.as_ref()) {
            return Err(weight_map.wrong(tensor, "the name of a file beside this one"));
        }
        if !index_of.contains_key(&file) {
            files.push(SafetensorsFile::open(&dir.join(&file))?);
            index_of.insert(file.clone(), files.len() - 1);
        }
        let index = index_of[&file];
        if files[index].shape(tensor).is_none() {
            let expected =
                format!("a file that has it, which {} does not", dir.join(file).display());
            return Err(weight_map.wrong(tensor, expected));
        }
        file_of.insert(tensor.to_string(), index);
    }
    Ok(Listed { listing: index, files, file_of })
}

#[cfg(test)]
mod tests;
