//! The tokenizer of a run: typed, found, or that of the model to start from, checked against the
//! sidecars of the token files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use bpe::{BeginOfText, Tokenizer};
use log::Level;

use super::data_paths::DataPaths;
use super::remark::Remark;
use crate::commands::train_model::args::Args;
use crate::data::tokens::sidecar::{Sidecar, TokenizerIdentity};
use crate::run::checkpoint::{self, TrainerState};
use crate::run::tokenizer::{self, TokenizerFiles};

/// The tokenizer of a run, as far as it is known.
#[derive(Default)]
pub struct RunTokenizer {
    /// Its files, for the checkpoints.
    pub files: Option<TokenizerFiles>,
    /// The directory that they are from, if it is not a checkpoint.
    pub path: Option<PathBuf>,
    /// Its digest.
    pub sha256: Option<String>,
    /// The number of its tokens.
    pub vocab_size: Option<usize>,
    /// The token that ends texts.
    pub end_of_text: Option<u32>,
    /// The token that begins texts, if one does: its own, or else the one that ends them.
    pub begin_of_text: Option<u32>,
    /// A line for the log about it.
    pub remark: Option<Remark>,
}

impl RunTokenizer {
    /// Returns what `tokenizer` and its files tell.
    fn of(tokenizer: &Tokenizer, files: TokenizerFiles, path: Option<PathBuf>) -> RunTokenizer {
        let end_of_text = tokenizer::end_of_text(tokenizer);
        RunTokenizer {
            path,
            sha256: Some(tokenizer.digest()),
            vocab_size: Some(tokenizer.vocab_size()),
            end_of_text,
            begin_of_text: files.bos_token(tokenizer).or(end_of_text),
            remark: None,
            files: Some(files),
        }
    }

    /// Returns the tokenizer of a new run.
    ///
    /// # Errors
    /// When it cannot be read, or did not make the token files or the model to start from, and
    /// `--any-tokenizer` was not given.
    pub fn of_new_run(args: &Args, paths: &DataPaths) -> Result<RunTokenizer> {
        let made = Made::read(args, paths)?;
        if let Some(dir) = &args.tokenizer {
            let (tokenizer, files) = TokenizerFiles::load(dir).context("--tokenizer")?;
            made.check(args, &tokenizer)?;
            return Ok(RunTokenizer::of(&tokenizer, files, Some(dir.clone())));
        }
        if let Some(path) = &args.training.init_from {
            let dir = checkpoint::resolve(path).context("--init-from")?;
            if let Some(found) = RunTokenizer::in_checkpoint(args, &dir)? {
                made.check_digest(args, &dir, found.sha256.as_deref())?;
                if found.files.is_some() {
                    return Ok(found);
                }
            }
        }
        let Some((path, made)) = made.of_all() else {
            let text = format!("without --tokenizer: {WITHOUT_TOKENIZER}");
            let remark = Some(Remark::new(Level::Warn, text));
            return Ok(RunTokenizer { remark, ..RunTokenizer::default() });
        };
        if let Some((dir, tokenizer, files)) = made.find(path, TokenizerFiles::load) {
            let text = format!("tokenizer: {}, which made {}", dir.display(), path.display());
            let remark = Some(Remark::new(Level::Info, text));
            return Ok(RunTokenizer { remark, ..RunTokenizer::of(&tokenizer, files, Some(dir)) });
        }
        let text = format!(
            "{}: its tokenizer of {} tokens is no longer in {}: {WITHOUT_TOKENIZER}",
            path.display(),
            made.vocab_size,
            made.path
        );
        Ok(RunTokenizer {
            sha256: Some(made.sha256.clone()),
            vocab_size: Some(made.vocab_size),
            remark: Some(Remark::new(Level::Warn, text)),
            ..RunTokenizer::default()
        })
    }

    /// Returns the tokenizer of a checkpoint; `None` if nothing is known of it.
    ///
    /// # Errors
    /// When a file of it cannot be read, or its files are not those of the tokenizer that it was
    /// trained with, unless with `--any-tokenizer`.
    pub fn in_checkpoint(args: &Args, dir: &Path) -> Result<Option<RunTokenizer>> {
        let recorded = TrainerState::read(dir).ok().and_then(|state| state.tokenizer_sha256);
        let Some(files) = TokenizerFiles::read(dir)? else {
            let only_digest =
                |sha256| RunTokenizer { sha256: Some(sha256), ..RunTokenizer::default() };
            return Ok(recorded.map(only_digest));
        };
        // A tokenizer that this program cannot read is copied as it is.
        let mut found = match Tokenizer::load(dir) {
            Ok(tokenizer) => RunTokenizer::of(&tokenizer, files, None),
            Err(_) => RunTokenizer { files: Some(files), ..RunTokenizer::default() },
        };
        if let (Some(recorded), Some(there)) = (&recorded, &found.sha256) {
            ensure!(
                recorded == there || args.any_tokenizer,
                "{}: its tokenizer (sha256 {there:.12}…) is not the one that it was trained with \
                 ({recorded:.12}…); put that one back, or insist with --any-tokenizer",
                dir.display()
            );
        }
        found.sha256 = found.sha256.or(recorded);
        Ok(Some(found))
    }

