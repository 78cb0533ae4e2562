//! A model together with the tokenizer that made its training data, as `--checkpoint` and
//! `--tokenizer` name them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use bpe::{BeginOfText, Tokenizer};
use model::Transformer;
use model::formats::WeightForm;

use crate::run::begin_of_text;
use crate::run::checkpoint::{self, TrainerState};
use crate::run::tokenizer::{DEFAULT_DIR, TokenizerFiles};

/// A model and its tokenizer.
pub struct Loaded {
    /// The model.
    pub model: Transformer,
    /// Its tokenizer, which has at most as many tokens as the model, but for special ones.
    pub tokenizer: Tokenizer,
    /// The flag that named the tokenizer, for messages about it.
    pub tokenizer_flag: &'static str,
    /// The directory of the tokenizer.
    pub tokenizer_dir: PathBuf,
    /// The directory of the model.
    pub dir: PathBuf,
    /// The tokenizer beside the weights, if there is one and another was named.
    pub own_tokenizer: Option<Tokenizer>,
}

/// A choice of what is done with a tokenizer that did not make a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherTokenizer {
    /// It is refused.
    Refused,
    /// It is taken, if it has no more tokens than the model.
    Taken,
}

impl OtherTokenizer {
    /// Returns the choice that the flag `--any-tokenizer` makes.
    pub fn from_flag(any_tokenizer: bool) -> OtherTokenizer {
        if any_tokenizer { OtherTokenizer::Taken } else { OtherTokenizer::Refused }
    }
}

/// The use of a model, which decides how its weights are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// It is saved again, so all weights are read as `f32`.
    Export,
    /// It generates and evaluates text.
    Inference {
        /// The form of the weights.
        form: WeightForm,
        /// The number of tokens to generate, or a larger number.
        tokens: usize,
    },
}

impl Loaded {
    /// Reads the model of a checkpoint, a run or a Hugging Face Llama directory, and the tokenizer:
    /// the one in `tokenizer`, else the one beside the weights, else the one in the directory where
    /// `train-tokenizer` writes by default.
    ///
    /// # Errors
    /// When one cannot be read, or they do not belong together.
    pub fn read(
        checkpoint: &Path,
        tokenizer: Option<&Path>,
        other: OtherTokenizer,
        wanted: Use,
    ) -> Result<Loaded> {
        let dir = checkpoint::resolve(checkpoint).context("--checkpoint")?;
        // The model first: a damaged checkpoint may lack its tokenizer too.
        let model = match wanted {
            Use::Export => Transformer::load(&dir),
            Use::Inference { form, tokens } => Transformer::load_for_inference(&dir, form, tokens),
        };
        let model = model.context("--checkpoint")?;
        let (flag, tokenizer_dir) = find_tokenizer(tokenizer, &dir)?;
        let tokenizer = Tokenizer::load(tokenizer_dir).context(flag)?;
        let own_tokenizer = if tokenizer_dir != dir && TokenizerFiles::are_in(&dir) {
            Tokenizer::load(&dir).ok()
        } else {
            None
        };
        let (tokens, vocab_size) = (tokenizer.vocab_size(), model.config().vocab_size);
        // A padding token, for example, that was added and is never used.
        let specials = tokenizer.vocab().specials().iter();
        let beyond: Vec<_> = specials.filter(|&&(_, id)| id as usize >= vocab_size).collect();
        if let [(text, id), ..] = beyond[..] {
            log::warn!(
                "{}: the model knows {vocab_size} tokens, and not the special token {text:?} of \
                 id {id}: a prompt must not contain it",
                tokenizer_dir.display()
            );
        }
        ensure!(
            tokens - beyond.len() <= vocab_size,
            "{flag}: {}: a tokenizer of {tokens} tokens, but the model in {} knows {vocab_size}; \
             give the --tokenizer that made its training data",
            tokenizer_dir.display(),
            dir.display()
        );
        if other == OtherTokenizer::Refused
            && let Some(expected) = expected_digest(&dir, own_tokenizer.as_ref())
        {
            let found = tokenizer.digest();
            ensure!(
                found == expected,
                "{flag}: {}: found a tokenizer of digest {found:.12}…, expected {expected:.12}…, \
                 the one that made the training data of {}; give that one, or insist with \
                 --any-tokenizer",
                tokenizer_dir.display(),
                dir.display()
            );
        }
        if !tokenizer.after_text().is_empty() {
            log::info!(
                "{}: the tokenizer puts a token behind a text; it is left out, because a prompt \
                 goes on",
                tokenizer_dir.display()
            );
        }
        let tokenizer_dir = tokenizer_dir.to_path_buf();
        Ok(Loaded { model, tokenizer, tokenizer_flag: flag, tokenizer_dir, dir, own_tokenizer })
    }

