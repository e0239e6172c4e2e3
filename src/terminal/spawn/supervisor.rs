//! The process between the server and a program. It is a copy of the server that never runs another program: it waits,
//! and sees to it that nothing of the program's tree outlives the program or the server. Where there are namespaces it is
//! the first process of the program's own, so that its end is the end of all of them.
//!
//! All of this makes system calls and nothing else: no allocation, no lock.

use super::{
    plan::{self, Plan},
    signals::{await_children, block_no_signal, reset_signals},
};
use crate::policy::confine::{FAILED, Restrictions, questions};
use std::{
    ffi::{c_char, c_int, c_ulong, c_void},
    io,
    os::fd::{AsRawFd, OwnedFd, RawFd},
    ptr,
};

/// Its end of the control socket, after the program's three streams. The kernel's rules on paths may follow it.
const CONTROL: RawFd = 3;

/// The stack of a process that becomes a program, in bytes: execvp(3) may put all arguments on it once more. What is not
/// used of it is never there.
const STACK: usize = 16 << 20;

/// How many ends are taken in before the server is listened to again: a tree can come to its ends as fast as they are
/// taken in.
const ENDS_AT_ONCE: usize = 64;

/// The word of the server that asks all of the tree to end, where another is a signal for the program's group. The end of
/// the program is waited for with the others' then.
pub const END_YOURSELVES: u8 = 0xff;

/// What the supervisor says to the server: one of these, and a number.
pub mod word {
    /// The program runs.
    pub const RUNNING: u8 = b'r';
    /// It does not, for an error of the system.
    pub const REFUSED: u8 = b'n';
    /// All of the tree has ended; the status is the program's, as wait(2) has it.
    pub const ENDED: u8 = b'e';
    /// The same, and what the program had left running was ended with it.
    pub const ENDED_WITH_OTHERS: u8 = b'o';
    /// How many bytes it has.
    pub const SIZE: usize = 1 + size_of::<i32>();
}

/// The processes that the supervisor looks after.
struct Children {
    /// The program, which leads its group.
    program: libc::pid_t,
    /// How the program ended, once it has.
    status: Option<c_int>,
    /// Whether all of the tree ends with the program, or only its group.
    all_end: bool,
    /// Whether the tree is all there is beside this process, as far as it sees.
    alone: bool,
    /// Whether the others have been asked to end, and may take their time for it.
    asked: bool,
}

/// What the process does all its life, with the descriptors that it was `given`; `steps` make its view of the disk.
pub unsafe fn run(restrictions: Option<&Restrictions>, steps: &[u8], given: usize) -> ! {
    // SAFETY: plain system calls; the child of the fork becomes the program.
    unsafe {
        reset_signals();
        let rules = RawFd::try_from(given).ok().map(|given| given - 1).filter(|last| *last > CONTROL);
        for descriptor in (CONTROL..=CONTROL + 1).take(given - 3) {
            libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC);
        }
        libc::prctl(libc::PR_SET_NAME, c"bridge-command".as_ptr(), 0, 0, 0);
        // Orphans of the program become this process's children, wherever they hide.
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1 as c_ulong, 0, 0, 0);
        let plan = or_refuse(Plan::receive(CONTROL));
        if let (Some(restrictions), Some(group)) = (restrictions, plan.group) {
            or_refuse(restrictions.join(group));
        }
        or_refuse(restrictions.map_or(Ok(()), |restrictions| restrictions.begin(steps, plan.terminal)));
        let children = or_refuse(await_children());
        let [answered, asked] = or_refuse(pair());
        let program = or_refuse(start(&Start { restrictions, plan: &plan, rules, asked }));
        let asking = questions::receive(answered);
        for descriptor in (0..CONTROL).chain(rules).chain([answered, asked]) {
            libc::close(descriptor);
        }
        say(word::RUNNING, 0);
        let alone = restrictions.is_some_and(Restrictions::has_processes);
        let charge = Children { program, status: None, all_end: restrictions.is_some(), alone, asked: false };
        watch(children, restrictions.zip(asking.as_ref()), charge)
    }
}

/// What the process that becomes the program goes by.
struct Start<'a> {
    restrictions: Option<&'a Restrictions>,
    plan: &'a Plan,
    rules: Option<RawFd>,
    asked: RawFd,
}

/// Starts the program as posix_spawn(3) does: in the memory of this process, which goes on when the program runs, or has
/// said why it does not.
unsafe fn start(start: &Start<'_>) -> io::Result<libc::pid_t> {
    // SAFETY: the stack is the child's alone, and `start` outlives its use of it.
    unsafe {
        let stack = plan::memory(STACK)?.add(STACK);
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        check(libc::clone(begin, stack.cast(), flags, ptr::from_ref(start).cast_mut().cast()))
    }
}

