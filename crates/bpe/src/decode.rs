//! Decoding ids to bytes, and to text while it is generated.

use crate::error::{Error, Result};
use crate::tokenizer::Tokenizer;

impl Tokenizer {
    /// Decodes ids to bytes. The ids of a text give that text, byte for byte.
    ///
    /// # Errors
    /// [`Error::UnknownId`].
    pub fn decode(&self, ids: &[u32]) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(4 * ids.len());
        self.decode_into(ids.iter().copied(), &mut bytes)?;
        Ok(bytes)
    }

    /// Decodes ids and appends their bytes to `bytes`.
    ///
    /// # Errors
    /// [`Error::UnknownId`].
    pub fn decode_into(
        &self,
        ids: impl IntoIterator<Item = u32>,
        bytes: &mut Vec<u8>,
    ) -> Result<()> {
        for id in ids {
            bytes.extend_from_slice(self.token(id)?);
        }
        Ok(())
    }

    /// Returns the bytes of one token.
    ///
    /// # Errors
    /// [`Error::UnknownId`].
    pub fn token(&self, id: u32) -> Result<&[u8]> {
        self.vocab().token(id).ok_or(Error::UnknownId { id, vocab_size: self.vocab_size() })
    }

    /// Makes a decoder for text that is shown while it is generated.
    pub fn stream_decoder(&self) -> StreamDecoder<'_> {
        StreamDecoder { tokenizer: self, pending: Vec::new() }
    }
}

/// Decodes tokens to text one at a time.
///
/// A character whose bytes are spread over several tokens appears once it is whole. Bytes that no
/// later byte can complete become U+FFFD, as in [`String::from_utf8_lossy`].
///
/// ```
/// use bpe::{Pattern, Tokenizer, Vocab};
///
/// let bytes_only = Tokenizer::new(Vocab::from_merges(vec![], &[])?, Pattern::gpt2());
/// let mut decoder = bytes_only.stream_decoder();
/// assert_eq!(decoder.push(0xC3)?, "");
/// assert_eq!(decoder.push(0xA9)?, "é");
/// # Ok::<(), bpe::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct StreamDecoder<'t> {
    tokenizer: &'t Tokenizer,
    /// The beginning of a character: at most three bytes.
    pending: Vec<u8>,
}

impl StreamDecoder<'_> {
    /// Adds a token and returns the text that it completes, which may be empty.
    ///
    /// # Errors
    /// [`Error::UnknownId`].
    pub fn push(&mut self, id: u32) -> Result<String> {
        Ok(self.push_bytes(self.tokenizer.token(id)?))
    }

    /// Adds bytes that stand between tokens, such as those of a prompt, and returns the text that
    /// they complete.
    pub fn push_bytes(&mut self, bytes: &[u8]) -> String {
        self.pending.extend_from_slice(bytes);
        let incomplete = incomplete_tail(&self.pending);
        let whole = self.pending.len() - incomplete;
        let text = String::from_utf8_lossy(&self.pending[..whole]).into_owned();
        self.pending.drain(..whole);
        text
    }

    /// Returns the beginning of a character that the next token may complete: at most three bytes.
    pub fn pending(&self) -> &[u8] {
        &self.pending
    }

    /// Ends the text: returns U+FFFD for a character that was cut off, else nothing.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.pending).into_owned()
    }
}

/// Returns the length of the beginning of a character at the end of `bytes` that more bytes may
/// complete.
fn incomplete_tail(bytes: &[u8]) -> usize {
    let tail = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    // `None` says that the end of the input came too early.
    let is_incomplete = str::from_utf8(tail).is_err_and(|error| error.error_len().is_none());
    if is_incomplete { tail.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pattern, Vocab};
    use proptest::prelude::*;

    fn bytes_only() -> Tokenizer {
        Tokenizer::new(Vocab::from_merges(vec![], &[]).unwrap(), Pattern::gpt2())
    }

    #[test]
    fn characters_come_whole() {
        let tokenizer = bytes_only();
        let mut decoder = tokenizer.stream_decoder();
        let pieces: Vec<String> =
            "é👍a".bytes().map(|byte| decoder.push(byte.into()).unwrap()).collect();
        assert_eq!(pieces, ["", "é", "", "", "", "👍", "a"]);
        assert_eq!(decoder.push(0xF0).unwrap(), "");
        assert_eq!(decoder.finish(), "\u{fffd}");
    }

    #[test]
    fn a_token_completes_a_character_that_bytes_before_it_began() {
        let tokenizer = bytes_only();
        let mut decoder = tokenizer.stream_decoder();
        assert_eq!(decoder.push_bytes(b"caf\xC3"), "caf");
        assert_eq!(decoder.pending(), b"\xC3");
        assert_eq!(decoder.push(0xA9).unwrap(), "é");
        assert_eq!(decoder.pending(), b"");
    }

    #[test]
    fn unknown_ids_are_errors() {
        let tokenizer = bytes_only();
        assert!(matches!(
            tokenizer.decode(&[1, 256]),
            Err(Error::UnknownId { id: 256, vocab_size: 256 })
        ));
        assert!(tokenizer.stream_decoder().push(u32::MAX).is_err());
    }

    /// A letter, and bytes that begin, continue and break characters.
    const BYTES: &[u8] = &[b'a', 0x80, 0xBF, 0xC3, 0xE2, 0x82, 0xAC, 0xF0, 0x9F, 0xFF];

    proptest! {
        #[test]
        fn the_pieces_make_the_text(
            bytes in prop::collection::vec(prop::sample::select(BYTES), 0..40),
        ) {
            let tokenizer = bytes_only();
            let mut decoder = tokenizer.stream_decoder();
            let mut text = String::new();
            for &byte in &bytes {
                text += &decoder.push(byte.into()).unwrap();
            }
            text += &decoder.finish();
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
