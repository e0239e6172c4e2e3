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
