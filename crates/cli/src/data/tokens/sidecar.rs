//! The file beside a token file that says what made it: `train.npy.json` beside `train.npy`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use bpe::Tokenizer;
use files::AtomicFile;
use serde::{Deserialize, Serialize};

use super::reader::TokenFile;
use crate::data::digest::Fingerprint;

/// The origin of a token file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sidecar {
    /// The tokenizer that made the tokens.
    pub tokenizer: TokenizerIdentity,
    /// The texts that became tokens, in order.
    pub sources: Vec<Source>,
    /// The number of tokens in the file.
    pub tokens: u64,
    /// The number of bytes of all texts.
    pub bytes: u64,
    /// The number of documents, each of which ends at an end-of-text token or at the end of all.
    /// White space after the last such token is none.
    pub documents: u64,
    /// The version of the program.
    pub version: String,
}

/// A tokenizer, known by its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerIdentity {
    /// [`Tokenizer::digest`]
    pub sha256: String,
    /// The number of its tokens.
    pub vocab_size: usize,
    /// Its directory, as it was typed.
    pub path: String,
}

/// A text that became tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Its path as it was typed; `-` is standard input.
    pub path: String,
    /// Its length and its ends.
    #[serde(flatten)]
    pub fingerprint: Fingerprint,
}

impl TokenizerIdentity {
    /// Returns the identity of `tokenizer`, which was read from `path`.
    pub fn of(tokenizer: &Tokenizer, path: &Path) -> TokenizerIdentity {
        TokenizerIdentity {
            sha256: tokenizer.digest(),
            vocab_size: tokenizer.vocab_size(),
            path: path.display().to_string(),
        }
    }

    /// Finds the tokenizer of this digest with `load`: where it was when it made the token file
    /// `npy`, or under the same name beside that file. Returns its directory and what was loaded.
    pub fn find<T>(
        &self,
        npy: &Path,
        load: impl Fn(&Path) -> Result<(Tokenizer, T)>,
    ) -> Option<(PathBuf, Tokenizer, T)> {
        let typed = PathBuf::from(&self.path);
        let beside = files::parent_of(npy).join(typed.file_name()?);
        [typed, beside].into_iter().find_map(|dir| {
            let (tokenizer, loaded) = load(&dir).ok()?;
            (tokenizer.digest() == self.sha256).then_some((dir, tokenizer, loaded))
        })
    }
}

impl Sidecar {
    /// Returns the sidecar's path: that of the token file, with `.json` added.
    pub fn path(npy: &Path) -> PathBuf {
        let mut path = npy.as_os_str().to_owned();
        path.push(".json");
        path.into()
    }

    /// Reads the sidecar of the token file `npy`; `None` if there is none. One that is about
    /// another number of tokens, or is no sidecar, counts as none and is a warning.
    ///
    /// # Errors
    /// When one of the two files cannot be read.
    pub fn read(npy: &Path) -> Result<Option<Sidecar>> {
        let Some((path, bytes)) = find(npy)? else { return Ok(None) };
        let shown = path.display();
        let sidecar: Sidecar = match serde_json::from_slice(&bytes) {
            Ok(sidecar) => sidecar,
            Err(error) => {
                log::warn!("{shown}: ignored, since it is not what encode writes: {error}");
                return Ok(None);
            }
        };
        let tokens = TokenFile::open(npy)?.len() as u64;
        if sidecar.tokens != tokens {
            log::warn!(
                "{shown}: ignored, since it is about {} tokens and {} has {tokens}",
                sidecar.tokens,
                npy.display()
            );
            return Ok(None);
        }
        Ok(Some(sidecar))
    }

    /// Checks that a sidecar of the token file `npy` can be written.
    ///
    /// # Errors
    /// When a directory, a device or a pipe has its name; opening a pipe would wait for a reader.
    pub fn check_place(npy: &Path) -> Result<()> {
        let path = Sidecar::path(npy);
        if path.exists() && !path.is_file() {
            bail!(
                "{}: not a regular file, and the origin of the tokens goes there; remove it or \
                 choose another --out",
                path.display()
            );
        }
        Ok(())
    }

    /// Writes the sidecar of the token file `npy`.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn write(&self, npy: &Path) -> Result<()> {
        Ok(self.prepare(npy)?.commit()?)
    }

    /// Writes the sidecar of the token file `npy`, up to the commit.
    ///
    /// # Errors
    /// When the disk is full or fails.
    pub fn prepare(&self, npy: &Path) -> Result<AtomicFile> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        let content = |out: &mut AtomicFile| std::io::Write::write_all(out, text.as_bytes());
        Ok(files::prepare(&Sidecar::path(npy), content)?)
    }

    /// Checks that `tokenizer`, which `flag` named, made the tokens of the file `npy`.
    ///
    /// # Errors
    /// When another one did.
    pub fn check_tokenizer(&self, npy: &Path, tokenizer: &Tokenizer, flag: &str) -> Result<()> {
        let made = &self.tokenizer;
        let digest = tokenizer.digest();
        if made.sha256 == digest {
            return Ok(());
        }
        bail!(
            "{flag}: {} was made by another tokenizer: expected the one of {} tokens that was in \
             {} (sha256 {}…), found one of {} tokens (sha256 {}…); give that one (encode \
             --special-token makes another of it), or insist with --any-tokenizer",
            npy.display(),
            made.vocab_size,
            made.path,
            short(&made.sha256),
            tokenizer.vocab_size(),
            short(&digest),
        )
    }
}

