//! The bridge's own files: readable by the user that runs it and by no one else.
#![expect(clippy::disallowed_methods, reason = "these are the bridge's own files, not paths that a caller names")]

use super::{Directory, Found};
use std::{
    ffi::OsStr,
    fs::{DirBuilder, OpenOptions},
    io,
    path::Path,
};

/// Makes a folder and those above it, each new one for the owner only (0700). One that is there is left as it is.
///
/// # Errors
/// When something that is no folder has the name, or the system refuses.
pub fn create_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Takes from others what they may do with the bridge's own files in `folder`, and with it: a clone or an earlier
/// program may have made them readable to all. What cannot be changed is said in the log.
pub fn restrict_permissions(folder: &Path) {
    restrict_to_owner(folder);
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => restrict_permissions(&entry.path()),
            _ => restrict_to_owner(&entry.path()),
        }
    }
}

/// Takes from others what they may do with one file. A link is left as it is, and so is what it leads to.
pub fn restrict_to_owner(path: &Path) {
    #[cfg(unix)]
    if let Err(error) = take_from_others(path) {
        tracing::warn!(path = %path.display(), %error, "others may read this file of the bridge");
    }
    #[cfg(not(unix))]
    let _ = path;
}

#[cfg(unix)]
fn take_from_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let found = std::fs::symlink_metadata(path)?;
    let mode = found.permissions().mode();
    if found.is_symlink() || mode & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & !0o077))
}

/// Reads a file of the bridge's own in a folder that is held open: a regular file of no other name, which is the bridge's
/// user's or the superuser's, and which nobody else can write. None where there is none.
///
/// # Errors
/// When it is something else, somebody else's, or cannot be read.
pub fn read_own(folder: &Directory, name: &str) -> io::Result<Option<String>> {
    use io::Read;
    let name = OsStr::new(name);
    let refused = |flaw| Err(io::Error::new(io::ErrorKind::PermissionDenied, flaw));
    match folder.look(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(found) if !found.is_file() => return refused("it is no plain file: put the file itself there, not a link"),
        _ => {}
    }
    let (mut file, found) = folder.open(name)?;
    if let Some(flaw) = flaw(&found) {
        return refused(flaw);
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(Some(text))
}

/// Whether a folder belongs to this user, who can allow itself to write there.
pub fn is_own(folder: &Directory) -> bool {
    #[cfg(unix)]
    let is_own = |found: Found| found.owner.0 == rustix::process::geteuid().as_raw();
    #[cfg(not(unix))]
    let is_own = |_: Found| true;
    folder.fstat().is_ok_and(is_own)
}

/// Why a file is not trusted.
#[cfg(unix)]
fn flaw(found: &Found) -> Option<&'static str> {
    let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let is_others = found.owner.0 != user && found.owner.0 != 0;
    let by_others = found.mode & 0o002 != 0 || (found.mode & 0o020 != 0 && found.owner.1 != group);
    match (is_others, by_others) {
        _ if found.names > 1 => {
            Some("it has another name, by which commands can write it: find that (ls -i) and remove it")
        }
        (true, _) => Some("it belongs to another user: chown it to yours"),
        (_, true) => Some("other users may write it: chmod 600 it, and look at what is in it"),
        _ => None,
    }
}

#[cfg(not(unix))]
fn flaw(_: &Found) -> Option<&'static str> {
    None
}

/// A file that these options create is for the owner only (0600).
pub fn only_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// Replaces a file of the bridge's own as a whole: a temporary file beside it, fsync, rename, fsync of the folder.
///
/// # Errors
/// When the system refuses; the old file is whole then.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
    temporary.write_all(content)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Writes over a part of a file of the bridge's own, and waits for the disk. Only for few bytes, which come as a whole or
/// not at all.
///
/// # Errors
/// When it is no regular file, or the system refuses.
pub fn overwrite(folder: &Directory, name: &str, at: u64, bytes: &[u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom, Write};
    let (mut file, _) = folder.open_to_write(OsStr::new(name))?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes a rename or a new name in `folder` durable.
///
/// # Errors
/// When the system refuses.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Makes everything on a folder's file system durable: of many files this is quicker than each by itself.
///
/// # Errors
/// When the system refuses.
pub fn sync_file_system(folder: &Path) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(std::fs::File::open(folder)?)?;
    #[cfg(all(unix, not(target_os = "linux")))]
    rustix::fs::sync();
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}
