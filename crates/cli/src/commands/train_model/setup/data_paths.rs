//! The paths of a run's token files: typed, or those that a `run.json` knows.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::commands::flags::ExplicitFlags;
use crate::commands::train_model::args::Args;
use crate::run::file_names::MANIFEST;
use crate::run::spec::flag;
use crate::shell::exit::usage;

/// The paths of a run's token files.
pub struct DataPaths<'a> {
    /// The training set.
    pub train: &'a Path,
    /// The validation set.
    pub val: Option<&'a Path>,
}

impl DataPaths<'_> {
    /// Returns the paths in `args`, of which `explicit` were typed; others come from a `run.json`.
    ///
    /// # Errors
    /// When one is missing.
    pub fn new<'a>(args: &'a Args, explicit: &ExplicitFlags) -> Result<DataPaths<'a>> {
        let record = args.config.clone().unwrap_or_else(|| args.checkpoint_dir.join(MANIFEST));
        let check = |field: &str, path: &Path| {
            let flag = flag(field);
            ensure!(
                explicit.has(field) || path.exists(),
                "{flag}: {} names {}, which is not there (seen from the current directory); give \
                 {flag} PATH",
                record.display(),
                path.display()
            );
            Ok(())
        };
        let train = args.train_dataset.as_deref().ok_or_else(|| {
            let from = match args.resume || args.config.is_some() {
                true => format!("; {} does not name it", record.display()),
                false => String::new(),
            };
            usage(format!("--train-dataset: needed{from}; give the file of tokens to train on"))
        })?;
        check("train_dataset", train)?;
        let val = args.val_dataset.as_deref();
        val.map_or(Ok(()), |val| check("val_dataset", val))?;
        Ok(DataPaths { train, val })
    }
}
