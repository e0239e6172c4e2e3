//! What a new process does about signals.

use std::ffi::c_int;

/// One past the last of the signals that POSIX names.
const END_OF_STANDARD_SIGNALS: c_int = 32;

/// Lets go of the server's signal handlers, which belong to threads that a forked process does not have, and of what
/// whoever started the server made it ignore: a shell does so with SIGINT for what it starts in the background, and a
/// program that inherits this does not hear Ctrl-C.
///
/// # Safety
/// Only to be called between fork and exec, or in a process that runs nothing else.
pub unsafe fn reset_signals() {
    for signal in 1..END_OF_STANDARD_SIGNALS {
        // SAFETY: a plain system call. SIGKILL and SIGSTOP refuse, and have no handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// A descriptor that is readable when a child has ended; the signal itself is held back.
///
/// # Errors
/// When the process has no descriptor left.
///
/// # Safety
/// As [`reset_signals`].
#[cfg(target_os = "linux")]
pub unsafe fn await_children() -> std::io::Result<c_int> {
    // SAFETY: plain system calls on a set of this frame, for which zero is a good value.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigaddset(&raw mut set, libc::SIGCHLD);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
        match libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC) {
            -1 => Err(std::io::Error::last_os_error()),
            descriptor => Ok(descriptor),
        }
    }
}

/// Lets every signal through.
///
/// # Safety
/// As [`reset_signals`].
#[cfg(target_os = "linux")]
pub unsafe fn block_no_signal() {
    // SAFETY: as above.
    unsafe {
        let none: libc::sigset_t = std::mem::zeroed();
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}
