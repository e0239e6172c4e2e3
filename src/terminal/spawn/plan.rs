//! What a supervisor is told of its program: made by the server, read in a process that may not allocate.
#![expect(unsafe_code, reason = "maps memory that is read without an allocation")]

use super::Program;
use crate::policy::Line;
use rustix::{
    mm::{MapFlags, ProtFlags, mmap_anonymous},
    net::{RecvFlags, recv},
};
use std::{
    ffi::{CStr, OsStr, c_char, c_void},
    io,
    os::{fd::BorrowedFd, unix::ffi::OsStrExt},
    path::Path,
    ptr, slice,
};

/// The plan as bytes: the length of all texts, how many arguments and how many variables there are; then the texts, which
/// each end with a NUL: the folder, the device of the terminal, the file of the control group (of these empty: none), the
/// arguments, the variables.
pub(crate) fn encode(program: &Program<'_>, terminal: Option<&Path>, group: Option<&Path>) -> Vec<u8> {
    let arguments: Vec<&OsStr> = match program.line {
        Line::Shell { shell, text } => shell.command(text),
        Line::Program(words) => words.iter().map(OsStr::new).collect(),
    };
    let mut texts = Vec::with_capacity(4096);
    let mut text = |parts: &[&OsStr]| {
        parts.iter().for_each(|part| texts.extend_from_slice(part.as_bytes()));
        texts.push(0);
    };
    text(&[program.cwd.as_os_str()]);
    text(&[terminal.unwrap_or(Path::new("")).as_os_str()]);
    text(&[group.unwrap_or(Path::new("")).as_os_str()]);
    arguments.iter().for_each(|argument| text(&[argument]));
    program.environment.iter().for_each(|(name, value)| text(&[name, OsStr::new("="), value]));
    let numbers = [texts.len(), arguments.len(), program.environment.len()];
    numbers.iter().flat_map(|number| number.to_ne_bytes()).chain(texts.iter().copied()).collect()
}

/// A plan as the supervisor has it.
pub(crate) struct Plan {
    /// The folder to run in.
    pub cwd: &'static CStr,
    /// The device of the program's terminal.
    pub terminal: Option<&'static CStr>,
    /// The file through which its processes enter their control group.
    pub group: Option<&'static CStr>,
    /// As execve(2) takes them: pointers to texts, and a null at the end.
    pub arguments: &'static [*const c_char],
    /// The same of the variables.
    pub environment: &'static [*const c_char],
}

impl Plan {
    /// Takes what [`encode`] made from a socket. Its memory is the process's for good.
    ///
    /// # Errors
    /// The system's; an unexpected end when the server is gone.
    pub(crate) fn receive(socket: BorrowedFd<'_>) -> io::Result<Self> {
        let [size, arguments, variables] = [receive_number(socket)?, receive_number(socket)?, receive_number(socket)?];
        let mut texts = receive_texts(socket, size)?;
        let (cwd, terminal, group) = (next(&mut texts), next(&mut texts), next(&mut texts));
        let (arguments, environment) = (pointers(&mut texts, arguments)?, pointers(&mut texts, variables)?);
        let [terminal, group] = [terminal, group].map(|text| (!text.is_empty()).then_some(text));
        Ok(Self { cwd, terminal, group, arguments, environment })
    }
}

/// Takes the next text off.
fn next(texts: &mut &'static [u8]) -> &'static CStr {
    let text = CStr::from_bytes_until_nul(texts).unwrap_or_default();
    *texts = texts.get(text.count_bytes() + 1..).unwrap_or_default();
    text
}

/// Takes the next texts off: pointers to them, and a null at the end.
fn pointers(texts: &mut &'static [u8], count: usize) -> io::Result<&'static [*const c_char]> {
    let table = map((count + 1) * size_of::<*const c_char>())?;
    // SAFETY: the memory is as large as is said, aligned as a page, and given to nobody else; zeroed, it is nulls.
    let table = unsafe { slice::from_raw_parts_mut(table.cast::<*const c_char>(), count + 1) };
    table[..count].fill_with(|| next(texts).as_ptr());
    Ok(table)
}

/// Takes a number from a socket.
///
/// # Errors
/// As [`Plan::receive`].
pub(crate) fn receive_number(socket: BorrowedFd<'_>) -> io::Result<usize> {
    let mut number = [0; size_of::<usize>()];
    read_all(socket, &mut number)?;
    Ok(usize::from_ne_bytes(number))
}

/// Takes `size` bytes from a socket. Their memory is the process's for good.
///
/// # Errors
/// As [`Plan::receive`].
pub(crate) fn receive_texts(socket: BorrowedFd<'_>, size: usize) -> io::Result<&'static [u8]> {
    let texts = memory(size.max(1))?;
    read_all(socket, &mut texts[..size])?;
    Ok(&texts[..size])
}

/// Zeroed memory that stays.
///
/// # Errors
/// The system's.
pub(crate) fn memory(size: usize) -> io::Result<&'static mut [u8]> {
    let memory = map(size)?;
    // SAFETY: the memory is as large as is said, and given to nobody else.
    Ok(unsafe { slice::from_raw_parts_mut(memory.cast(), size) })
}

fn map(size: usize) -> io::Result<*mut c_void> {
    // SAFETY: new memory concerns nobody else.
    Ok(unsafe { mmap_anonymous(ptr::null_mut(), size, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE) }?)
}

fn read_all(socket: BorrowedFd<'_>, mut into: &mut [u8]) -> io::Result<()> {
    while !into.is_empty() {
        match recv(socket, &mut *into, RecvFlags::WAITALL)? {
            (0, _) => return Err(io::ErrorKind::UnexpectedEof.into()),
            (read, _) => into = &mut into[read..],
        }
    }
    Ok(())
}
