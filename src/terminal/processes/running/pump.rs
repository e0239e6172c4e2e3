//! Carries what a process writes into its ring: one thread a process, which waits for nobody but the disk.

use crate::{
    excerpt::incomplete,
    terminal::processes::log::{Stream, Writer},
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

/// How much is read at once, in bytes: what a pipe holds.
const BUFFER: usize = 64 * 1024;

/// One stream of the process.
pub(crate) struct Source {
    stream: Stream,
    end: OwnedFd,
    /// The beginning of a character whose rest is still to come.
    held: Vec<u8>,
}

impl Source {
    /// A stream and the end to read it from, which must not block.
    pub(crate) fn new(stream: Stream, end: OwnedFd) -> Self {
        Self { stream, end, held: vec![] }
    }
}

/// Reads all `sources` to their end, or until `stop` is closed at its other end and nothing more is there just now.
/// Calls `grown` after each piece that was kept, with its bytes.
pub(crate) fn run(mut sources: Vec<Source>, stop: &OwnedFd, writer: &mut Writer, mut grown: impl FnMut(&[u8])) {
    let mut buffer = vec![0; BUFFER];
    while !sources.is_empty() {
        let Ok((ready, is_stopped)) = wait(&sources, stop) else { break };
        let any = ready.iter().any(|ready| *ready);
        let mut ready = ready.into_iter();
        sources.retain_mut(|source| {
            if !ready.next().unwrap_or(false) {
                return true;
            }
            match take(source, &mut buffer) {
                Ok(Some(size)) => {
                    keep(source, &buffer[..size], writer);
                    grown(&buffer[..size]);
                    true
                }
                Ok(None) => true,
                Err(_) => {
                    flush(source, writer);
                    false
                }
            }
        });
        if is_stopped && !any {
            break;
        }
    }
    for source in &mut sources {
        flush(source, writer);
    }
    grown(&[]);
}

/// Which sources have something, and whether it is time to stop.
fn wait(sources: &[Source], stop: &OwnedFd) -> io::Result<(Vec<bool>, bool)> {
    let mut waiting: Vec<PollFd> = sources.iter().map(|source| PollFd::new(&source.end, PollFlags::IN)).collect();
    waiting.push(PollFd::new(stop, PollFlags::IN));
    loop {
        match poll(&mut waiting, None) {
            Ok(_) => break,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let mut ready: Vec<bool> = waiting.iter().map(|waiting| !waiting.revents().is_empty()).collect();
    let is_stopped = ready.pop().unwrap_or(true);
    Ok((ready, is_stopped))
}

/// Reads once: what came, nothing, or the end. A pseudo-terminal whose program is gone answers EIO.
fn take(source: &Source, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    match rustix::io::read(source.end.as_fd(), buffer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(size) => Ok(Some(size)),
        Err(Errno::AGAIN | Errno::INTR) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Appends what came, less the beginning of a character at its end: another stream's bytes would otherwise come between.
fn keep(source: &mut Source, bytes: &[u8], writer: &mut Writer) {
    let joined;
    let bytes = if source.held.is_empty() {
        bytes
    } else {
        joined = [&source.held[..], bytes].concat();
        &joined
    };
    let whole = bytes.len() - incomplete(bytes);
    let rest = bytes[whole..].to_vec();
    writer.append(source.stream, &bytes[..whole]);
    source.held = rest;
}

fn flush(source: &mut Source, writer: &mut Writer) {
    writer.append(source.stream, &std::mem::take(&mut source.held));
}