/// Reads what lies beside the file `npy`; if it is a link, beside its target or else beside it.
fn find(npy: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let target = if npy.is_symlink() { npy.canonicalize().ok() } else { None };
    for path in target.iter().map(PathBuf::as_path).chain([npy]).map(Sidecar::path) {
        match files::read(&path) {
            Ok(bytes) => return Ok(Some((path, bytes))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| path.display().to_string()),
        }
    }
    Ok(None)
}

/// Returns enough of a digest to tell it from others.
fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use bpe::{Pattern, Vocab};

    use super::*;
    use crate::data::tokens::{TokenType, TokenWriter};

    fn tokenizer(merge: (u32, u32)) -> Tokenizer {
        let vocab = Vocab::from_merges(vec![merge], &[]).unwrap();
        Tokenizer::new(vocab, Pattern::gpt2())
    }

    fn sidecar(tokens: u64) -> Sidecar {
        let fingerprint = Fingerprint {
            bytes: 3,
            sha256_of_first_mib: "00".into(),
            sha256_of_last_mib: "11".into(),
        };
        Sidecar {
            tokenizer: TokenizerIdentity::of(&tokenizer((97, 98)), Path::new("data/tokenizer")),
            sources: vec![Source { path: "a.txt".into(), fingerprint }],
            tokens,
            bytes: 3,
            documents: 1,
            version: "1.2.3".into(),
        }
    }

    fn write_tokens(path: &Path) {
        let mut writer = TokenWriter::create(path, TokenType::U16).unwrap();
        writer.write(&[1u16, 2]).unwrap();
        writer.finish().unwrap();
    }

    #[test]
    fn is_read_back_unless_it_is_about_other_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let npy = dir.path().join("x.npy");
        write_tokens(&npy);
        assert_eq!(Sidecar::read(&npy).unwrap(), None);
        sidecar(2).write(&npy).unwrap();
        assert!(dir.path().join("x.npy.json").is_file());
        assert_eq!(Sidecar::read(&npy).unwrap(), Some(sidecar(2)));
        sidecar(3).write(&npy).unwrap();
        assert_eq!(Sidecar::read(&npy).unwrap(), None);
        std::fs::write(Sidecar::path(&npy), "{\"some\": \"notes\"}").unwrap();
        assert_eq!(Sidecar::read(&npy).unwrap(), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_in_its_place_is_refused_before_the_work() {
        let dir = tempfile::tempdir().unwrap();
        let npy = dir.path().join("x.npy");
        let pipe = Sidecar::path(&npy);
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let error = TokenWriter::create(&npy, TokenType::U16).err().unwrap().to_string();
        assert!(error.contains("x.npy.json: not a regular file"), "{error}");
    }

    #[test]
    fn goes_when_other_tokens_take_the_place_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let npy = dir.path().join("x.npy");
        for is_left in [true, false] {
            let mut writer = TokenWriter::create(&npy, TokenType::U16).unwrap();
            writer.write(&[1u16, 2]).unwrap();
            if is_left {
                writer.finish_with(&sidecar(2)).unwrap();
            } else {
                writer.finish().unwrap();
            }
            assert_eq!(Sidecar::read(&npy).unwrap().is_some(), is_left);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1 + usize::from(is_left));
        }
    }

    #[cfg(unix)]
    #[test]
    fn is_found_through_links() {
        let dir = tempfile::tempdir().unwrap();
        let (npy, link) = (dir.path().join("x.npy"), dir.path().join("link.npy"));
        write_tokens(&npy);
        sidecar(2).write(&npy).unwrap();
        std::os::unix::fs::symlink("x.npy", &link).unwrap();
        assert_eq!(Sidecar::read(&link).unwrap(), Some(sidecar(2)));
        std::fs::rename(Sidecar::path(&npy), Sidecar::path(&link)).unwrap();
        assert_eq!(Sidecar::read(&link).unwrap(), Some(sidecar(2)));
    }

    #[test]
    fn another_tokenizer_of_the_same_size_is_refused() {
        let (npy, sidecar) = (Path::new("x.npy"), sidecar(2));
        assert!(sidecar.check_tokenizer(npy, &tokenizer((97, 98)), "--tokenizer").is_ok());
        let other = sidecar.check_tokenizer(npy, &tokenizer((98, 97)), "--tokenizer");
        let message = other.unwrap_err().to_string();
        for part in ["--tokenizer: x.npy", "data/tokenizer", "--any-tokenizer"] {
            assert!(message.contains(part), "{message}");
        }
    }
}
