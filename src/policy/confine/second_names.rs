//! Other names of denied places: one file system, or a part of one, can be mounted at several places.

use crate::policy::paths::{Identity, Kind, Present};
use rustix::{
    fs::{AtFlags, CWD, FileType},
    io::Errno,
};
use std::{
    collections::HashMap,
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStringExt,
    path::{Path, PathBuf},
};

/// A line of proc_pid_mountinfo(5).
struct Mount {
    number: u64,
    /// Which file system.
    device: String,
    /// Which part of it.
    root: PathBuf,
    point: PathBuf,
}

/// The places at which what is present is seen as well, or a part of it.
///
/// # Errors
/// When the system does not say what is mounted, or what is at such a place.
#[expect(clippy::disallowed_methods, reason = "a file of the kernel's")]
pub(crate) fn second_names(present: &[Present]) -> io::Result<Vec<Present>> {
    let table = fs::read("/proc/self/mountinfo")?;
    let mounts: Vec<Mount> = table.split(|byte| *byte == b'\n').filter_map(Mount::parse).collect();
    let by_number: HashMap<u64, &Mount> = mounts.iter().map(|mount| (mount.number, mount)).collect();
    let mut by_device: HashMap<&str, Vec<&Mount>> = HashMap::new();
    for mount in &mounts {
        by_device.entry(&mount.device).or_default().push(mount);
    }
    let mut names = Vec::new();
    for place in present {
        let Some(own) = place.mount.and_then(|number| by_number.get(&number)) else { continue };
        let Ok(below) = place.path.strip_prefix(&own.point) else { continue };
        let inside = join(&own.root, below);
        for other in by_device[own.device.as_str()].iter().filter(|other| other.number != own.number) {
            names.extend(other.name_of(place, &inside)?);
        }
    }
    Ok(names)
}

impl Mount {
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|byte| *byte == b' ');
        let mut next = || fields.next();
        let number = std::str::from_utf8(next()?).ok()?.parse().ok()?;
        let device = String::from_utf8(next().and_then(|_| next())?.to_vec()).ok()?;
        Some(Self { number, device, root: path(next()?), point: path(next()?) })
    }

    /// How a place, which lies at `inside` in this file system, is called here.
    fn name_of(&self, place: &Present, inside: &Path) -> io::Result<Option<Present>> {
        // What lies in a denied place is denied with it.
        let is_another = |path: &Path| !path.starts_with(&place.path);
        if let Ok(below) = inside.strip_prefix(&self.root) {
            let path = join(&self.point, below);
            let is_it = || Ok::<_, io::Error>(look(&path)?.is_some_and(|(identity, _)| identity == place.identity));
            return Ok((is_another(&path) && is_it()?).then(|| Present { path, ..place.clone() }));
        }
        if self.root.starts_with(inside) && is_another(&self.point) {
            // A part of it.
            let found = look(&self.point)?;
            return Ok(found.map(|(identity, kind)| Present {
                path: self.point.clone(),
                identity,
                kind,
                ..place.clone()
            }));
        }
        Ok(None)
    }
}

/// What has a name. What may not be seen by this user is mounted by the superuser where no program gets at it.
#[expect(clippy::disallowed_methods, reason = "a mount of the kernel's list, of which nothing is opened")]
fn look(path: &Path) -> io::Result<Option<(Identity, Kind)>> {
    match rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => {
            let is_folder = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
            Ok(Some(((stat.st_dev, stat.st_ino), if is_folder { Kind::Folder } else { Kind::Special })))
        }
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
        Err(error) => Err(io::Error::other(format!("{} cannot be looked at: {error}", path.display()))),
    }
}

fn join(place: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { place.to_owned() } else { place.join(below) }
}

/// The kernel writes blanks and the like as octal numbers.
fn path(text: &[u8]) -> PathBuf {
    let (mut bytes, mut rest) = (Vec::new(), text);
    while let Some((first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| *first == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read_with_its_blanks() {
        let line = br"36 35 98:0 /mnt1\040x /mnt2\134 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        let mount = Mount::parse(line).unwrap();
        assert_eq!((mount.number, mount.device.as_str()), (36, "98:0"));
        assert_eq!((mount.root.as_path(), mount.point.as_path()), (Path::new("/mnt1 x"), Path::new("/mnt2\\")));
    }
}
