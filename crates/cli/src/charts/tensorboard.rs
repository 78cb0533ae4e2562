//! TensorBoard's event files of scalars.
//!
//! A file is a sequence of records, each a length (u64, little-endian), the masked CRC-32C of these
//! 8 bytes, the data, and the masked CRC-32C of the data. The data is a protocol buffer message
//! `Event`. Of its fields these are written: 1 `wall_time` (double), 2 `step` (int64), 3
//! `file_version` (string, in the first event), 5 `summary`, which has a repeated field 1 `value`
//! of 1 `tag` (string) and 2 `simple_value` (float).
//!
//! (tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto)

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};

use crate::run::file_names::EVENT_FILES;
use crate::run::metrics::Metrics;

/// An open event file.
pub struct EventFile {
    path: PathBuf,
    file: File,
    /// The time at which a run without interruptions would have begun, in seconds since 1970.
    began: f64,
}

impl EventFile {
    /// Creates a file in `dir/tensorboard` with the metrics so far, in the place of any earlier
    /// one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(dir: &Path, so_far: &[Metrics]) -> Result<EventFile> {
        let dir = dir.join(EVENT_FILES);
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| dir.display().to_string())?;
        }
        fs::create_dir(&dir).with_context(|| dir.display().to_string())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let began = now - so_far.last().map_or(0.0, |line| line.seconds);
        let path = dir.join(format!("events.out.tfevents.{}.lm", began as u64));
        let file = File::create(&path).with_context(|| path.display().to_string())?;
        let mut events = EventFile { path, file, began };
        let mut first = Vec::new();
        double(&mut first, 1, began);
        bytes(&mut first, 3, b"brain.Event:2");
        events.append(&first)?;
        so_far.iter().try_for_each(|line| events.push(line))?;
        Ok(events)
    }

    /// Appends the scalars of a line of metrics.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn push(&mut self, line: &Metrics) -> Result<()> {
        self.append(&event(self.began + line.seconds, line))
    }

    fn append(&mut self, event: &[u8]) -> Result<()> {
        let written = self.file.write_all(&record(event));
        written.with_context(|| format!("{}: cannot be written", self.path.display()))
    }
}

fn event(wall_time: f64, line: &Metrics) -> Vec<u8> {
    let scalars = [
        ("loss/train", Some(line.train_loss)),
        ("loss/validation", line.val_loss),
        ("optimizer/learning_rate", Some(line.lr)),
        ("optimizer/gradient_norm", Some(line.grad_norm)),
        ("speed/tokens_per_second", Some(line.tokens_per_second)),
        ("progress/tokens", Some(line.tokens as f64)),
    ];
    let mut summary = Vec::new();
    for (tag, value) in scalars {
        let Some(value) = value else { continue };
        let mut scalar = Vec::new();
        bytes(&mut scalar, 1, tag.as_bytes());
        key(&mut scalar, 2, 5);
        scalar.extend((value as f32).to_le_bytes());
        bytes(&mut summary, 1, &scalar);
    }
    let mut event = Vec::new();
    double(&mut event, 1, wall_time);
    key(&mut event, 2, 0);
    varint(&mut event, line.step);
    bytes(&mut event, 5, &summary);
    event
}

/// Appends a field's number and the encoding of its value: 0 varint, 1 eight bytes, 2 length and
/// bytes, 5 four bytes.
fn key(out: &mut Vec<u8>, field: u64, wire_type: u64) {
    varint(out, field << 3 | wire_type);
}

/// Appends seven bits per byte, the lowest first; the eighth bit is set if more follow.
fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, 1);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, value: &[u8]) {
    key(out, field, 2);
    varint(out, value.len() as u64);
    out.extend(value);
}

fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let checksum = |bytes| masked(crc32c(bytes)).to_le_bytes();
    [&length[..], &checksum(&length), data, &checksum(data)].concat()
}

/// Masks a checksum as TensorFlow does, because the CRC of data that contains CRCs is weak.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Returns the CRC-32C (Castagnoli, RFC 3720), bit by bit: a few hundred bytes per logged step need
/// no table.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(step: u64, val_loss: Option<f64>) -> Metrics {
        Metrics {
            step,
            tokens: step * 64,
            train_loss: 2.5,
            val_loss,
            lr: 0.5,
            grad_norm: 1.0,
            tokens_per_second: 9.0,
            seconds: step as f64,
        }
    }

    #[test]
    fn checksums_of_rfc_3720() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(masked(0), 0xa282_ead8);
        assert_eq!(masked(0x8000), 0xa282_ead9);
    }

    #[test]
    fn numbers_of_more_than_seven_bits() {
        let written = |value| {
            let mut out = Vec::new();
            varint(&mut out, value);
            out
        };
        assert_eq!(written(127), [0x7f]);
        assert_eq!(written(300), [0xac, 0x02]);
        assert_eq!(written(u64::MAX).len(), 10);
    }

    #[test]
    fn a_file_is_whole_records_and_a_new_one_replaces_it() {
        let dir = tempfile::tempdir().unwrap();
        EventFile::create(dir.path(), &[line(1, None)]).unwrap();
        let mut events = EventFile::create(dir.path(), &[line(1, None)]).unwrap();
        events.push(&line(300, Some(3.5))).unwrap();
        let files: Vec<_> = fs::read_dir(dir.path().join(EVENT_FILES)).unwrap().collect();
        assert_eq!(files.len(), 1);
        let file = fs::read(files[0].as_ref().unwrap().path()).unwrap();
        let (mut rest, mut records) = (&file[..], Vec::new());
        while !rest.is_empty() {
            let length = u64::from_le_bytes(rest[..8].try_into().unwrap()) as usize;
            let data = &rest[12..12 + length];
            assert_eq!(rest[..16 + length], record(data));
            records.push(data);
            rest = &rest[16 + length..];
        }
        assert_eq!(records.len(), 3, "the version and two lines");
        assert!(records[0].ends_with(b"brain.Event:2"));
        let has = |record: &[u8], tag: &[u8]| record.windows(tag.len()).any(|part| part == tag);
        assert!(has(records[1], b"loss/train") && !has(records[1], b"loss/validation"));
        // Field 2 of a value, four bytes: 3.5.
        let value = [&b"loss/validation\x15"[..], &3.5f32.to_le_bytes()].concat();
        assert!(has(records[2], &value));
        assert_eq!(records[2][9..12], [0x10, 0xac, 0x02], "step 300");
    }
}
