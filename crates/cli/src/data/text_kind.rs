//! A guess at what a file is that is no text, from its first bytes.

/// The number of bytes that the guess is made from.
pub const HEAD: usize = 1024;

/// A file that is no UTF-8 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("seems to be {seems}, expected UTF-8 text; {advice}, or give --binary to take it as it is")]
pub struct NotText {
    seems: &'static str,
    advice: &'static str,
}

const UTF_16: &str = "convert it with iconv -f UTF-16 -t UTF-8 FILE";
const UTF_32: &str = "convert it with iconv -f UTF-32 -t UTF-8 FILE";
const UNPACK: &str = "unpack it first";
const EXTRACT: &str = "extract the text from it first";
const OTHER: &str = "give a text";

/// Beginnings of files, longer ones before those that they begin with. Bytes that a text could
/// begin with are not among them.
const SIGNATURES: [(&[u8], &str, &str); 26] = [
    (b"\xff\xfe\0\0", "UTF-32 (little-endian)", UTF_32),
    (b"\0\0\xfe\xff", "UTF-32 (big-endian)", UTF_32),
    (b"\xff\xfe", "UTF-16 (little-endian)", UTF_16),
    (b"\xfe\xff", "UTF-16 (big-endian)", UTF_16),
    (b"\x93NUMPY", "a .npy file (of tokens?)", "encode turns tokens into text, with --decode"),
    (b"\x1f\x8b", "gzip", "unpack it first (gzip -dc)"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "unpack it first (zstd -dc)"),
    (b"\xfd7zXZ\0", "xz", "unpack it first (xz -dc)"),
    (b"BZh91AY&SY", "bzip2", "unpack it first (bzip2 -dc)"),
    (b"\x04\x22\x4d\x18", "LZ4", "unpack it first (lz4 -dc)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"PK\x03\x04", "a zip archive (.zip, .npz, .docx, .pt)", UNPACK),
    (b"PAR1\x15", "Parquet", EXTRACT),
    (b"ARROW1\0", "Arrow", EXTRACT),
    (b"%PDF-", "PDF", EXTRACT),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Microsoft Office document", EXTRACT),
    (b"SQLite format 3\0", "an SQLite database", EXTRACT),
    (b"\x89HDF\r\n\x1a\n", "HDF5", EXTRACT),
    (b"GGUF\x03\0", "a GGUF model", OTHER),
    (b"\x7fELF", "a program", OTHER),
    (b"\x89PNG\r\n\x1a\n", "a PNG image", OTHER),
    (b"\xff\xd8\xff", "a JPEG image", OTHER),
    (b"GIF89a", "a GIF image", OTHER),
    (b"OggS\0", "an Ogg file", OTHER),
    (b"fLaC\0", "a FLAC file", OTHER),
];

/// Checks that a file that begins with `head`, its first [`HEAD`] bytes or all of it, can be text.
/// Bytes that are merely not UTF-8 can: they are kept.
///
/// # Errors
/// When it has the signature of another kind of file, or a zero byte.
pub fn check(head: &[u8]) -> Result<(), NotText> {
    let found = SIGNATURES.into_iter().find(|(signature, ..)| head.starts_with(signature));
    if let Some((_, seems, advice)) = found {
        return Err(NotText { seems, advice });
    }
    if head.get(257..262) == Some(b"ustar") {
        return Err(NotText { seems: "a tar archive", advice: UNPACK });
    }
    if !head.contains(&0) {
        return Ok(());
    }
    let binary = ("binary, with a zero byte near its beginning", OTHER);
    let (seems, advice) = wide_encoding(head).unwrap_or(binary);
    Err(NotText { seems, advice })
}

/// Returns the name of the encoding of a text without a byte-order mark in wider units than bytes,
/// and the advice, which has to name the order of the bytes too.
fn wide_encoding(head: &[u8]) -> Option<(&'static str, &'static str)> {
    type Decode = fn(&[u8]) -> Option<String>;
    let encodings: [(Decode, &str, &str); 4] = [
        (
            |head| utf_32(head, u32::from_le_bytes),
            "UTF-32 (little-endian)",
            "convert it with iconv -f UTF-32LE -t UTF-8 FILE",
        ),
        (
            |head| utf_32(head, u32::from_be_bytes),
            "UTF-32 (big-endian)",
            "convert it with iconv -f UTF-32BE -t UTF-8 FILE",
        ),
        (
            |head| utf_16(head, u16::from_le_bytes),
            "UTF-16 (little-endian)",
            "convert it with iconv -f UTF-16LE -t UTF-8 FILE",
        ),
        (
            |head| utf_16(head, u16::from_be_bytes),
            "UTF-16 (big-endian)",
            "convert it with iconv -f UTF-16BE -t UTF-8 FILE",
        ),
    ];
    let is_text = |decode: &Decode| decode(head).is_some_and(|text| looks_like_text(&text));
    let found = encodings.iter().find(|(decode, ..)| is_text(decode));
    found.map(|&(_, name, advice)| (name, advice))
}

fn utf_32(head: &[u8], unit: fn([u8; 4]) -> u32) -> Option<String> {
    head.as_chunks().0.iter().map(|&bytes| char::from_u32(unit(bytes))).collect()
}

fn utf_16(head: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let mut units: Vec<u16> = head.as_chunks().0.iter().map(|&bytes| unit(bytes)).collect();
    // The head may end within a pair of surrogates.
    if units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) {
        units.pop();
    }
    String::from_utf16(&units).ok()
}

