//! The reader of one document: the program, started with the file as its input and the pipe for the text as its output.

use super::{Kind, bounds, memory_for, note, parse};
use std::{
    ffi::OsStr,
    io::{self, Read, Write},
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

/// The program's first argument when it is to read a document; the second names the kind, the third the file's size.
pub(crate) const ARGUMENT: &str = "read-document";

/// How a reader ends. What it wrote is the text, or for the others why there is none; to its errors goes what only the
/// server's log needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It wrote the text.
    Read = 0,
    /// The file is damaged, locked, or nothing of its kind.
    Unreadable = 3,
    /// The parser failed on it: a panic, whose words are among the errors.
    Failed = 4,
    /// The system does not let it give up its rights, so it read nothing.
    Unconfined = 5,
}

impl End {
    /// The end that an exit code stands for.
    pub(crate) fn of(code: i32) -> Option<Self> {
        [Self::Read, Self::Unreadable, Self::Failed, Self::Unconfined].into_iter().find(|end| *end as i32 == code)
    }
}

static IS_THE_PROGRAM: AtomicBool = AtomicBool::new(false);

/// Whether this process is the program, which can be started again to read documents, and not one that embeds the bridge.
pub(crate) fn is_the_program() -> bool {
    IS_THE_PROGRAM.load(Ordering::Relaxed)
}

/// Reads a document when this process was started for that; the program calls it before it does anything else.
pub fn run_if_asked() -> Option<ExitCode> {
    IS_THE_PROGRAM.store(true, Ordering::Relaxed);
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().as_deref() != Some(OsStr::new(ARGUMENT)) {
        return None;
    }
    let kind = arguments.next().and_then(|name| Kind::by_name(name.to_str()?));
    let size = arguments.next().and_then(|size| size.to_str()?.parse().ok());
    let (end, text) = match kind.zip(size) {
        Some((kind, size)) => read(kind, size),
        None => (End::Unreadable, "it is of no known kind".to_owned()),
    };
    let written = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
    let end = if written.is_ok() { end } else { End::Failed };
    Some(ExitCode::from(end as u8))
}

fn read(kind: Kind, size: u64) -> (End, String) {
    if let Err(error) = bounds::enter(memory_for(size)) {
        return (End::Unconfined, format!("{error:#}"));
    }
    match quietly(|| parsed(kind, size)) {
        Ok(Ok(text)) => (End::Read, text),
        Ok(Err(reason)) => (End::Unreadable, reason),
        Err(message) => {
            note(&message);
            (End::Failed, String::new())
        }
    }
}

fn parsed(kind: Kind, size: u64) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    io::stdin().read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    parse::text(kind, bytes)
}

/// Does the work; the message of a panic in it is for the caller.
fn quietly<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    static MESSAGE: Mutex<String> = Mutex::new(String::new());
    panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or_default();
        *MESSAGE.lock().unwrap_or_else(PoisonError::into_inner) = message.chars().take(200).collect();
    }));
    panic::catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| std::mem::take(&mut *MESSAGE.lock().unwrap_or_else(PoisonError::into_inner)))
}
