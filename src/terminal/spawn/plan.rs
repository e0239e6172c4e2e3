//! What a supervisor is told of its program: made by the server, read in a process that may not allocate.

use super::Program;
use crate::policy::Line;
use std::{
    ffi::{CStr, OsStr, c_char, c_int},
    io,
    os::unix::ffi::OsStrExt,
    path::Path,
    ptr, slice,
};

/// The plan as bytes: the length of all texts, how many arguments and how many variables there are; then the texts, which
/// each end with a NUL: the folder, the device of the terminal, the file of the control group (of these empty: none), the
/// arguments, the variables.
pub fn encode(program: &Program<'_>, terminal: Option<&Path>, group: Option<&Path>) -> Vec<u8> {
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
pub struct Plan {
    /// The folder to run in.
    pub cwd: &'static CStr,
    /// The device of the program's terminal.
    pub terminal: Option<&'static CStr>,
    /// The file through which its processes enter their control group.
    pub group: Option<&'static CStr>,
    /// As execve(2) takes them: pointers to texts, and a null at the end.
    pub arguments: *const *const c_char,
    /// The same of the variables.
    pub environment: *const *const c_char,
}

impl Plan {
    /// Takes it from a socket. Its memory is the process's for good.
    ///
    /// # Errors
    /// The system's; an unexpected end when the server is gone.
    ///
    /// # Safety
    /// What comes must be what [`encode`] made.
    pub unsafe fn receive(socket: c_int) -> io::Result<Self> {
        // SAFETY: system calls on memory that is theirs; the texts end as `encode` has them.
        unsafe {
            let [size, arguments, variables] =
                [receive_number(socket)?, receive_number(socket)?, receive_number(socket)?];
            // Zeroed: a null stands after each of the two lists.
            let table = memory((arguments + variables + 2) * size_of::<*const c_char>())?.cast::<*const c_char>();
            let environment = table.add(arguments + 1);
            let mut texts = receive_texts(socket, size)?;
            let (cwd, terminal, group) = (next(&mut texts), next(&mut texts), next(&mut texts));
            (0..arguments).for_each(|at| *table.add(at) = next(&mut texts).as_ptr());
            (0..variables).for_each(|at| *environment.add(at) = next(&mut texts).as_ptr());
            let [terminal, group] = [terminal, group].map(|text| (!text.is_empty()).then_some(text));
            Ok(Self { cwd, terminal, group, arguments: table, environment })
        }
    }
}

/// Takes the next text off.
fn next(texts: &mut &'static [u8]) -> &'static CStr {
    let text = CStr::from_bytes_until_nul(texts).unwrap_or_default();
    *texts = texts.get(text.count_bytes() + 1..).unwrap_or_default();
    text
}

/// Takes a number from a socket.
///
/// # Errors
/// As [`Plan::receive`].
///
/// # Safety
/// Only in a process that does nothing else.
pub unsafe fn receive_number(socket: c_int) -> io::Result<usize> {
    let mut number = 0_usize;
    // SAFETY: the number is as large as is said.
    unsafe { read_all(socket, (&raw mut number).cast(), size_of::<usize>())? };
    Ok(number)
}

/// Takes `size` bytes from a socket. Their memory is the process's for good.
///
/// # Errors
/// As [`Plan::receive`].
///
/// # Safety
/// As [`receive_number`].
pub unsafe fn receive_texts(socket: c_int, size: usize) -> io::Result<&'static [u8]> {
    // SAFETY: the memory is as large as is said, and given to nobody else.
    unsafe {
        let texts = memory(size.max(1))?;
        read_all(socket, texts, size)?;
        Ok(slice::from_raw_parts(texts, size))
    }
}

/// Zeroed memory that stays.
///
/// # Errors
/// The system's.
///
/// # Safety
/// As [`receive_number`].
pub unsafe fn memory(size: usize) -> io::Result<*mut u8> {
    let (protection, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: new memory concerns nobody else.
    let memory = unsafe { libc::mmap(ptr::null_mut(), size, protection, flags, -1, 0) };
    if memory == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(memory.cast()) }
}

unsafe fn read_all(socket: c_int, mut into: *mut u8, mut size: usize) -> io::Result<()> {
    while size > 0 {
        // SAFETY: a system call on `size` bytes that are the caller's.
        let read = unsafe { libc::recv(socket, into.cast(), size, libc::MSG_WAITALL) };
        match usize::try_from(read) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => {
                // SAFETY: at most `size` bytes were read.
                into = unsafe { into.add(read) };
                size -= read;
            }
            Err(_) => return Err(io::Error::last_os_error()),
        }
    }
    Ok(())
}
