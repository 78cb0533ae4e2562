//! The header of a one-dimensional `.npy` file, read and written.

use super::mismatch::Mismatch;
use super::token_type::TokenType;

const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header that is read, far above what one dimension needs.
const MAX_LEN: usize = 1 << 16;
/// The length of the headers written here. It fits any count; NumPy reserves the same length.
pub const LEN: usize = 128;

/// The contents of a header.
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// The type of the ids.
    pub token_type: TokenType,
    /// The number of ids.
    pub count: u64,
    /// The offset of the first id in the file.
    pub data_start: usize,
}

/// Reads the header at the beginning of `file`.
pub fn parse(file: &[u8]) -> Result<Header, Mismatch> {
    let Some(after_magic) = file.strip_prefix(MAGIC) else {
        let found = if file.is_empty() { "an empty file" } else { "no .npy signature" };
        return Err(Mismatch::new(found, "a .npy file"));
    };
    let cut_off = || {
        let found = format!("a header cut off after {} bytes", file.len());
        Mismatch::new(found, "a whole .npy file")
    };
    let (len, before) = match *after_magic {
        [1, _, a, b, ..] => (u16::from_le_bytes([a, b]) as usize, 4),
        [2 | 3, _, a, b, c, d, ..] => (u32::from_le_bytes([a, b, c, d]) as usize, 6),
        [version @ (0 | 4..), ..] => {
            return Err(Mismatch::new(format!("version {version}"), ".npy version 1, 2 or 3"));
        }
        _ => return Err(cut_off()),
    };
    if len > MAX_LEN {
        let found = format!("a header of {len} bytes");
        return Err(Mismatch::new(found, "a .npy header of one dimension"));
    }
    let text = after_magic[before..].get(..len).ok_or_else(cut_off)?;
    let text = std::str::from_utf8(text)
        .map_err(|_| Mismatch::new("a header that is no text", "a .npy header"))?;
    let (token_type, count) = parse_dictionary(text)?;
    Ok(Header { token_type, count, data_start: MAGIC.len() + before + len })
}

/// Returns the header of `count` ids, [`LEN`] bytes long.
pub fn write(token_type: TokenType, count: u64) -> Vec<u8> {
    let mut header = MAGIC.to_vec();
    header.extend([1, 0]);
    header.extend(((LEN - MAGIC.len() - 4) as u16).to_le_bytes());
    let descr = token_type.descr();
    let text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({count},), }}");
    header.extend(text.bytes());
    header.resize(LEN - 1, b' ');
    header.push(b'\n');
    header
}

/// Returns the type and the count in a dictionary of `descr`, `fortran_order` and `shape`, in any
/// order, each once.
fn parse_dictionary(text: &str) -> Result<(TokenType, u64), Mismatch> {
    let Some([descr, order, shape]) = values(text) else {
        let expected = "a .npy header with descr, fortran_order and shape";
        return Err(Mismatch::new(format!("the header {}", shown(text)), expected));
    };
    if order != "False" {
        return Err(Mismatch::new(format!("fortran_order {}", shown(order)), "False"));
    }
    Ok((parse_descr(descr)?, parse_shape(shape)?))
}

/// Returns the values of `descr`, `fortran_order` and `shape`; `None` if the text is anything but a
/// dictionary with these three keys.
fn values(text: &str) -> Option<[&str; 3]> {
    let mut values = [None; 3];
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    while !rest.is_empty() {
        let (key, after) = quoted(rest)?;
        let at = ["descr", "fortran_order", "shape"].iter().position(|name| *name == key)?;
        let after = after.trim_start().strip_prefix(':')?.trim_start();
        let (value, after) = after.split_at(value_len(after)?);
        if values[at].replace(value.trim()).is_some() {
            return None;
        }
        rest = after.trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
    let [descr, order, shape] = values;
    Some([descr?, order?, shape?])
}

/// Returns the string that `text` begins with, without its quotation marks, and what follows it.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let mark = text.chars().next().filter(|&c| c == '\'' || c == '"')?;
    text[1..].split_once(mark)
}

/// Returns the length of the value that `text` begins with: a string with its quotation marks, a
/// bracket and its contents, or a word.
fn value_len(text: &str) -> Option<usize> {
    Some(match text.chars().next()? {
        mark @ ('\'' | '"') => text[1..].find(mark)? + 2,
        '(' => text.find(')')? + 1,
        '[' => text.find(']')? + 1,
        _ => text.find(',').unwrap_or(text.len()),
    })
}

