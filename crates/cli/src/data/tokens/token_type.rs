//! The types in which ids are stored.

/// The type of the ids in a token file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// `uint16`
    U16,
    /// `uint32`
    U32,
}

impl TokenType {
    /// Both types.
    pub const ALL: [TokenType; 2] = [TokenType::U16, TokenType::U32];

    /// Returns the smallest type that holds every id of a vocabulary of this size.
    pub fn for_vocab_size(vocab_size: usize) -> TokenType {
        if vocab_size <= 1 << 16 { TokenType::U16 } else { TokenType::U32 }
    }

    /// Returns the number of bytes per id.
    pub fn size(self) -> usize {
        match self {
            TokenType::U16 => 2,
            TokenType::U32 => 4,
        }
    }

    /// Returns NumPy's name of the type without the byte order.
    pub fn name(self) -> String {
        format!("uint{}", 8 * self.size())
    }

    /// Returns NumPy's code of the type with the byte order, which is little-endian.
    pub fn descr(self) -> String {
        format!("<u{}", self.size())
    }
}
