//! Errors of reading the files of a model.

use crate::ConfigError;
use crate::transformer::weights::QuantizeError;
use std::io;
use std::path::{Path, PathBuf};
use tensor::NamedTensorsError;

/// The remedy for an incomplete file.
pub(super) const CUT_OFF: &str =
    "it is cut off or damaged, so copy it again or take an earlier checkpoint";

/// An error of reading a model. Its message is one line that begins with a path.
#[derive(Debug, thiserror::Error)]
#[error("{}: {kind}", path.display())]
pub struct LoadError {
    /// The file, or the directory if it lacks one.
    pub path: PathBuf,
    /// The reason.
    pub kind: LoadErrorKind,
}

/// The reason of a [`LoadError`].
#[derive(Debug, thiserror::Error)]
pub enum LoadErrorKind {
    /// The operating system reports an error.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// The file does not have the form that its name says.
    #[error("not {expected}: {found}")]
    Malformed {
        /// The form.
        expected: &'static str,
        /// The difference.
        found: String,
    },
    /// A field is missing or has an invalid value.
    #[error("`{field}` is {found}, expected {expected}")]
    Field {
        /// The field's name.
        field: String,
        /// Its value, or "missing".
        found: String,
        /// The valid values.
        expected: String,
    },
    /// The file describes a model that this crate does not implement.
    #[error("{what} not supported (`{field}` is {found}); {hint}")]
    Unsupported {
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
    #[error("describes a model that cannot be built: {}", with_field_names_of_the_file(.0))]
    Config(ConfigError),
    /// There are no weights in the directory.
    #[error("has neither `model.safetensors` nor `model.safetensors.index.json`")]
    NoWeights,
    /// The file's tensors are not those of the model.
    #[error(transparent)]
    Tensors(NamedTensorsError),
    /// A matrix cannot be rounded to 8 bits.
    #[error(transparent)]
    Quantize(QuantizeError),
    /// A tensor is of an unsupported type.
    #[error("the tensor `{name}` holds {found}, expected F32, F16 or BF16")]
    Dtype {
        /// The tensor.
        name: String,
        /// Its type.
        found: String,
    },
}

impl LoadErrorKind {
    /// Returns the error that the file at `path` has this problem.
    pub(super) fn at(self, path: &Path) -> LoadError {
        LoadError { path: path.to_path_buf(), kind: self }
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
