//! The vectors of the entries, in the process and in a file beside the index.
//!
//! A number is one byte: a vector of 384 takes as much room as its entry, and the angle between two changes by less than
//! a hundredth. The file can always be made again, so it is written without waiting for the disk.
#![expect(clippy::disallowed_methods, reason = "the file is the bridge's own, not a path that a caller names")]

use crate::policy::private;
use serde::{Deserialize, Serialize};
use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

/// What the file begins with, on a line of its own.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    model: String,
    length: usize,
}

/// Vectors by what [`key`] makes of a content.
pub(crate) struct Vectors {
    model: String,
    length: usize,
    places: HashMap<u64, usize>,
    scales: Vec<f32>,
    numbers: Vec<i8>,
    file: File,
}

impl Vectors {
    /// Opens the file, or makes it. What another model made is forgotten.
    ///
    /// # Errors
    /// When the file cannot be opened or read.
    pub(crate) fn open(path: &Path, model: &str) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).read(true).write(true);
        let mut file = private::only_owner(&mut options).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let mut vectors =
            Self { model: model.to_owned(), length: 0, places: HashMap::new(), scales: vec![], numbers: vec![], file };
        vectors.read(&bytes);
        Ok(vectors)
    }

    fn read(&mut self, bytes: &[u8]) {
        let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else { return };
        let Ok(header) = serde_json::from_slice::<Header>(&bytes[..end]) else { return };
        if header.model != self.model || header.length == 0 {
            return;
        }
        self.length = header.length;
        let record = 12 + self.length;
        let records = bytes[end + 1..].chunks_exact(record);
        for one in records {
            let (key, rest) = one.split_at(8);
            let (scale, numbers) = rest.split_at(4);
            let key = u64::from_le_bytes(key.try_into().expect("eight bytes"));
            let scale = f32::from_le_bytes(scale.try_into().expect("four bytes"));
            self.keep(key, scale, numbers.iter().map(|&byte| byte.cast_signed()));
        }
        // An unfinished record at the end is written over.
        let whole = end + 1 + self.scales.len() * record;
        let _ = self.file.set_len(whole as u64).and_then(|()| self.file.seek(SeekFrom::End(0)));
    }

    /// How many contents have a vector.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether a content's vector is known.
    pub(crate) fn contains(&self, key: u64) -> bool {
        self.places.contains_key(&key)
    }

    /// Takes vectors of length 1, in the process first. Vectors of another length than before replace all.
    ///
    /// # Errors
    /// When the file cannot be written; the process has them anyway.
    pub(crate) fn add(&mut self, keys: &[u64], vectors: &[Vec<f32>]) -> io::Result<()> {
        let length = vectors.first().map_or(0, Vec::len);
        let mut bytes = Vec::new();
        let begins = length != self.length;
        if begins {
            *self = Self {
                model: std::mem::take(&mut self.model),
                length,
                places: HashMap::new(),
                scales: vec![],
                numbers: vec![],
                file: self.file.try_clone()?,
            };
            serde_json::to_writer(&mut bytes, &Header { model: self.model.clone(), length })?;
            bytes.push(b'\n');
        }
        for (&key, vector) in keys.iter().zip(vectors) {
            let largest = vector.iter().fold(0.0_f32, |largest, number| largest.max(number.abs()));
            let scale = largest.max(f32::MIN_POSITIVE) / 127.0;
            let numbers: Vec<i8> = vector.iter().map(|number| (number / scale).round() as i8).collect();
            bytes.extend(key.to_le_bytes());
            bytes.extend(scale.to_le_bytes());
            bytes.extend(numbers.iter().map(|number| number.cast_unsigned()));
            self.keep(key, scale, numbers.into_iter());
        }
        if begins {
            self.file.set_len(0)?;
        }
        self.file.seek(SeekFrom::End(0))?;
        self.file.write_all(&bytes)
    }

    fn keep(&mut self, key: u64, scale: f32, numbers: impl Iterator<Item = i8>) {
        self.places.insert(key, self.scales.len());
        self.scales.push(scale);
        self.numbers.extend(numbers);
    }

    /// The cosine between a content and a question whose vector has length 1.
    pub(crate) fn similarity(&self, key: u64, question: &[f32]) -> Option<f32> {
        let place = *self.places.get(&key)?;
        if question.len() != self.length {
            return None;
        }
        let numbers = &self.numbers[place * self.length..][..self.length];
        let sum: f32 = numbers.iter().zip(question).map(|(&number, wanted)| f32::from(number) * wanted).sum();
        Some(sum * self.scales[place])
    }
}
