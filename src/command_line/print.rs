//! Lines for a person at a terminal.

pub(crate) use crate::legible::{escaped, plain};

use std::{
    error::Error,
    fmt,
    io::{self, ErrorKind, Write},
};

/// Whoever read what this program prints does no longer, as behind `| head -1`.
#[derive(Debug)]
struct ReaderGone;

impl fmt::Display for ReaderGone {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("nobody reads what is printed")
    }
}

impl Error for ReaderGone {}

/// Whether a command ended since nobody reads what it prints any more, and not because something failed. A connection to the
/// bridge that breaks looks alike to the system, so that what is printed is marked.
pub(crate) fn is_reader_gone(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()?.get_ref());
    causes.any(|cause| cause.downcast_ref::<ReaderGone>().is_some())
}

/// What a reader's eye should be drawn to: in red, where the terminal shows colours and `NO_COLOR` does not decline them.
pub(crate) fn alarming(text: &str) -> String {
    format!("\x1b[31m{text}\x1b[0m")
}

/// Prints a line. Its colours are taken out where they would not be shown.
///
/// # Errors
/// When nobody reads any more.
pub(crate) fn line(text: &str) -> io::Result<()> {
    part(&format!("{text}\n"))
}

/// Prints a text as [`line`] does, without an end of line.
///
/// # Errors
/// As [`line`].
pub(crate) fn part(text: &str) -> io::Result<()> {
    let mut output = anstream::stdout().lock();
    output.write_all(text.as_bytes()).and_then(|()| output.flush()).map_err(|error| match error.kind() {
        ErrorKind::BrokenPipe => io::Error::new(ErrorKind::BrokenPipe, ReaderGone),
        _ => error,
    })
}

/// Says something beside the output. Where nobody hears it, nothing is lost.
pub(crate) fn aside(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// A moment as a person reads it, to the second.
pub(crate) fn moment(timestamp: &str) -> String {
    plain(&timestamp.replace('T', " ").chars().take(19).collect::<String>(), 19)
}
