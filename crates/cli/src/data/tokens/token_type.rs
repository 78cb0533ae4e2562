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
    pub fn name(self) -> &'static str {
        match self {
            TokenType::U16 => "uint16",
            TokenType::U32 => "uint32",
        }
    }
}
