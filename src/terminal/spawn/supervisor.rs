//! The process between the server and a program. It is a copy of the server that never runs another program: it waits,
//! and sees to it that nothing of the program's tree outlives the program or the server.
//!
//! All of this runs between fork and exec in a process that was copied from one with many threads: no allocation, no
//! lock, only system calls.

use super::signals::reset_signals;
use crate::policy::confine::{Cage, FAILED};
use std::{
    ffi::{c_int, c_ulong},
    io, ptr,
};

/// What the supervisor is told.
pub struct Order {
    /// Its end of the control socket.
    pub control: c_int,
    /// Whether the program's input is its controlling terminal.
    pub is_terminal: bool,
    /// The program's confinement.
    pub cage: Option<Cage>,
}

/// The processes that the supervisor looks after.
struct Charge {
    /// The program, which leads its group.
    program: libc::pid_t,
    /// The first process of the namespace: its end is the end of all in it.
    first: Option<libc::pid_t>,
    /// Whether all of the tree ends with the program, or only its group.
    all_end: bool,
}

/// Called in the new process. Forks: the child returns and becomes the program, the parent never returns.
pub fn take_over(order: &Order) -> io::Result<()> {
    // SAFETY: plain system calls; the children of these forks go on like the child of the first one.
    unsafe {
        // Here once for all that is forked below.
        reset_signals();
        // Orphans of the program become this process's children, wherever they hide.
        check(libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1 as c_ulong, 0, 0, 0))?;
        go_first_when_memory_ends();
        let mut first = None;
        if let Some(cage) = order.cage.as_ref().filter(|cage| cage.has_processes()) {
            cage.separate().map_err(|_| io::Error::from_raw_os_error(FAILED))?;
            match check(libc::fork())? {
                0 => be_first(),
                process => first = Some(process),
            }
        }
        match check(libc::fork())? {
            0 => become_program(order),
            program => watch(order.control, &Charge { program, first, all_end: order.cage.is_some() }),
        }
    }
}

/// When the machine runs out of memory, a command goes before the server does.
unsafe fn go_first_when_memory_ends() {
    // SAFETY: plain system calls on constant texts.
    unsafe {
        // The files of a process that hides its memory are the superuser's.
        let hidden = libc::prctl(libc::PR_GET_DUMPABLE, 0, 0, 0, 0) == 0;
        libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0);
        let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if file >= 0 {
            libc::write(file, c"800".as_ptr().cast(), 3);
            libc::close(file);
        }
        libc::prctl(libc::PR_SET_DUMPABLE, c_ulong::from(!hidden), 0, 0, 0);
    }
}

/// The first process of a namespace: it adopts orphans, lets the kernel reap them, and ends with its parent.
unsafe fn be_first() -> ! {
    // SAFETY: plain system calls.
    unsafe {
        become_quiet();
        libc::syscall(libc::SYS_close_range, 0, c_int::MAX, 0);
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
        loop {
            libc::pause();
        }
    }
}

unsafe fn become_program(order: &Order) -> io::Result<()> {
    // SAFETY: plain system calls on descriptors of this process.
    unsafe {
        check(libc::setsid())?;
        if order.is_terminal {
            check(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
        }
        if let Some(cage) = &order.cage {
            cage.enter()?;
            // It gets its three descriptors and no other, whatever libraries of the server left open. Linux before 5.11
            // does not know this; there the standard library's own care has to do.
            libc::syscall(libc::SYS_close_range, 3, c_int::MAX, libc::CLOSE_RANGE_CLOEXEC);
        }
        Ok(())
    }
}

/// Waits for the program's end or the server's word.
unsafe fn watch(control: c_int, charge: &Charge) -> ! {
    // SAFETY: plain system calls; nothing of the copied server's memory is used but the charge.
    unsafe {
        become_quiet();
        libc::dup2(control, 0);
        libc::syscall(libc::SYS_close_range, 1, c_int::MAX, 0);
        let ended = c_int::try_from(libc::syscall(libc::SYS_pidfd_open, charge.program, 0)).unwrap_or(-1);
        let event = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        let mut events = [event(0), event(ended)];
        loop {
            if libc::poll(events.as_mut_ptr(), 2, -1) < 0 {
                continue;
            }
            if events[1].revents != 0 {
                let mut status = 0;
                libc::waitpid(charge.program, &raw mut status, 0);
                charge.end(charge.all_end);
                follow_into(status);
            }
            if events[0].revents != 0 {
                let mut signal = 0_u8;
                if libc::read(0, (&raw mut signal).cast(), 1) == 1 {
                    libc::kill(-charge.program, c_int::from(signal));
                } else {
                    charge.end(true);
                    follow_into(libc::SIGKILL);
                }
            }
        }
    }
}

impl Charge {
    /// Ends the program's group, and all else that is left of it if so asked.
    unsafe fn end(&self, all: bool) {
        // SAFETY: plain system calls.
        unsafe {
            libc::kill(-self.program, libc::SIGKILL);
            if let Some(first) = self.first {
                libc::kill(first, libc::SIGKILL);
                // The kernel gives its status only after all others of its namespace are gone, the program too.
                libc::waitpid(self.program, ptr::null_mut(), 0);
                libc::waitpid(first, ptr::null_mut(), 0);
            }
            if all {
                end_children();
            }
        }
    }
}

/// Takes a name of its own.
unsafe fn become_quiet() {
    // SAFETY: a plain system call.
    unsafe {
        libc::prctl(libc::PR_SET_NAME, c"bridge-command".as_ptr(), 0, 0, 0);
    }
}

/// Ends what is left of the tree. What is forked meanwhile becomes a child of this process at the latest when its
/// parent ends, so that the loop meets it.
unsafe fn end_children() {
    // SAFETY: plain system calls on a structure of this frame.
    unsafe {
        loop {
            kill_children();
            let mut reaped = 0;
            loop {
                match libc::waitpid(-1, ptr::null_mut(), libc::WNOHANG) {
                    0 => break,
                    -1 => return,
                    _ => reaped += 1,
                }
            }
            if reaped == 0 {
                let pause = libc::timespec { tv_sec: 0, tv_nsec: 500_000 };
                libc::nanosleep(&raw const pause, ptr::null_mut());
            }
        }
    }
}

/// Kills each child that the kernel lists (proc_pid_children(5)): numbers with a space after each.
unsafe fn kill_children() {
    // SAFETY: plain system calls on a buffer of this frame.
    unsafe {
        let list = libc::open(c"/proc/thread-self/children".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        if list < 0 {
            return;
        }
        let (mut buffer, mut child) = ([0_u8; 4096], 0);
        loop {
            let read = libc::read(list, buffer.as_mut_ptr().cast(), buffer.len());
            let Ok(read @ 1..) = usize::try_from(read) else { break };
            for byte in buffer.iter().take(read) {
                if byte.is_ascii_digit() {
                    child = child * 10 + libc::pid_t::from(byte - b'0');
                } else if child > 0 {
                    libc::kill(child, libc::SIGKILL);
                    child = 0;
                }
            }
        }
        libc::close(list);
    }
}

/// Ends this process as the program ended.
unsafe fn follow_into(status: c_int) -> ! {
    // SAFETY: plain system calls.
    unsafe {
        if libc::WIFSIGNALED(status) {
            // A signal that dumps core did so in the program; the copy of the server must leave none.
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
            libc::kill(libc::getpid(), libc::WTERMSIG(status));
        }
        libc::_exit(libc::WEXITSTATUS(status))
    }
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