/// Returns `true` if most of the characters are letters, digits, spaces or common punctuation, as
/// numbers read as characters rarely are.
fn looks_like_text(text: &str) -> bool {
    let is_usual = |c: &char| c.is_alphanumeric() || c.is_whitespace() || c.is_ascii_punctuation();
    let usual = text.chars().filter(is_usual).count();
    let has_ascii = text.chars().any(|c| c.is_ascii() && !c.is_ascii_control());
    has_ascii && !text.contains('\0') && usual * 10 >= text.chars().count() * 9
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seems(head: &[u8]) -> &'static str {
        check(head).unwrap_err().seems
    }

    #[test]
    fn texts_are_text_whatever_their_encoding_in_bytes() {
        let latin_1 = b"caf\xe9 cr\xe8me";
        let bom = "\u{feff}a text".as_bytes();
        for text in [&b""[..], b"a", b"PAR1 is a word", b"BZh", b"GIF", latin_1, bom, b"\x01\xff"] {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn wide_encodings_are_told_with_and_without_a_mark() {
        let text = "Once upon a time, é\u{1F431} there\nwas";
        let units = |text: &str| text.encode_utf16().collect::<Vec<u16>>();
        let le_16 = |text: &str| units(text).iter().flat_map(|u| u.to_le_bytes()).collect();
        let be_16 = |text: &str| units(text).iter().flat_map(|u| u.to_be_bytes()).collect();
        let le_32 = |text: &str| text.chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        let be_32 = |text: &str| text.chars().flat_map(|c| (c as u32).to_be_bytes()).collect();
        type Encode<'a> = &'a dyn Fn(&str) -> Vec<u8>;
        let encodings: [(Encode, &str, &str); 4] = [
            (&le_16, "UTF-16 (little-endian)", "UTF-16LE"),
            (&be_16, "UTF-16 (big-endian)", "UTF-16BE"),
            (&le_32, "UTF-32 (little-endian)", "UTF-32LE"),
            (&be_32, "UTF-32 (big-endian)", "UTF-32BE"),
        ];
        for (encode, name, unmarked) in encodings {
            assert_eq!(seems(&encode(text)), name);
            let marked = encode(&format!("\u{feff}{text}"));
            assert_eq!(seems(&marked), name);
            // iconv finds the order of the bytes in the mark.
            let advice = |from: &str| format!("convert it with iconv -f {from} -t UTF-8 FILE");
            assert_eq!(check(&marked).unwrap_err().advice, advice(&name[..6]));
            assert_eq!(check(&encode(text)).unwrap_err().advice, advice(unmarked));
            assert_eq!(seems(&encode("Привет, мир: это текст")), name);
        }
    }

    #[test]
    fn other_files_are_told_by_their_signature_or_a_zero_byte() {
        assert_eq!(seems(b"\x93NUMPY\x01\0"), "a .npy file (of tokens?)");
        assert_eq!(seems(b"\x1f\x8b\x08"), "gzip");
        assert_eq!(seems(b"PK\x03\x04"), "a zip archive (.zip, .npz, .docx, .pt)");
        let ids: Vec<u8> = (0..400u16).flat_map(|id| (id * 71).to_le_bytes()).collect();
        for head in [&b"text, then\0"[..], &ids] {
            assert_eq!(seems(head), "binary, with a zero byte near its beginning");
        }
    }
}
