//! Copies a file's bytes as the file system can: as shared extents where it has those, else without filling its holes.

use std::{fs::File, io};

/// Makes an empty file hold what another one holds.
///
/// # Errors
/// What the system says.
#[cfg(target_os = "linux")]
pub(crate) fn copy(from: &File, to: &File) -> io::Result<()> {
    use rustix::{
        fs::{SeekFrom, ioctl_ficlone, seek},
        io::Errno,
    };
    if ioctl_ficlone(to, from).is_ok() {
        return Ok(());
    }
    let (size, mut at) = (from.metadata()?.len(), 0);
    to.set_len(size)?;
    while at < size {
        let (start, end) = match seek(from, SeekFrom::Data(at)) {
            // Nothing but a hole follows.
            Err(Errno::NXIO) => return Ok(()),
            Ok(start) => (start, seek(from, SeekFrom::Hole(start))?),
            // This file system knows no holes.
            Err(_) => (at, size),
        };
        copy_range(from, to, start, end)?;
        at = end;
    }
    Ok(())
}

/// Copies bytes from one place to the same place, within the kernel where it can.
#[cfg(target_os = "linux")]
fn copy_range(from: &File, to: &File, start: u64, end: u64) -> io::Result<()> {
    use std::os::unix::fs::FileExt;
    let (mut at, mut buffer) = (start, Vec::new());
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        let (mut source, mut target) = (at, at);
        let copied = match rustix::fs::copy_file_range(from, Some(&mut source), to, Some(&mut target), left) {
            Ok(copied) => copied,
            Err(_) => {
                buffer.resize(BUFFER, 0);
                let read = from.read_at(&mut buffer[..BUFFER.min(left)], at)?;
                to.write_all_at(&buffer[..read], at)?;
                read
            }
        };
        if copied == 0 {
            // Somebody made it shorter meanwhile.
            return to.set_len(at);
        }
        at += copied as u64;
    }
    Ok(())
}

/// As much is copied at once where the kernel cannot, in bytes.
#[cfg(target_os = "linux")]
const BUFFER: usize = 256 * 1024;

/// Makes an empty file hold what another one holds.
///
/// # Errors
/// What the system says.
#[cfg(not(target_os = "linux"))]
pub fn copy(from: &File, to: &File) -> io::Result<()> {
    let (mut from, mut to) = (from, to);
    io::copy(&mut from, &mut to).map(drop)
}