extern "C" fn begin(start: *mut c_void) -> c_int {
    // SAFETY: it is what `start` was given; its process waits.
    unsafe { or_refuse(Err(become_program(&*start.cast::<Start<'_>>()))) }
}

/// Only comes back with an error.
unsafe fn become_program(start: &Start<'_>) -> io::Error {
    let Start { restrictions, plan, rules, asked } = start;
    unsafe extern "C" {
        static mut environ: *const *const c_char;
    }
    // SAFETY: plain system calls on texts that outlive them; nothing else reads the environment in these processes.
    let ready = || unsafe {
        block_no_signal();
        check(libc::setsid())?;
        if plan.terminal.is_some() {
            check(libc::ioctl(0, libc::TIOCSCTTY, 0))?;
        }
        match restrictions {
            Some(restrictions) => restrictions.enter(plan.cwd, *rules, *asked)?,
            None => check(libc::chdir(plan.cwd.as_ptr())).map(drop)?,
        }
        environ = plan.environment;
        // The search goes by the PATH of the program's own environment.
        check(libc::execvp(*plan.arguments, plan.arguments)).map(drop)
    };
    ready().err().unwrap_or_else(|| io::Error::from_raw_os_error(FAILED))
}

/// Says why there is no program, and ends.
unsafe fn or_refuse<T>(result: io::Result<T>) -> T {
    result.unwrap_or_else(|error| {
        // SAFETY: plain system calls.
        unsafe {
            say(word::REFUSED, error.raw_os_error().unwrap_or(FAILED));
            libc::_exit(1)
        }
    })
}

unsafe fn say(kind: u8, number: i32) {
    let number = number.to_ne_bytes();
    let word = [kind, number[0], number[1], number[2], number[3]];
    // SAFETY: a system call on bytes of this frame. A server that is gone hears nothing.
    unsafe {
        libc::send(CONTROL, word.as_ptr().cast(), word.len(), libc::MSG_NOSIGNAL);
    }
}

/// Two sockets that are connected, over which a descriptor comes from what becomes the program.
unsafe fn pair() -> io::Result<[RawFd; 2]> {
    let mut pair = [0; 2];
    // SAFETY: a plain system call on an array of this frame.
    unsafe { check(libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0, pair.as_mut_ptr())) }?;
    Ok(pair)
}

/// Waits for the program's end, the server's word, or a question of the program's filter of system calls.
unsafe fn watch(children: RawFd, asking: Option<(&Restrictions, &OwnedFd)>, mut charge: Children) -> ! {
    let event = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    // A number below zero is not waited for.
    let mut events =
        [event(CONTROL), event(children), event(asking.map_or(-1, |(_, questions)| questions.as_raw_fd()))];
    // SAFETY: plain system calls; nothing of the copied server's memory is used.
    unsafe {
        let mut has_more = false;
        loop {
            if libc::poll(events.as_mut_ptr(), 3, if has_more { 0 } else { -1 }) < 0 {
                continue;
            }
            match events[2].revents {
                0 => {}
                libc::POLLIN => {
                    if let Some((restrictions, questions)) = asking {
                        restrictions.answer(questions.as_raw_fd());
                    }
                }
                // The last process under the filter has ended.
                _ => events[2].fd = -1,
            }
            if events[0].revents != 0 {
                let mut signal = 0_u8;
                match libc::recv(CONTROL, (&raw mut signal).cast(), 1, 0) {
                    1 if signal == END_YOURSELVES => charge.ask(),
                    1 => drop(libc::kill(-charge.program, c_int::from(signal))),
                    _ => charge.end(true, word::ENDED),
                }
            }
            if events[1].revents != 0 {
                let mut ignored = [0_u8; size_of::<libc::signalfd_siginfo>()];
                libc::read(children, ignored.as_mut_ptr().cast(), ignored.len());
            }
            if events[1].revents != 0 || has_more {
                has_more = charge.reap().0 == ENDS_AT_ONCE;
                let others = charge.status.is_some() && charge.has_others();
                if charge.status.is_some() && !(charge.asked && others) {
                    charge.end(
                        charge.all_end || charge.asked,
                        if others { word::ENDED_WITH_OTHERS } else { word::ENDED },
                    );
                }
            }
        }
    }
}

impl Children {
    /// Asks all of the tree to end.
    unsafe fn ask(&mut self) {
        self.asked = true;
        // SAFETY: a plain system call.
        unsafe {
            libc::kill(if self.alone { -1 } else { -self.program }, libc::SIGTERM);
        }
    }

    /// Takes in the ends that there were, at most [`ENDS_AT_ONCE`]. Returns how many, and whether there is nothing left to
    /// end.
    unsafe fn reap(&mut self) -> (usize, bool) {
        let (mut reaped, mut status) = (0, 0);
        while reaped < ENDS_AT_ONCE {
            // SAFETY: a plain system call.
            match unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) } {
                0 => return (reaped, false),
                -1 => return (reaped, true),
                process => {
                    reaped += 1;
                    if process == self.program {
                        self.status = Some(status);
                    }
                }
            }
        }
        (reaped, false)
    }

    /// Whether something goes on that ends with the program. What has ended by itself is taken in first.
    unsafe fn has_others(&mut self) -> bool {
        // SAFETY: plain system calls.
        unsafe { !self.reap().1 && (self.all_end || libc::kill(-self.program, 0) == 0) }
    }

    /// Ends the program's group, and all else that is left of it if so asked; then this process, with `ended` as its last
    /// word.
    unsafe fn end(&mut self, all: bool, ended: u8) -> ! {
        // SAFETY: plain system calls.
        unsafe {
            libc::kill(-self.program, libc::SIGKILL);
            if all {
                self.end_all();
            }
            while self.status.is_none() && !self.reap().1 {
                pause();
            }
            say(ended, self.status.unwrap_or(libc::SIGKILL));
            libc::_exit(0)
        }
    }

    /// Ends what is left of the tree. What is forked meanwhile becomes a child of this process at the latest when its
    /// parent ends, so that the loop meets it.
    unsafe fn end_all(&mut self) {
        // SAFETY: plain system calls.
        unsafe {
            loop {
                if self.alone {
                    libc::kill(-1, libc::SIGKILL);
                } else {
                    kill_children();
                }
                match self.reap() {
                    (_, true) => return,
                    (0, _) => pause(),
                    _ => {}
                }
            }
        }
    }
}

/// Lets those that were killed end.
unsafe fn pause() {
    let pause = libc::timespec { tv_sec: 0, tv_nsec: 200_000 };
    // SAFETY: a plain system call on a structure of this frame.
    unsafe {
        libc::nanosleep(&raw const pause, ptr::null_mut());
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

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
