//! What a new process does about signals: all of it between fork and exec, or in a process that runs nothing else.
#![expect(unsafe_code, reason = "rustix leaves signals to the C library")]

use std::ffi::c_int;
#[cfg(target_os = "linux")]
use std::{
    io,
    os::fd::{FromRawFd, OwnedFd},
};

/// One past the last of the signals that POSIX names.
const END_OF_STANDARD_SIGNALS: c_int = 32;

/// Lets go of the server's signal handlers, which belong to threads that a forked process does not have, and of what
/// whoever started the server made it ignore: a shell does so with SIGINT for what it starts in the background, and a
/// program that inherits this does not hear Ctrl-C.
pub(crate) fn reset_signals() {
    for signal in 1..END_OF_STANDARD_SIGNALS {
        // SAFETY: no handler of this program's is made. SIGKILL and SIGSTOP refuse, and have no handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Makes this process, and what it starts, not hear a signal.
#[cfg(target_os = "linux")]
pub(crate) fn ignore(signal: c_int) {
    // SAFETY: as above.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// A descriptor that is readable when a child has ended; the signal itself is held back.
///
/// # Errors
/// When the process has no descriptor left.
#[cfg(target_os = "linux")]
pub(crate) fn await_children() -> io::Result<OwnedFd> {
    let set = block_only(&[libc::SIGCHLD]);
    // SAFETY: the set outlives the call, and what the kernel just made is this process's alone.
    unsafe {
        match libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) {
            -1 => Err(io::Error::last_os_error()),
            descriptor => Ok(OwnedFd::from_raw_fd(descriptor)),
        }
    }
}

/// Holds these signals back and lets all others through.
#[cfg(target_os = "linux")]
pub(crate) fn block_only(signals: &[c_int]) -> libc::sigset_t {
    // SAFETY: the set is of this frame, and zero is a good value of it: no signal.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        for signal in signals {
            libc::sigaddset(&raw mut set, *signal);
        }
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
        set
    }
}
