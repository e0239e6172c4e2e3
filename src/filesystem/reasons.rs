//! Why the system refused something of a file, where its word alone is no fault of the bridge and can be fixed.

use super::basis::ChangedSince;
use crate::error::Error;
use std::io;

const CHANGED: &str =
    "The file was changed by someone else while the call ran, and nothing was changed by the call: try again";

/// The same error with its true reason.
pub(super) fn explained(error: Error) -> Error {
    if ChangedSince::is_cause(&error) {
        return Error::Conflict(CHANGED.into());
    }
    let Error::Internal(cause) = &error else { return error };
    cause.downcast_ref::<io::Error>().and_then(reason).unwrap_or(error)
}

fn reason(cause: &io::Error) -> Option<Error> {
    use io::ErrorKind as Kind;
    let conflict = |text: &str| Some(Error::Conflict(text.to_owned()));
    match cause.kind() {
        // What was checked is not there any more, or is something else. Invalid input: a link is read, or a folder
        // moved, where something of another kind is by now.
        Kind::AlreadyExists
        | Kind::DirectoryNotEmpty
        | Kind::InvalidInput
        | Kind::IsADirectory
        | Kind::NotADirectory
        | Kind::NotFound => conflict("Someone else changed the path while the call ran: look at it and try again"),
        Kind::ResourceBusy => Some(mounted("It")),
        Kind::ExecutableFileBusy => {
            conflict("A program runs from that file: end it first, or write a new file and move that into its place")
        }
        Kind::WouldBlock | Kind::Deadlock => conflict("Another program has locked the file: try again once it is done"),
        Kind::CrossesDevices => {
            conflict("It lies on another file system, and cannot go from one to the other at once: copy it, then delete it")
        }
        Kind::TooManyLinks => conflict("The file system there allows no more names or folders in that place"),
        Kind::FileTooLarge => Some(Error::TooLarge(
            "The file would be larger than the file system there, or the limit of the bridge's user (ulimit -f), allows"
                .into(),
        )),
        Kind::Unsupported => {
            Some(Error::Unusable("The file system there cannot do that: name a path on another one".into()))
        }
        Kind::StaleNetworkFileHandle
        | Kind::NotConnected
        | Kind::TimedOut
        | Kind::HostUnreachable
        | Kind::NetworkUnreachable
        | Kind::NetworkDown => Some(Error::unavailable(
            "The file system there does not answer: see whether its server runs, and mount it anew",
        )),
        _ if are_too_many(cause) => {
            Some(Error::unavailable("Too many files are open on this machine: close some, or raise `ulimit -n`"))
        }
        _ => None,
    }
}

/// What is mounted where it is cannot be removed or renamed.
pub(crate) fn mounted(what: &str) -> Error {
    Error::Conflict(format!(
        "{what} is a mount point, or the system uses it (swap, a running container): unmount it first (`findmnt` lists \
         mounts, `umount` ends one), or change what is in it instead"
    ))
}

#[cfg(unix)]
fn are_too_many(cause: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(Errno::from_io_error(cause), Some(Errno::MFILE | Errno::NFILE))
}

#[cfg(not(unix))]
fn are_too_many(_: &io::Error) -> bool {
    false
}
