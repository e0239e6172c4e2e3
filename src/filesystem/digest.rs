//! SHA-256 of files: what a caller compares to know that a file is still the one it read.

use sha2::{Digest as _, Sha256};
use std::io::{self, Read};

/// As much is read at once, in bytes.
const CHUNK: usize = 256 * 1024;

/// The SHA-256 of bytes, in lower-case hexadecimal.
pub(crate) fn of(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The SHA-256 and the length of all that a reader gives.
///
/// # Errors
/// What reading says.
pub(crate) fn of_reader(mut reader: impl Read) -> io::Result<(String, u64)> {
    let (mut hasher, mut length, mut buffer) = (Sha256::new(), 0, vec![0; CHUNK]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((hexadecimal(&hasher.finalize()), length)),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                length += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Passes bytes on and digests them on the way.
pub(crate) struct Digesting<W> {
    inner: W,
    hasher: Sha256,
    length: u64,
}

impl<W> Digesting<W> {
    /// Over `inner`.
    pub(crate) fn new(inner: W) -> Self {
        Self { inner, hasher: Sha256::new(), length: 0 }
    }

    /// What is underneath, the digest and the length.
    pub(crate) fn finish(self) -> (W, String, u64) {
        (self.inner, hexadecimal(&self.hasher.finalize()), self.length)
    }
}

impl<W: io::Write> io::Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.length += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|half| char::from(b"0123456789abcdef"[usize::from(half)]))
        .collect()
}
