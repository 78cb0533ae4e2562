//! The weights of a directory: `model.safetensors`, or several files and
//! `model.safetensors.index.json`, which says which tensor is in which.

use super::error::LoadError;
use super::fields::Fields;
use super::safetensors::{self, SafetensorsFile};
use crate::parameters::list::OUTPUT_NAME;
use crate::{ModelConfig, ParameterSpec, Parameters, parameter_specs};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tensor::{NamedTensorsError, Tensor};

/// The file of the weights if it is only one.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// The list of files if there are several.
pub const INDEX_FILE: &str = "model.safetensors.index.json";

/// Writes the weights into `dir`.
///
/// # Errors
/// If the file cannot be written.
pub fn write(dir: &Path, parameters: &Parameters) -> files::Result<()> {
    safetensors::write(&dir.join(WEIGHTS_FILE), parameters.iter(), &[("format", "pt")])
}

/// Reads the weights of a model from `dir`. If the output layer is `tied`, it is a copy of the
/// embedding. Where there is an index, it decides which file a tensor comes from; what it does not
/// list is not read. `config` must be valid.
///
/// # Errors
/// If a file cannot be read or is damaged; if a tensor is missing, has no place in the model, or is
/// of another shape.
pub fn read(dir: &Path, config: &ModelConfig, tied: bool) -> Result<Parameters, LoadError> {
    let Stored { listing, mut files, mut file_of } = open_all(dir)?;
    let specs = parameter_specs(config);
    let is_copy = |name: &str| tied && name == OUTPUT_NAME;
    file_of.retain(|name, _| !is_ignored(name) && !is_copy(name));

    // Everything is checked before anything is read.
    let known: BTreeSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
    if let Some((name, &index)) = file_of.iter().find(|(name, _)| !known.contains(name.as_str())) {
        let cause = NamedTensorsError::Unexpected { name: name.clone() };
        return Err(LoadError::tensors(files[index].path(), cause));
    }
    for ParameterSpec { name, shape, .. } in specs.iter().filter(|spec| !is_copy(&spec.name)) {
        let Some(&index) = file_of.get(name) else {
            let (name, expected) = (name.clone(), shape.clone());
            return Err(LoadError::tensors(
                &listing,
                NamedTensorsError::Missing { name, expected },
            ));
        };
        files[index].check(name, shape)?;
    }
    let mut tensors: Vec<Tensor> = Vec::with_capacity(specs.len());
    for ParameterSpec { name, shape, .. } in &specs {
        tensors.push(match is_copy(name) {
            false => files[file_of[name]].read(name, shape)?,
            // The embedding is the first of the list. A clone takes no memory until one of the two
            // changes.
            true => tensors[0].clone(),
        });
    }
    Ok(Parameters::in_order(specs, tensors))
}

/// Tensors that old versions of `transformers` saved and that the configuration determines.
fn is_ignored(name: &str) -> bool {
    name.ends_with(".rotary_emb.inv_freq")
}

/// Where the weights of a directory are.
struct Stored {
    /// The file that says which there are.
    listing: PathBuf,
    files: Vec<SafetensorsFile>,
    /// For each tensor, which of the files it is read from.
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
        return Err(LoadError::NoWeights { path: dir.to_path_buf() });
    }
    let fields = Fields::read(&index)?;
    let weight_map = fields.required("weight_map", fields.object("weight_map")?)?;
    let mut tensors_of: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (tensor, _) in weight_map.iter() {
        let file = weight_map.required(tensor, weight_map.text(tensor)?)?;
        // A name and no way out of the directory.
        if Path::new(&file).file_name() != Some(file.as_ref()) {
            return Err(weight_map.wrong(tensor, "the name of a file beside this one"));
        }
        tensors_of.entry(file).or_default().push(tensor);
    }
    let mut files = Vec::with_capacity(tensors_of.len());
    let mut file_of = BTreeMap::new();
    for (index_of_file, (file, tensors)) in tensors_of.iter().enumerate() {
        let file = SafetensorsFile::open(&dir.join(file))?;
        for tensor in tensors {
            if file.shape(tensor).is_none() {
                let expected =
                    format!("a file that has it, which {} does not", file.path().display());
                return Err(weight_map.wrong(tensor, expected));
            }
            file_of.insert(tensor.to_string(), index_of_file);
        }
        files.push(file);
    }
    Ok(Stored { listing: index, files, file_of })
}

#[cfg(test)]
mod tests;