fn parse_descr(value: &str) -> Result<TokenType, Mismatch> {
    let is_descr = |token_type: &TokenType| quoted(value) == Some((&token_type.descr(), ""));
    TokenType::ALL.into_iter().find(is_descr).ok_or_else(|| {
        let found = format!("values of type {}", shown(value));
        Mismatch::new(found, "'<u2' (uint16) or '<u4' (uint32)")
    })
}

fn parse_shape(value: &str) -> Result<u64, Mismatch> {
    let count = value.strip_prefix('(').and_then(|value| value.strip_suffix(",)"));
    count.and_then(|count| count.trim().parse().ok()).ok_or_else(|| {
        Mismatch::new(format!("the shape {}", shown(value)), "one dimension, like (1000,)")
    })
}

/// Returns as much of `text` as fits into a message.
fn shown(text: &str) -> String {
    text.trim().chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of_dictionary(dictionary: &str) -> Vec<u8> {
        let mut header = b"\x93NUMPY\x02\x00".to_vec();
        header.extend((dictionary.len() as u32).to_le_bytes());
        header.extend(dictionary.bytes());
        header
    }

    #[test]
    fn written_headers_are_read() {
        for (token_type, count) in [(TokenType::U16, 0), (TokenType::U32, u64::MAX)] {
            let header = write(token_type, count);
            assert_eq!((header.len(), header.last()), (LEN, Some(&b'\n')));
            assert_eq!(parse(&header), Ok(Header { token_type, count, data_start: LEN }));
        }
    }

    #[test]
    fn other_spellings_are_read() {
        let header =
            of_dictionary("{\"shape\":( 7 ,),'fortran_order' : False,\"descr\":\"<u4\"}  \n");
        assert_eq!(
            parse(&header).map(|header| (header.token_type, header.count)),
            Ok((TokenType::U32, 7))
        );
    }

    #[test]
    fn other_arrays_are_refused() {
        for (dictionary, found) in [
            ("{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }", "values of type '<i8'"),
            ("{'descr': '>u2', 'fortran_order': False, 'shape': (3,), }", "'>u2'"),
            ("{'descr': [('a', '<u2')], 'fortran_order': False, 'shape': (3,), }", "[("),
            ("{'descr': '<u2', 'fortran_order': True, 'shape': (3,), }", "fortran_order True"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (3, 4), }", "the shape (3, 4)"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (), }", "the shape ()"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (-3,), }", "the shape (-3,)"),
            (
                "{'descr': '<u2', 'fortran_order': False, 'shape': (99999999999999999999,), }",
                "the shape",
            ),
            ("{'descr': '<u2', 'fortran_order': False, }", "the header"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (3", "the header"),
            ("{'mydescr': '<u2', 'fortran_order': False, 'shape': (3,), }", "the header"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (3,), 'x': 1}", "the header"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (3,), 'descr': '<u2'}", "header"),
            ("'descr': '<u2', 'fortran_order': False, 'shape': (3,), ", "the header"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (3,), ", "the header"),
            ("{'descr': '<u2', 'fortran_order': False, 'shape': (3,), } x", "the header"),
            ("{'descr': <u2, 'fortran_order': False, 'shape': (3,), }", "values of type <u2"),
            ("", "the header"),
        ] {
            let message = parse(&of_dictionary(dictionary)).unwrap_err().found;
            assert!(message.contains(found), "{dictionary}: {message}");
        }
        for (file, found) in [
            (&b""[..], "empty"),
            (b"PK\x03\x04", "no .npy signature"),
            (b"\x93NUMPY", "cut off after 6"),
            (b"\x93NUMPY\x01\x00v\x00{'descr", "cut off"),
            (b"\x93NUMPY\x09\x00v\x00{'descr", "version 9"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr", "4294967295 bytes"),
        ] {
            let message = parse(file).unwrap_err().found;
            assert!(message.contains(found), "{message}");
        }
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_another_header(at in 0usize..LEN, byte: u8, len in 0usize..=LEN) {
            let mut header = write(TokenType::U16, 123);
            header[at] = byte;
            header.truncate(len);
            let _ = parse(&header);
        }

        #[test]
        fn no_dictionary_panics(
            dictionary in r#"[{}()\[\]'",: descrshapéfortran_order<u2False0-9]{0,60}"#
        ) {
            let _ = parse(&of_dictionary(&dictionary));
        }
    }
}
