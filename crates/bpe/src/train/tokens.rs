//! The bytes of the tokens learned so far.

/// Bytes of all tokens by id, one after the other.
pub(super) struct TokenTable {
    bytes: Vec<u8>,
    /// Token `id` is `bytes[starts[id]..starts[id + 1]]`.
    starts: Vec<usize>,
    /// Length of each token in bytes; beside `starts` because the merge loop asks for nothing else.
    lens: Vec<u32>,
}

impl TokenTable {
    /// The 256 bytes, then one empty entry for each special token: no text contains them, only
    /// their ids are taken.
    pub fn new(num_specials: usize) -> TokenTable {
        let mut table = TokenTable { bytes: Vec::new(), starts: vec![0], lens: Vec::new() };
        for byte in 0..=255 {
            table.bytes.push(byte);
            table.close(1);
        }
        for _ in 0..num_specials {
            table.close(0);
        }
        table
    }

    fn close(&mut self, len: u32) {
        self.starts.push(self.bytes.len());
        self.lens.push(len);
    }

    /// How many tokens there are, special ones included.
    pub fn len(&self) -> usize {
        self.lens.len()
    }

    /// Bytes of all tokens together.
    pub fn total_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds the token `left` followed by `right`; returns its id.
    pub fn push_pair(&mut self, left: u32, right: u32) -> u32 {
        for id in [left, right] {
            let (start, end) = (self.starts[id as usize], self.starts[id as usize + 1]);
            self.bytes.extend_from_within(start..end);
        }
        let id = self.lens.len() as u32;
        self.close(self.lens[left as usize] + self.lens[right as usize]);
        id
    }

    /// Bytes of token `id`.
    pub fn bytes(&self, id: u32) -> &[u8] {
        &self.bytes[self.starts[id as usize]..self.starts[id as usize + 1]]
    }

    /// Length in bytes of token `id`.
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