    /// Returns this tokenizer of `checkpoint`, with the files in `dir`, the value of `--tokenizer`,
    /// if it has none.
    ///
    /// # Errors
    /// When `dir` holds another one.
    pub fn completed(self, dir: &Path, checkpoint: &Path) -> Result<RunTokenizer> {
        let (tokenizer, files) = TokenizerFiles::load(dir).context("--tokenizer")?;
        ensure!(
            self.sha256 == Some(tokenizer.digest()),
            "--tokenizer: not the one in {}; leave it out",
            checkpoint.display()
        );
        match self.files {
            Some(_) => Ok(self),
            None => Ok(RunTokenizer::of(&tokenizer, files, Some(dir.to_path_buf()))),
        }
    }

    /// Makes the files say how texts begin: with [`RunTokenizer::begin_of_text`], if the token that
    /// ends texts occurs in the training tokens, else with nothing.
    ///
    /// # Errors
    /// When the files cannot be changed.
    pub fn set_begin_of_text(&mut self, ends_in_training_tokens: u64) -> Result<()> {
        // Of a tokenizer that this program cannot read no size is known.
        if let Some(files) = self.files.as_mut().filter(|_| self.vocab_size.is_some()) {
            files.set_begin_of_text(self.begin_of_text.filter(|_| ends_in_training_tokens > 0))?;
        }
        Ok(())
    }

    /// Returns `true` if the files do not say how texts begin, as those of version 0.1.
    pub fn is_silent_on_begin(&self) -> bool {
        let tokenizer = self.files.as_ref().and_then(|files| files.tokenizer().ok());
        tokenizer.is_some_and(|tokenizer| tokenizer.begin_of_text() == BeginOfText::Unstated)
    }
}

/// The use of a checkpoint without a tokenizer.
const WITHOUT_TOKENIZER: &str = "the checkpoints will have no tokenizer; inference takes the one \
                                 that made the token files with its own --tokenizer DIR";

/// The tokenizers that made the token files, as their sidecars say.
struct Made<'a> {
    train: Option<(&'a Path, Sidecar)>,
    val: Option<(&'a Path, Sidecar)>,
}

impl<'a> Made<'a> {
    /// Reads the sidecars.
    ///
    /// # Errors
    /// When two tokenizers made the files.
    fn read(args: &Args, paths: &DataPaths<'a>) -> Result<Made<'a>> {
        let read = |flag: &'static str, path: &'a Path| {
            let sidecar = Sidecar::read(path).context(flag)?;
            Ok::<_, anyhow::Error>(sidecar.map(|sidecar| (path, sidecar)))
        };
        let train = read("--train-dataset", paths.train)?;
        let val = paths.val.map(|path| read("--val-dataset", path)).transpose()?.flatten();
        if let (Some((train, made_train)), Some((val, made_val))) = (&train, &val) {
            ensure!(
                made_train.tokenizer.sha256 == made_val.tokenizer.sha256 || args.any_tokenizer,
                "--val-dataset: {} was made by another tokenizer ({}) than {} ({}); encode both \
                 with one, or insist with --any-tokenizer",
                val.display(),
                made_val.tokenizer.path,
                train.display(),
                made_train.tokenizer.path
            );
        }
        Ok(Made { train, val })
    }

    fn all(&self) -> impl Iterator<Item = &(&'a Path, Sidecar)> {
        self.train.iter().chain(&self.val)
    }

    /// Returns the tokenizer that made all token files, with one of them; `None` if none says.
    fn of_all(&self) -> Option<(&'a Path, &TokenizerIdentity)> {
        self.all().next().map(|(path, sidecar)| (*path, &sidecar.tokenizer))
    }

    /// Checks the value of `--tokenizer` against the token files and the model to start from.
    fn check(&self, args: &Args, tokenizer: &Tokenizer) -> Result<()> {
        if args.any_tokenizer {
            return Ok(());
        }
        for (path, sidecar) in self.all() {
            sidecar.check_tokenizer(path, tokenizer, "--tokenizer")?;
        }
        let Some(path) = &args.training.init_from else { return Ok(()) };
        let dir = checkpoint::resolve(path).context("--init-from")?;
        let known = RunTokenizer::in_checkpoint(args, &dir)?.and_then(|known| known.sha256);
        ensure!(
            known.is_none_or(|known| known == tokenizer.digest()),
            "--tokenizer: not the one of the model in {}; leave it out, or insist with \
             --any-tokenizer",
            path.display()
        );
        Ok(())
    }

    /// Checks that the tokenizer of the model in `dir`, where `--init-from` leads, made the token
    /// files.
    fn check_digest(&self, args: &Args, dir: &Path, known: Option<&str>) -> Result<()> {
        for (npy, sidecar) in self.all() {
            let made = &sidecar.tokenizer;
            ensure!(
                args.any_tokenizer || known.is_none_or(|known| known == made.sha256),
                "--init-from: the model in {} knows other tokens than {}, which was made by the \
                 tokenizer {}; encode the text with --tokenizer {}, or insist with --any-tokenizer",
                dir.display(),
                npy.display(),
                made.path,
                dir.display()
            );
        }
        Ok(())
    }
}

/// Checks that the tokenizer of the model in `dir` made the token file `npy`, the value of
/// `--val-dataset`.
///
/// # Errors
/// When another one did.
pub fn check_evaluated(args: &Args, dir: &Path, npy: &Path) -> Result<()> {
    let made = Made { train: None, val: Sidecar::read(npy)?.map(|sidecar| (npy, sidecar)) };
    if let Some(typed) = &args.tokenizer {
        return made.check(args, &Tokenizer::load(typed).context("--tokenizer")?);
    }
    let known = RunTokenizer::in_checkpoint(args, dir)?.and_then(|known| known.sha256);
    made.check_digest(args, dir, known.as_deref())
}
