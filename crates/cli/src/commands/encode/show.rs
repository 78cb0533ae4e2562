//! `--text`: the tokens of a text, for people to look at.

use std::io::{self, Read, Write};
use std::path::Path;

use anyhow::{Context, Result};
use bpe::Tokenizer;
use serde_json::json;

use super::args::Args;
use crate::data::text_input::{Accept, TextSource, is_stdin};
use crate::shell::color::{self, Stream};
use crate::shell::interrupt;
use crate::shell::stdout::print;

/// Prints the ids of `text` (`-`: of standard input) to standard output, and its pieces to standard
/// error; with `--json` both to standard output, with `--count` the number of ids only.
pub(super) fn run(tokenizer: &Tokenizer, text: &str, args: &Args) -> Result<()> {
    let mut bytes = text.as_bytes().to_vec();
    if is_stdin(Path::new(text)) {
        interrupt::install()?;
        bytes.clear();
        let source = TextSource::new(Path::new(text), Accept::Text)?;
        source.open()?.read_to_end(&mut bytes).context("--text: standard input")?;
    }
    let ids = tokenizer.encode(&bytes).context("--text")?;
    let pieces = || ids.iter().map(|&id| Ok(tokenizer.token(id)?)).collect::<Result<Vec<_>>>();
    match (args.count, args.json) {
        (true, true) => print(format!("{}\n", json!({"tokens": ids.len()}))),
        (true, false) => print(format!("{}\n", ids.len())),
        (false, true) => {
            let pieces: Vec<String> = pieces()?.into_iter().map(whole_or_escaped).collect();
            print(format!("{}\n", json!({"ids": ids, "pieces": pieces})))
        }
        (false, false) => {
            if !args.common.quiet {
                let shown = show(&pieces()?, Paint::detect());
                // As for log lines, nothing can be done if standard error is closed.
                let _ = writeln!(io::stderr(), "{shown}");
            }
            let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
            print(ids.join(" ") + "\n")
        }
    }
}

/// The means to tell pieces apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paint {
    /// Backgrounds in turn.
    Colors,
    /// Bars between them.
    Bars,
}

impl Paint {
    /// Returns colors if standard error has them.
    fn detect() -> Paint {
        if color::enabled(Stream::Stderr) { Paint::Colors } else { Paint::Bars }
    }
}

/// Light backgrounds of the 256-color palette; black letters stand on them.
const BACKGROUNDS: [u8; 5] = [183, 157, 223, 217, 117];

fn show(pieces: &[&[u8]], paint: Paint) -> String {
    let pieces = pieces.iter().map(|piece| on_one_line(piece));
    match paint {
        Paint::Bars => pieces.collect::<Vec<_>>().join("|"),
        Paint::Colors => {
            let painted = pieces.zip(BACKGROUNDS.iter().cycle()).map(|(piece, background)| {
                format!("\u{1b}[38;5;16;48;5;{background}m{piece}\u{1b}[0m")
            });
            painted.collect()
        }
    }
}

/// Formats a piece so that it stays on its line: line ends, other control characters and bytes
/// that are no whole character are escaped.
fn on_one_line(piece: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in piece.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\\' => shown.push_str("\\\\"),
                c if c.is_control() => shown.extend(c.escape_default()),
                c => shown.push(c),
            }
        }
        shown.push_str(&escaped(chunk.invalid()));
    }
    shown
}

/// Returns a piece as it is; if it is not made of whole characters, with the others and backslashes
/// escaped.
fn whole_or_escaped(piece: &[u8]) -> String {
    if let Ok(whole) = std::str::from_utf8(piece) {
        return whole.into();
    }
    let chunks = piece.utf8_chunks();
    let parts = chunks.map(|part| part.valid().replace('\\', "\\\\") + &escaped(part.invalid()));
    parts.collect()
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_stay_on_their_line_and_can_be_told_apart() {
        let pieces: [&[u8]; 5] = [b"The", b" cat\n", "é".as_bytes(), &[0xe6, 0x97], b"a\\b\x1b"];
        assert_eq!(show(&pieces, Paint::Bars), "The| cat\\n|é|\\xe6\\x97|a\\\\b\\u{1b}");
        let painted = show(&pieces[..2], Paint::Colors);
        assert_eq!(painted.matches("\u{1b}[0m").count(), 2);
        assert!(painted.starts_with("\u{1b}[38;5;16;48;5;183mThe\u{1b}[0m"), "{painted}");
        assert_eq!(show(&[], Paint::Colors), "");
    }

    #[test]
    fn in_json_whole_pieces_are_as_they_are() {
        assert_eq!(whole_or_escaped(b" cat\n\\"), " cat\n\\");
        assert_eq!(whole_or_escaped(&[b'\\', 0xe6, 0x97]), "\\\\\\xe6\\x97");
    }
}
