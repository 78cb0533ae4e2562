//! A list of byte strings in one buffer.

/// Byte strings, one after the other in one buffer, found by their index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ByteStrings {
    bytes: Vec<u8>,
    /// String `i` is `bytes[starts[i]..starts[i + 1]]`: one longer than there are strings.
    starts: Vec<usize>,
}

impl Default for ByteStrings {
    fn default() -> ByteStrings {
        ByteStrings { bytes: Vec::new(), starts: vec![0] }
    }
}

impl ByteStrings {
    /// The number of strings.
    pub(crate) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of bytes of all strings together.
    pub(crate) fn total_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Makes room for exactly `count` more strings, whatever their length.
    pub(crate) fn reserve_exact(&mut self, count: usize) {
        self.starts.reserve_exact(count);
    }

    /// Appends a string.
    pub(crate) fn push(&mut self, string: &[u8]) {
        self.bytes.extend_from_slice(string);
        self.starts.push(self.bytes.len());
    }

    /// Appends the string `left` followed by the string `right`.
    ///
    /// # Panics
    /// When there is no such string.
    pub(crate) fn push_joined(&mut self, left: usize, right: usize) {
        for i in [left, right] {
            self.bytes.extend_from_within(self.starts[i]..self.starts[i + 1]);
        }
        self.starts.push(self.bytes.len());
    }

    /// Returns string `i`, or `None` when there is no such string.
    pub(crate) fn get(&self, i: usize) -> Option<&[u8]> {
        let end = *self.starts.get(i + 1)?;
        Some(&self.bytes[self.starts[i]..end])
    }

    /// Iterates over the strings in order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.starts.windows(2).map(|ends| &self.bytes[ends[0]..ends[1]])
    }
}

impl<B: AsRef<[u8]>> FromIterator<B> for ByteStrings {
    fn from_iter<I: IntoIterator<Item = B>>(strings: I) -> ByteStrings {
        let mut collected = ByteStrings::default();
        strings.into_iter().for_each(|string| collected.push(string.as_ref()));
        collected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_by_their_index() {
        let mut strings = ByteStrings::default();
        assert_eq!((strings.len(), strings.get(0), strings.iter().len()), (0, None, 0));
        ["ab", "", "c"].iter().for_each(|string| strings.push(string.as_bytes()));
        strings.push_joined(2, 0);
        assert_eq!(strings.iter().collect::<Vec<_>>(), [&b"ab"[..], b"", b"c", b"cab"]);
        assert_eq!((strings.get(3), strings.get(4)), (Some(&b"cab"[..]), None));
        assert_eq!((strings.len(), strings.total_bytes()), (4, 6));
    }
}
