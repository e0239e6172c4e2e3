//! A reader that gives no more than it was allowed to: whoever reads what an archive says of itself cannot be made to hold
//! more than that.

use std::{
    cell::{Cell, RefCell},
    io::{self, Read},
};

/// The reader. It is read through a reference, so that another may be allowed between two reads.
pub struct Metered<R> {
    inner: RefCell<R>,
    left: Cell<u64>,
}

impl<R: Read> Metered<R> {
    /// Nothing is allowed yet.
    pub fn new(inner: R) -> Self {
        Self { inner: RefCell::new(inner), left: Cell::new(0) }
    }

    /// Allows `bytes` from here on.
    pub fn allow(&self, bytes: u64) {
        self.left.set(bytes);
    }

    /// How many bytes of those that were allowed were not read.
    pub fn left(&self) -> u64 {
        self.left.get()
    }
}

impl<R: Read> Read for &Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left()).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 && !buffer.is_empty() {
            return Err(io::Error::other("its headers and names are longer than 1 MiB for one file"));
        }
        let read = self.inner.borrow_mut().read(&mut buffer[..most])?;
        self.left.set(self.left() - read as u64);
        Ok(read)
    }
}
