//! The bytes of the tokens learned so far.

use crate::memory::byte_strings::ByteStrings;

/// The bytes of all tokens by id, and their lengths.
pub(super) struct TokenTable {
    tokens: ByteStrings,
    /// Length of each token in bytes. The merge loop reads only this.
    lens: Vec<u32>,
}

impl TokenTable {
    /// Makes a table of the 256 bytes, then one empty entry per special token: no text contains
    /// special tokens, they only take up ids.
    pub fn new(num_specials: usize) -> TokenTable {
        let mut tokens: ByteStrings = (0u8..=255).map(|byte| [byte]).collect();
        (0..num_specials).for_each(|_| tokens.push(&[]));
        let lens = tokens.iter().map(|token| token.len() as u32).collect();
        TokenTable { tokens, lens }
    }

    /// The number of tokens, special ones included.
    pub fn len(&self) -> usize {
        self.lens.len()
    }

    /// The number of bytes of all tokens together.
    pub fn total_bytes(&self) -> usize {
        self.tokens.total_bytes()
    }

    /// Adds the token `left` followed by `right`. Returns its id.
    pub fn push_pair(&mut self, left: u32, right: u32) -> u32 {
        let id = self.lens.len() as u32;
        self.tokens.push_joined(left as usize, right as usize);
        self.lens.push(self.lens[left as usize] + self.lens[right as usize]);
        id
    }

    /// The bytes of token `id`.
    pub fn bytes(&self, id: u32) -> &[u8] {
        self.tokens.get(id as usize).unwrap_or_default()
    }

    /// The length in bytes of token `id`.
    #[inline]
    pub fn token_len(&self, id: u32) -> usize {
        self.lens[id as usize] as usize
    }

    /// The first eight bytes of token `id`, padded with zeros, as a big-endian number. It orders
    /// tokens as their bytes do, except that equal numbers decide nothing.
    pub fn prefix(&self, id: u32) -> u64 {
        let bytes = self.bytes(id);
        let mut first = [0; 8];
        let n = bytes.len().min(8);
        first[..n].copy_from_slice(&bytes[..n]);
        u64::from_be_bytes(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_join_and_prefixes_order_like_bytes() {
        let mut tokens = TokenTable::new(2);
        assert_eq!(tokens.len(), 258);
        let ab = tokens.push_pair(97, 98);
        assert_eq!(ab, 258);
        let abab = tokens.push_pair(ab, ab);
        let long = tokens.push_pair(abab, abab);
        let longer = tokens.push_pair(long, 0);
        assert_eq!(tokens.bytes(abab), b"abab");
        assert_eq!(tokens.token_len(longer), 9);
        assert!(tokens.prefix(abab) < tokens.prefix(98));
        assert!(tokens.prefix(abab) > tokens.prefix(ab));
        assert_eq!(tokens.prefix(long), tokens.prefix(longer));
        assert_eq!(tokens.total_bytes(), 256 + 2 + 4 + 8 + 9);
    }
}
