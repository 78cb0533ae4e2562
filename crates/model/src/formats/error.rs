//! Errors of reading the files of a model.

use crate::ConfigError;
use std::io;
use std::path::{Path, PathBuf};
use tensor::NamedTensorsError;

/// The remedy for an incomplete file.
pub(super) const CUT_OFF: &str =
    "it is cut off or damaged, so copy it again or take an earlier checkpoint";

/// An error of reading a model. Each message is one line that begins with the path of the file.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The operating system reports an error.
    #[error("{}: cannot be read: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Its reason.
        cause: io::Error,
    },
    /// The file does not have the form that its name says.
    #[error("{}: not {expected}: {found}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The form.
        expected: &'static str,
        /// The difference.
        found: String,
    },
    /// A field is missing or has an invalid value.
    #[error("{}: `{field}` is {found}, expected {expected}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field's name.
        field: String,
        /// Its value, or "missing".
        found: String,
        /// The valid values.
        expected: String,
    },
    /// The file describes a model that this crate does not implement.
    #[error("{}: {what} not supported (`{field}` is {found}); {hint}", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The unsupported feature, with its verb.
        what: &'static str,
        /// The field that asks for it.
        field: String,
        /// The field's value.
        found: String,
        /// The supported alternative.
        hint: &'static str,
    },
    /// The file's numbers are not those of a model.
    #[error(
        "{}: describes a model that cannot be built: {}",
        path.display(), with_field_names_of_the_file(cause)
    )]
    Config {
        /// The file.
        path: PathBuf,
        /// The reason.
        cause: ConfigError,
    },
    /// There are no weights in the directory.
    #[error(
        "{}: has neither `model.safetensors` nor `model.safetensors.index.json`", path.display()
    )]
    NoWeights {
        /// The directory.
        path: PathBuf,
    },
    /// The file's tensors are not those of the model.
    #[error("{}: {cause}", path.display())]
    Tensors {
        /// The file.
        path: PathBuf,
        /// The difference.
        cause: NamedTensorsError,
    },
    /// A tensor is of an unsupported type.
    #[error("{}: the tensor `{name}` holds {found}, expected F32, F16 or BF16", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        found: String,
    },
}

impl LoadError {
    pub(crate) fn io(path: &Path, cause: io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), cause }
    }

    pub(crate) fn tensors(path: &Path, cause: NamedTensorsError) -> Self {
        Self::Tensors { path: path.to_path_buf(), cause }
    }

    pub(crate) fn malformed(path: &Path, expected: &'static str, found: impl ToString) -> Self {
        Self::Malformed { path: path.to_path_buf(), expected, found: found.to_string() }
    }
}

/// Returns the message of an error about a configuration with the names that `config.json` gives to
/// the fields.
fn with_field_names_of_the_file(error: &ConfigError) -> String {
    const NAMES: [(&str, &str); 5] = [
        ("context_length", "max_position_embeddings"),
        ("d_model", "hidden_size"),
        ("num_heads", "num_attention_heads"),
        ("num_layers", "num_hidden_layers"),
        ("d_ff", "intermediate_size"),
    ];
    NAMES.iter().fold(error.to_string(), |message, (ours, theirs)| message.replace(ours, theirs))
}
