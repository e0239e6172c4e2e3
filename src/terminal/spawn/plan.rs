//! What a supervisor is told of its program: made by the server, read in a process that may not allocate.

use super::Program;
use crate::policy::Line;
use std::{
    ffi::{CStr, OsStr, c_char, c_int},
    io, mem,
    os::unix::ffi::OsStrExt,
    path::Path,
    ptr, slice,
};

/// How many numbers stand at the begin: the length of all that follows them, and how many arguments and variables there are.
const NUMBERS: usize = 3;

/// The plan as bytes: the numbers, then texts that each end with a NUL: the folder, the device of the terminal (empty:
/// none), the arguments, the variables.
pub fn encode(program: &Program<'_>, terminal: Option<&Path>) -> Vec<u8> {
    let arguments: Vec<&OsStr> = match program.line {
        Line::Shell(text) => vec![OsStr::new("/bin/sh"), OsStr::new("-c"), OsStr::new(text)],
        Line::Program(words) => words.iter().map(OsStr::new).collect(),
    };
    let mut texts = Vec::with_capacity(4096);
    let mut text = |parts: &[&OsStr]| {
        parts.iter().for_each(|part| texts.extend_from_slice(part.as_bytes()));
        texts.push(0);
    };
    text(&[program.cwd.as_os_str()]);
    text(&[terminal.unwrap_or(Path::new("")).as_os_str()]);
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
            let mut numbers = [0_usize; NUMBERS];
            read_all(socket, numbers.as_mut_ptr().cast(), mem::size_of_val(&numbers))?;
            let [size, arguments, variables] = numbers;
            let pointers = (arguments + variables + 2) * mem::size_of::<*const c_char>();
            let protection = libc::PROT_READ | libc::PROT_WRITE;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            let memory = libc::mmap(ptr::null_mut(), pointers + size, protection, flags, -1, 0);
            if memory == libc::MAP_FAILED {
                return Err(io::Error::last_os_error());
            }
            let texts = memory.cast::<u8>().add(pointers);
            read_all(socket, texts, size)?;
            let mut texts = slice::from_raw_parts(texts, size);
            let (cwd, terminal) = (next(&mut texts), next(&mut texts));
            let table = memory.cast::<*const c_char>();
            // The memory is zeroed: a null stands after each of the two lists.
            (0..arguments).for_each(|at| *table.add(at) = next(&mut texts).as_ptr());
            let environment = table.add(arguments + 1);
            (0..variables).for_each(|at| *environment.add(at) = next(&mut texts).as_ptr());
            let terminal = (!terminal.is_empty()).then_some(terminal);
            Ok(Self { cwd, terminal, arguments: table, environment })
        }
    }
}

/// Takes the next text off.
fn next(texts: &mut &'static [u8]) -> &'static CStr {
    let text = CStr::from_bytes_until_nul(texts).unwrap_or_default();
    *texts = texts.get(text.count_bytes() + 1..).unwrap_or_default();
    text
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
