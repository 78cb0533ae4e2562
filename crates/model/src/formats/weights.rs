//! The weights of a directory, in one file or several.
//!
//! They are in `model.safetensors`, or in several files and `model.safetensors.index.json`, which
//! maps tensors to files.

use super::error::{LoadError, LoadErrorKind};
use super::fields::Fields;
use super::hugging_face::CONFIG_FILE;
use super::safetensors::{self, SafetensorsFile, StoredType};
use crate::parameters::list::{EMBEDDING_NAME, OUTPUT_NAME};
use crate::{ModelConfig, ParameterSpec, Parameters, parameter_specs};
use std::collections::{BTreeMap, BTreeSet};
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

/// The weights of a directory.
pub struct StoredWeights {
    /// All of them.
    pub parameters: Parameters,
    /// `true` if the output layer's matrix is the embedding.
    pub tied: bool,
}

/// Reads the weights of a model from `dir`. An index decides from which file a tensor is read;
/// tensors that it does not list are ignored. `config` must be valid.
///
/// If the output layer is to be `tied` to the embedding (O. Press and L. Wolf, arXiv:1608.05859),
/// either of the two tensors may be missing. Two that differ are both taken, as `transformers` 5
/// does, and the log says so.
///
/// # Errors
/// If a file cannot be read or is damaged; if a tensor is missing, has no place in the model, or is
/// of another shape.
pub fn read(dir: &Path, config: &ModelConfig, tied: bool) -> Result<StoredWeights, LoadError> {
    let Stored { listing, mut files, mut file_of } = open_all(dir)?;
    let specs = parameter_specs(config);
    // Old versions of `transformers` saved the frequencies of RoPE, which follow from the
    // configuration.
    file_of.retain(|name, _| !name.ends_with(".rotary_emb.inv_freq"));
    let has = |name: &str| file_of.contains_key(name);
    let [has_embedding, has_output] = [EMBEDDING_NAME, OUTPUT_NAME].map(has);
    // The name of the tensor that is read for a parameter; `None` for a copy of the embedding,
    // which takes no memory until one of the two changes.
    let stored_name = |name: &'_ str| match name {
        EMBEDDING_NAME if tied && !has_embedding && has_output => Some(OUTPUT_NAME.to_string()),
        OUTPUT_NAME if tied && !(has_embedding && has_output) => None,
        _ => Some(name.to_string()),
    };

    // Everything is checked before anything is read: weights take seconds and gigabytes.
    let known: BTreeSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    if let Some((name, &index)) = file_of.iter().find(|(name, _)| !known.contains(name.as_str())) {
        let cause = NamedTensorsError::Unexpected { name: name.clone() };
        return Err(LoadErrorKind::Tensors(cause).at(&files[index].path));
    }
    for ParameterSpec { name, shape, .. } in &specs {
        let Some(name) = stored_name(name) else { continue };
        let Some(&index) = file_of.get(&name) else {
            let cause = NamedTensorsError::Missing { name, expected: shape.clone() };
            return Err(LoadErrorKind::Tensors(cause).at(&listing));
        };
        files[index].info(&name, shape)?;
    }
    let mut tensors: Vec<Tensor> = Vec::with_capacity(specs.len());
    for ParameterSpec { name, shape, .. } in &specs {
        tensors.push(match stored_name(name) {
            Some(name) => files[file_of[&name]].read(&name, shape)?,
            // The embedding is the first of the list.
            None => tensors[0].clone(),
        });
    }
    let mut parameters = Parameters { specs, tensors };
    let tied = tied && tie(&mut parameters, &listing);
    Ok(StoredWeights { parameters, tied })
}

/// Makes the output layer's matrix a copy of the embedding. Returns `false` if the two differ.
fn tie(parameters: &mut Parameters, listing: &Path) -> bool {
    let embedding = parameters.tensors[0].clone();
    let mut all = parameters.specs.iter().zip(&mut parameters.tensors);
    let Some((_, output)) = all.find(|(spec, _)| spec.name == OUTPUT_NAME) else { return true };
    let is_same = output.as_slice() == embedding.as_slice();
    if is_same {
        *output = embedding;
    } else {
        log::warn!(
            "{}: `tie_word_embeddings` is true in {CONFIG_FILE}, but `{OUTPUT_NAME}` differs from \
             `{EMBEDDING_NAME}`; both are taken as they are",
            listing.display()
        );
    }
    is_same
}

/// The files that have the weights of a directory.
struct Stored {
    /// The file that lists them.
    listing: PathBuf,
    files: Vec<SafetensorsFile>,
    /// For each tensor, the index of its file.
    file_of: BTreeMap<String, usize>,
}

/// Opens all files that hold weights.
fn open_all(dir: &Path) -> Result<Stored, LoadError> {
    let (single, index) = (dir.join(WEIGHTS_FILE), dir.join(INDEX_FILE));
    if single.exists() {
        let file = SafetensorsFile::open(&single)?;
        let file_of = file.names().into_iter().map(|name| (name, 0)).collect();
        return Ok(Stored { listing: single, files: vec![file], file_of });
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
    Ok(Stored { listing: index, files, file_of })
}

#[cfg(test)]
mod tests;
