//! What a file held when a change of it was made, so that nothing is lost of what other programs add to it meanwhile.
//!
//! No lock is heeded by other programs. So the file is looked at once more right before another one takes its place, and
//! what came behind the content that is known goes behind the new one.

use crate::{
    error::Error,
    filesystem::{appenders::may_be_written, digest},
    policy::paths::{Directory, Found, look_at},
};
use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    time::{Duration, Instant},
};

/// How long a program that has the old file open to write to it is waited for. One that keeps it open longer is no program
/// that opens it for each line.
const LATE: Duration = Duration::from_millis(100);

/// How long to wait between two looks at it.
const BETWEEN: Duration = Duration::from_millis(1);

/// A file as it was when it was read.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    found: Found,
    size: u64,
    sha256: String,
}

/// What has the name is no longer what the change was made from: nothing was changed.
#[derive(Debug, thiserror::Error)]
#[error("the file was changed after it was read")]
pub struct ChangedSince;

impl ChangedSince {
    /// Whether it is the cause of an error.
    pub fn is_cause(error: &Error) -> bool {
        let Error::Internal(cause) = error else { return false };
        let cause = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause.is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

impl From<ChangedSince> for io::Error {
    fn from(cause: ChangedSince) -> Self {
        Self::other(cause)
    }
}

impl Basis {
    /// The file that was `found`, of which `size` bytes with this digest were read afterwards.
    pub(crate) fn new(found: Found, size: u64, sha256: String) -> Self {
        Self { found, size, sha256 }
    }

    /// Fails unless what was read later has the same digest.
    ///
    /// # Errors
    /// [`ChangedSince`].
    pub(crate) fn is_same(&self, sha256: &str) -> io::Result<()> {
        if self.sha256 == sha256 { Ok(()) } else { Err(ChangedSince.into()) }
    }

    /// Fails unless what has the name is still that file, untouched.
    ///
    /// # Errors
    /// [`ChangedSince`], and what the system says.
    pub(crate) fn check(&self, holder: &Directory, name: &OsStr) -> io::Result<()> {
        match holder.look(name) {
            Ok(now) if self.is_untouched(&now) => Ok(()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Err(ChangedSince.into()),
        }
    }

    /// Lets `rename` put another file in its place, and passes on what others added until then.
    ///
    /// # Errors
    /// [`ChangedSince`], and what the system says; the file is in its place then.
    pub(crate) fn give_way(
        &self,
        holder: &Directory,
        name: &OsStr,
        durable: bool,
        rename: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<()> {
        let (mut old, _) = holder.open(name).map_err(gone)?;
        if !self.begins(&mut old)? || holder.look(name).map_err(gone)?.identity != self.found.identity {
            return Err(ChangedSince.into());
        }
        rename()?;
        if durable {
            let _ = holder.sync();
        }
        if let Err(error) = self.pass_on(&mut old, holder, name) {
            tracing::warn!(%error, name = %name.display(), "what came while a file was replaced is lost");
        }
        Ok(())
    }

    /// What others added to the open file.
    ///
    /// # Errors
    /// [`ChangedSince`], and what the system says.
    pub(crate) fn rest(&self, file: &mut File) -> io::Result<Vec<u8>> {
        if !self.begins(file)? {
            return Err(ChangedSince.into());
        }
        let mut rest = Vec::new();
        file.seek(SeekFrom::Start(self.size))?;
        file.read_to_end(&mut rest)?;
        Ok(rest)
    }

    /// Whether an open file begins with what was read. It is read again only where it was touched.
    fn begins(&self, file: &mut File) -> io::Result<bool> {
        let now = look_at(file)?;
        if self.is_untouched(&now) {
            return Ok(true);
        }
        if now.identity != self.found.identity || now.size < self.size {
            return Ok(false);
        }
        file.rewind()?;
        Ok(digest::of_reader(file.take(self.size))?.0 == self.sha256)
    }

    fn is_untouched(&self, now: &Found) -> bool {
        now.is_still(&self.found) && now.size == self.size
    }

    /// Who had opened the old file right before may not have written to it yet.
    fn pass_on(&self, old: &mut File, holder: &Directory, name: &OsStr) -> io::Result<()> {
        let (mut known, end) = (self.size, Instant::now() + LATE);
        loop {
            // Asked first: what is written after that is read in the next turn.
            let may_grow = may_be_written(old) && Instant::now() < end;
            if look_at(old)?.size > known {
                let (mut new, _) = holder.open_to_append(name)?;
                old.seek(SeekFrom::Start(known))?;
                known += io::copy(old, &mut new)?;
                new.sync_data()?;
            }
            if !may_grow {
                return Ok(());
            }
            std::thread::sleep(BETWEEN);
        }
    }
}

fn gone(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::NotFound { ChangedSince.into() } else { error }
}
