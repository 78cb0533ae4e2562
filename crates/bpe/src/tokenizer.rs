//! The tokenizer: from texts to ids and back.

use std::borrow::Cow;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;

use crate::chunk::{ChunkReader, Cutter};
use crate::encode::encoder::Encoder;
use crate::encode::stream::{self, StreamOptions, StreamStats};
use crate::encode::token_id::TokenId;
use crate::error::{Error, Result};
use crate::formats::{self, BeginOfText, Parts};
use crate::merge::model::Model;
use crate::pretokenize::normalizer::Normalizer;
use crate::pretokenize::pattern::Pattern;
use crate::special::{SpecialTokens, UnusualFlags};
use crate::train::counts::PreTokenCounter;
use crate::train::{TrainConfig, train};
use crate::vocab::Vocab;

/// A vocabulary and a pattern, ready to encode and decode. Threads share it: nothing in it changes.
///
/// ```
/// use bpe::{Pattern, Tokenizer, Vocab};
///
/// let merges = vec![(104, 101), (257, 121)]; // "h" + "e" is 257, "he" + "y" is 258
/// let vocab = Vocab::from_merges(merges, &["<|end|>".to_string()])?;
/// let tokenizer = Tokenizer::new(vocab, Pattern::gpt2());
/// assert_eq!(tokenizer.encode("hey he!<|end|>")?, [258, 32, 257, 33, 256]);
/// assert_eq!(tokenizer.decode(&[258, 33])?, b"hey!");
/// # Ok::<(), bpe::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tokenizer {
    model: Model,
    pattern: Pattern,
    normalizer: Normalizer,
    specials: SpecialTokens,
    flags: UnusualFlags,
    begin_of_text: BeginOfText,
    after_text: Vec<u32>,
    end_of_text: Option<u32>,
}

impl Tokenizer {
    /// Creates a tokenizer that merges in every pre-token. [`END_OF_TEXT`](crate::END_OF_TEXT) ends
    /// its texts, or else the first special token.
    pub fn new(vocab: Vocab, pattern: Pattern) -> Tokenizer {
        Tokenizer::from_parts(Parts::new(vocab, pattern))
    }

    /// Learns a tokenizer from the text of `reader`, on rayon's current pool.
    ///
    /// [`PreTokenCounter`] and [`train`](crate::train()) are the two halves of this, for several
    /// texts, progress and statistics.
    ///
    /// ```
    /// use bpe::{Pattern, TrainConfig, Tokenizer};
    /// let config = TrainConfig { vocab_size: 258, special_tokens: vec![] };
    /// let tokenizer = Tokenizer::train(&b"low lower lowest"[..], &Pattern::gpt2(), &config)?;
    /// assert_eq!(tokenizer.token(257)?, b"low"); // "ow" is 256, then "l" + "ow"
    /// assert_eq!(tokenizer.encode("low")?, [257]);
    /// # Ok::<(), bpe::Error>(())
    /// ```
    ///
    /// # Errors
    /// When reading fails, a custom pattern fails on the text, or `config` has no valid
    /// vocabulary; see [`TrainConfig::num_merges`].
    pub fn train(
        reader: impl Read + Send,
        pattern: &Pattern,
        config: &TrainConfig,
    ) -> Result<Tokenizer> {
        let counter = PreTokenCounter::new(pattern, &config.special_tokens);
        counter.count_reader(reader, &|_| ControlFlow::Continue(()))?;
        let trained = train(counter.finish(), config, &|_| ControlFlow::Continue(()))?;
        Ok(Tokenizer::new(trained.vocab, pattern.clone()))
    }

    /// Encodes a pre-token that is a token of the vocabulary as that token, whatever merging would
    /// make of it (`ignore_merges` in a `tokenizer.json`).
    #[must_use]
    pub fn ignore_merges(self) -> Tokenizer {
        Tokenizer { model: self.model.ignore_merges(), ..self }
    }

    /// Returns this tokenizer with more special tokens; see [`Vocab::with_extra_specials`].
    ///
    /// # Errors
    /// [`Error::Vocab`] for an empty special token.
    pub fn with_extra_specials(&self, extra: &[String]) -> Result<Tokenizer> {
        let vocab = Cow::Owned(self.vocab().with_extra_specials(extra)?);
        Ok(Tokenizer::from_parts(Parts { vocab, ..self.parts() }))
    }

    /// Reads the tokenizer in a directory; see [`formats::load`].
    ///
    /// # Errors
    /// When there is no tokenizer in it, or one that this crate cannot express.
    pub fn load(dir: impl AsRef<Path>) -> Result<Tokenizer> {
        Ok(Tokenizer::from_parts(formats::load(dir.as_ref())?))
    }

    /// Reads the tokenizer that files in memory make, given by name; see [`formats::load_files`].
    ///
    /// # Errors
    /// As for [`Tokenizer::load`].
    pub fn from_files(files: &[(&str, &[u8])]) -> Result<Tokenizer> {
        Ok(Tokenizer::from_parts(formats::load_files(files)?))
    }

