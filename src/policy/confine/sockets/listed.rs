//! The sockets with a name that somebody can be reached through, as the kernel lists them for this network namespace.
#![expect(clippy::disallowed_methods, reason = "the system's view of its sockets")]

use crate::policy::confine::sock_diag::{dump, number};
use rustix::fs::{major, minor};
use std::{ffi::OsStr, fs, io, os::unix::ffi::OsStrExt, path::PathBuf};

/// The states of the kernel's `tcp_states.h`: connected, bound alone, listening.
const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;

/// What is to be shown of each: its name, and the file (`UDIAG_SHOW_NAME`, `UDIAG_SHOW_VFS`, linux/unix_diag.h).
const SHOW: u32 = 1 | 2;

/// The kinds of attributes of an answer: `UNIX_DIAG_NAME`, `UNIX_DIAG_VFS`.
const NAME: u16 = 0;
const FILE: u16 = 1;

/// The sizes of `struct unix_diag_req` and `struct unix_diag_msg`.
const REQUEST: usize = 24;
const MESSAGE: usize = 16;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The socket's own number, by which descriptors name it.
    pub number: u64,
    /// Its file, where the kernel tells.
    pub file: Option<ListedFile>,
    /// The name that it was bound to, as its program wrote it: it may be relative, or have been moved since.
    pub name: PathBuf,
}

/// The file of a listed socket, as the kernel tells it: the lower 32 bits of its number, and the device of its file system
/// in the kernel's own form (linux/kdev_t.h). Some file systems tell programs another device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListedFile {
    pub number: u32,
    pub device: u32,
}

impl ListedFile {
    /// The file of a number on a device, as programs are told of them.
    pub(crate) fn of(device: u64, number: u64) -> Self {
        Self { number: number as u32, device: major(device) << 20 | minor(device) }
    }
}

/// All with a name on the disk, in the order of their numbers.
///
/// # Errors
/// When the system does not say: what nobody knows cannot be covered.
pub(crate) fn listed() -> io::Result<Vec<Listed>> {
    let mut all = ask().or_else(|_| fs::read_to_string("/proc/net/unix").map(|table| of_table(&table)))?;
    all.sort_by_key(|socket| socket.number);
    Ok(all)
}

/// The sockets that a process's network namespace lists.
pub(crate) fn listed_for(process: u32) -> Vec<Listed> {
    fs::read_to_string(format!("/proc/{process}/net/unix")).map(|table| of_table(&table)).unwrap_or_default()
}

fn ask() -> io::Result<Vec<Listed>> {
    let mut request = [0_u8; REQUEST];
    request[0] = libc::AF_UNIX as u8;
    let states = 1_u32 << ESTABLISHED | 1 << CLOSE | 1 << LISTEN;
    request[4..8].copy_from_slice(&states.to_ne_bytes());
    request[12..16].copy_from_slice(&SHOW.to_ne_bytes());
    let mut all = Vec::new();
    dump(&request, |answer| all.extend(socket(answer)))?;
    Ok(all)
}

/// An answer: the message, then attributes, each with its length and its kind.
fn socket(answer: &[u8]) -> Option<Listed> {
    let (kind, state) = (*answer.get(1)?, *answer.get(2)?);
    if state == ESTABLISHED && i32::from(kind) != libc::SOCK_DGRAM {
        // It takes nothing from others. One for datagrams counts as connected as soon as anyone has connected to it.
        return None;
    }
    let (mut name, mut file) = (None, None);
    let mut rest = answer.get(MESSAGE..)?;
    while let Some(head) = rest.get(..4) {
        let (size, what) = (u16::from_ne_bytes([head[0], head[1]]).into(), u16::from_ne_bytes([head[2], head[3]]));
        let value = rest.get(4..size)?;
        match what {
            NAME => name = on_disk(value),
            FILE => file = number(value, 0).zip(number(value, 4)).map(|(number, device)| ListedFile { number, device }),
            _ => {}
        }
        rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
    }
    Some(Listed { number: number(answer, 4)?.into(), file, name: name? })
}

/// The name without what ends it; none for one that is not on the disk.
fn on_disk(name: &[u8]) -> Option<PathBuf> {
    let name = name.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())?;
    Some(PathBuf::from(OsStr::from_bytes(name)))
}

/// The same from the table: number, count, protocol, flags, type, state, inode, name.
fn of_table(table: &str) -> Vec<Listed> {
    table.lines().skip(1).filter_map(of_line).collect()
}

fn of_line(line: &str) -> Option<Listed> {
    /// `__SO_ACCEPTCON` and `SS_UNCONNECTED` of the kernel's headers.
    const LISTENS: u32 = 1 << 16;
    const UNCONNECTED: u32 = 1;
    let fields: Vec<&str> = line.split_ascii_whitespace().take(7).collect();
    let hexadecimal = |at: usize| u32::from_str_radix(fields.get(at)?, 16).ok();
    let takes_datagrams = hexadecimal(4)? == libc::SOCK_DGRAM.unsigned_abs();
    let is_reachable = takes_datagrams || hexadecimal(3)? & LISTENS != 0 || hexadecimal(5)? == UNCONNECTED;
    // A name may hold blanks.
    let inode = *fields.get(6)?;
    let after = inode.as_ptr().addr() - line.as_ptr().addr() + inode.len();
    let name = line.get(after + 1..).filter(|name| !name.is_empty() && !name.starts_with('@'))?;
    is_reachable.then(|| Some(Listed { number: inode.parse().ok()?, file: None, name: name.into() }))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::{
        fs::MetadataExt,
        net::{UnixDatagram, UnixListener, UnixStream},
    };

    #[test]
    fn the_kernel_and_its_table_name_the_same_sockets() {
        let scratch = tempfile::tempdir().unwrap();
        let path = |name: &str| scratch.path().join(name);
        let _stream = UnixListener::bind(path("a stream")).unwrap();
        let _datagram = UnixDatagram::bind(path("datagram")).unwrap();
        let _connected = UnixStream::connect(path("a stream")).unwrap();
        let sender = UnixDatagram::unbound().unwrap();
        sender.connect(path("datagram")).unwrap();
        let ours = |all: Vec<Listed>| {
            let ours = all.into_iter().filter(|socket| socket.name.starts_with(scratch.path()));
            let mut ours: Vec<_> = ours.map(|socket| (socket.number, socket.name)).collect();
            ours.sort();
            ours
        };
        let names = |all: Vec<(u64, PathBuf)>| all.into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        let table = fs::read_to_string("/proc/net/unix").unwrap();
        let asked = ours(ask().unwrap());
        assert_eq!(asked, ours(of_table(&table)));
        assert_eq!(names(asked), [path("a stream"), path("datagram")]);
        let file = fs::metadata(path("datagram")).unwrap();
        let file = ListedFile::of(file.dev(), file.ino());
        let found = ask().unwrap().into_iter().find(|socket| socket.name == path("datagram")).unwrap();
        assert_eq!(found.file, Some(file));
    }
}