    fn unsupported(&self, tokenizer: &Path) -> anyhow::Error {
        anyhow!(
            "{}: {}: the tokenizer's post-processor puts something else than one token before a \
             text, which is not supported; --no-bos leaves it out",
            self.tokenizer_flag,
            tokenizer.display()
        )
    }

    /// Returns the token that stands before each text of the model; `None` if there is none. Logs a
    /// line where the tokenizer's files do not say it.
    ///
    /// # Errors
    /// When the files say something else than one token.
    pub fn begin_of_text(&self) -> Result<Option<u32>> {
        let own = self.own_tokenizer.as_ref();
        match (self.tokenizer.begin_of_text(), own.map(|own| (own, own.begin_of_text()))) {
            (BeginOfText::Token(id), _) => Ok(Some(id)),
            (BeginOfText::Nothing, _) => Ok(None),
            (BeginOfText::Unstated, Some((_, BeginOfText::Nothing))) => Ok(None),
            // The token may have another number in the tokenizer that was named.
            (BeginOfText::Unstated, Some((own, BeginOfText::Token(id)))) => {
                Ok(str::from_utf8(own.token(id)?)
                    .ok()
                    .and_then(|text| self.tokenizer.special_id(text)))
            }
            (BeginOfText::Unsupported, _) => Err(self.unsupported(&self.tokenizer_dir)),
            (BeginOfText::Unstated, Some((_, BeginOfText::Unsupported))) => {
                Err(self.unsupported(&self.dir))
            }
            (BeginOfText::Unstated, None | Some((_, BeginOfText::Unstated))) => {
                if TrainerState::is_in(&self.dir) {
                    begin_of_text::of_run(&self.dir, &self.tokenizer)
                } else {
                    Ok(None)
                }
            }
        }
    }
}

/// Returns the digest of the tokenizer that made the training data of the run that wrote the
/// checkpoint `dir`: the one that it names, or, in files of version 0.1, that of the tokenizer
/// beside the weights. `None` for a model from elsewhere.
fn expected_digest(dir: &Path, own_tokenizer: Option<&Tokenizer>) -> Option<String> {
    let state = TrainerState::read(dir).ok()?;
    state.tokenizer_sha256.or_else(|| own_tokenizer.map(Tokenizer::digest))
}

/// Finds the directory of the tokenizer. Also returns the flag that named it.
fn find_tokenizer<'a>(
    typed: Option<&'a Path>,
    checkpoint: &'a Path,
) -> Result<(&'static str, &'a Path)> {
    let default = Path::new(DEFAULT_DIR);
    if let Some(typed) = typed {
        return Ok(("--tokenizer", typed));
    }
    if TokenizerFiles::are_in(checkpoint) {
        return Ok(("--checkpoint", checkpoint));
    }
    if TokenizerFiles::are_in(default) {
        let dir = checkpoint.display();
        log::info!("{dir} has no tokenizer: the one in {} is taken", default.display());
        return Ok(("--tokenizer", default));
    }
    bail!("--checkpoint: {}: no tokenizer is there; give --tokenizer DIR", checkpoint.display())
}