    /// Writes `vocab.json`, `merges.txt`, `tokenizer.json` and `tokenizer_config.json` into `dir`.
    ///
    /// # Errors
    /// When the directory cannot be written to, or the vocabulary cannot be spelled in these files.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<()> {
        formats::save(&self.parts(), dir.as_ref())
    }

    /// Makes a tokenizer of the content of its files.
    pub fn from_parts(parts: Parts) -> Tokenizer {
        let Parts { vocab, pattern, normalizer, flags, .. } = parts;
        let specials = SpecialTokens::with_flags(vocab.specials(), &flags, normalizer);
        let tokenizer = Tokenizer {
            model: Model::new(vocab.into_owned()),
            pattern: pattern.into_owned(),
            normalizer,
            specials,
            flags: flags.into_owned(),
            begin_of_text: parts.begin_of_text,
            after_text: parts.after_text.into_owned(),
            end_of_text: parts.end_of_text,
        };
        if parts.ignore_merges { tokenizer.ignore_merges() } else { tokenizer }
    }

    /// Returns the content of this tokenizer's files.
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            vocab: Cow::Borrowed(self.vocab()),
            pattern: Cow::Borrowed(&self.pattern),
            normalizer: self.normalizer,
            flags: Cow::Borrowed(&self.flags),
            ignore_merges: self.model.whole.is_some(),
            begin_of_text: self.begin_of_text,
            after_text: Cow::Borrowed(&self.after_text),
            end_of_text: self.end_of_text,
        }
    }

    /// Returns the SHA-256, in hexadecimal, of what encodes: vocabulary, merges, normalizer,
    /// pattern and special tokens. Other files of the same content have the same.
    pub fn digest(&self) -> String {
        formats::digest(&self.parts())
    }

    /// Returns the token that the files put before a text. [`Tokenizer::encode`] never adds it.
    pub fn begin_of_text(&self) -> BeginOfText {
        self.begin_of_text
    }

    /// Returns the tokens that the files put behind a text. [`Tokenizer::encode`] never adds them.
    pub fn after_text(&self) -> &[u32] {
        &self.after_text
    }

    /// Returns the id of the token that ends a text.
    pub fn end_of_text(&self) -> Option<u32> {
        self.end_of_text
    }

    /// Returns the vocabulary.
    pub fn vocab(&self) -> &Vocab {
        &self.model.vocab
    }

    /// Returns the number of tokens; ids are below it.
    pub fn vocab_size(&self) -> usize {
        self.vocab().len()
    }

    /// Returns the pattern.
    pub fn pattern(&self) -> &Pattern {
        &self.pattern
    }

    /// Returns the form that texts are brought into before they are split.
    pub fn normalizer(&self) -> Normalizer {
        self.normalizer
    }

    /// Returns the special tokens.
    pub fn specials(&self) -> &SpecialTokens {
        &self.specials
    }

    /// Returns the id of a special token.
    pub fn special_id(&self, text: &str) -> Option<u32> {
        self.vocab().specials().iter().find(|(special, _)| special == text).map(|&(_, id)| id)
    }

    /// Returns a finder of places where texts may be cut so that their parts have the ids of the
    /// whole.
    pub fn cutter(&self) -> Cutter {
        let mut cutter = Cutter::new(&self.pattern, &self.specials);
        cutter.safe_cuts.clone_from(&self.model.safe_cuts);
        cutter.normalizer = self.normalizer;
        cutter
    }

    /// Returns an encoder for one thread. It remembers pre-tokens, so it gets faster.
    ///
    /// # Panics
    /// When the vocabulary has ids that the type `T` does not hold.
    #[track_caller]
    pub fn encoder<T: TokenId>(&self) -> Encoder<'_, T> {
        Encoder::new(&self.model, &self.pattern, self.normalizer, Some(&self.specials))
    }

    /// Encodes a text: a string, or any bytes. Special tokens written in it become their ids.
    ///
    /// # Errors
    /// [`Error::PatternRun`], with a custom pattern only.
    pub fn encode(&self, text: impl AsRef<[u8]>) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        self.encoder().encode(text.as_ref(), &mut ids)?;
        Ok(ids)
    }

    /// Encodes a text in which special tokens are text like any other.
    ///
    /// # Errors
    /// As for [`Tokenizer::encode`].
    pub fn encode_ordinary(&self, text: impl AsRef<[u8]>) -> Result<Vec<u32>> {
        let mut ids = Vec::new();
        let mut encoder = Encoder::new(&self.model, &self.pattern, self.normalizer, None);
        encoder.encode(text.as_ref(), &mut ids)?;
        Ok(ids)
    }

    /// Encodes the text of `reader`. Calls `sink` with the ids, in order, a chunk at a time, and
    /// `progress` after each chunk with its number of bytes. The ids are those of the whole text
    /// encoded at once.
    ///
    /// # Errors
    /// The first error of the reader, the pattern or the sink.
    pub fn encode_stream<T: TokenId, E: From<Error> + Send>(
        &self,
        reader: impl Read + Send,
        options: StreamOptions,
        sink: impl FnMut(&[T]) -> Result<(), E> + Send,
        progress: impl Fn(u64) + Sync,
    ) -> Result<StreamStats, E> {
        let reader = ChunkReader::new(reader, self.cutter(), options.chunk_size);
        stream::encode(reader, options.threads, || self.encoder(), sink, progress)
    }
}
