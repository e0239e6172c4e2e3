//! What is mounted where it is.
#![expect(clippy::disallowed_methods, reason = "this is where checked paths are looked at")]

use super::Directory;
use std::{ffi::OsStr, io};

/// Whether the thing of this name is a mount of its own, as far as the system tells.
///
/// # Errors
/// What the system says.
#[cfg(target_os = "linux")]
pub fn is_mount(holder: &Directory, name: &OsStr) -> io::Result<bool> {
    use rustix::{
        fs::{AtFlags, StatxAttributes, StatxFlags, statx},
        io::Errno,
    };
    match statx(holder, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::empty()) {
        Ok(looked) => Ok(looked.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
        Err(Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether the thing of this name is a mount of its own: here the system does not tell.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn is_mount(_: &Directory, _: &OsStr) -> io::Result<bool> {
    Ok(false)
}
