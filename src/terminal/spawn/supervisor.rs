//! The process between the server and a program. It is a copy of the server that never runs another program: it waits,
//! and sees to it that nothing of the program's tree outlives the program or the server. Where there are namespaces it is
//! the first process of the program's own, so that its end is the end of all of them.
//!
//! All of this makes system calls and nothing else: no allocation, no lock.
#![expect(unsafe_code, reason = "starts a program in the memory of this process")]

use super::{
    plan::{self, Plan},
    signals::{await_children, block_only, reset_signals},
};
use crate::policy::confine::{FAILED, Restrictions, exit, questions};
use rustix::{
    event::{PollFd, PollFlags, poll},
    fs::{Mode, OFlags},
    io::{FdFlags, fcntl_setfd},
    net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, send, socketpair},
    process::{
        Pid, Signal, WaitOptions, WaitStatus, ioctl_tiocsctty, kill_process, kill_process_group, set_child_subreaper,
        setsid, test_kill_process_group, wait,
    },
    thread::{Timespec, nanosleep, set_name},
};
use std::{
    ffi::{c_char, c_int, c_void},
    io,
    os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

/// Its end of the control socket, after the program's three streams. The kernel's rules on paths may follow it.
const CONTROL: RawFd = 3;

/// How many streams a program has.
const STREAMS: usize = 3;

/// The stack of a process that becomes a program, in bytes: execvp(3) may put all arguments on it once more. What is not
/// used of it is never there.
const STACK: usize = 16 << 20;

/// How many ends are taken in before the server is listened to again: a tree can come to its ends as fast as they are
/// taken in.
const ENDS_AT_ONCE: usize = 64;

/// No event.
const NOTHING: PollFlags = PollFlags::empty();

/// For what has come in already.
const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// The word of the server that asks all of the tree to end, where another is a signal for the program's group. The end of
/// the program is waited for with the others' then.
pub(crate) const END_YOURSELVES: u8 = 0xff;

/// What the supervisor says to the server: one of these, and a number.
pub(crate) mod word {
    /// The program runs.
    pub(crate) const RUNNING: u8 = b'r';
    /// It does not, for an error of the system.
    pub(crate) const REFUSED: u8 = b'n';
    /// All of the tree has ended; the status is the program's, as wait(2) has it.
    pub(crate) const ENDED: u8 = b'e';
    /// The same, and what the program had left running was ended with it.
    pub(crate) const ENDED_WITH_OTHERS: u8 = b'o';
    /// How many bytes it has.
    pub(crate) const SIZE: usize = 1 + size_of::<i32>();
}

/// All processes that this one may signal, but the first of their namespace (kill(2)): as a group that does not exist.
const ALL: Pid = Pid::INIT;

/// The processes that the supervisor looks after.
struct Children<'a> {
    /// The server's.
    control: BorrowedFd<'a>,
    /// The program, which leads its group.
    program: Pid,
    /// How the program ended, once it has.
    status: Option<WaitStatus>,
    /// Whether all of the tree ends with the program, or only its group.
    all_end: bool,
    /// Whether the tree is all there is beside this process, as far as it sees.
    alone: bool,
    /// Whether the others have been asked to end, and may take their time for it.
    asked: bool,
}

/// What the process does all its life, with the descriptors that it was `given`; `steps` make its view of the disk.
///
/// # Safety
/// The descriptors must have the numbers from 0 on and belong to nobody else.
pub(crate) unsafe fn run(restrictions: Option<&Restrictions>, steps: &[u8], given: usize) -> ! {
    // SAFETY: as the caller promises.
    let came = |number| unsafe { OwnedFd::from_raw_fd(number) };
    let (streams, control) = ([0, 1, 2].map(came), came(CONTROL));
    let rules = (given > STREAMS + 1).then(|| came(CONTROL + 1));
    reset_signals();
    for descriptor in [Some(&control), rules.as_ref()].into_iter().flatten() {
        let _ = fcntl_setfd(descriptor, FdFlags::CLOEXEC);
    }
    let control = control.as_fd();
    let _ = set_name(c"bridge-command");
    // Orphans of the program become this process's children, wherever they hide. Any number does for a yes.
    let _ = set_child_subreaper(Some(Pid::INIT));
    let plan = or_refuse(control, Plan::receive(control));
    if let (Some(restrictions), Some(group)) = (restrictions, plan.group) {
        or_refuse(control, restrictions.join(group));
    }
    or_refuse(control, restrictions.map_or(Ok(()), |restrictions| restrictions.begin(steps, plan.terminal)));
    let children = or_refuse(control, await_children());
    let (answered, asked) = or_refuse(control, pair());
    let rules_on_paths = rules.as_ref().map(AsFd::as_fd);
    let program = start(&Start { restrictions, plan: &plan, rules: rules_on_paths, asked: asked.as_fd(), control });
    let program = or_refuse(control, program);
    let asking = questions::receive(answered.as_fd());
    drop((streams, rules, answered, asked));
    say(control, word::RUNNING, 0);
    let alone = restrictions.is_some_and(Restrictions::has_processes);
    let charge = Children { control, program, status: None, all_end: restrictions.is_some(), alone, asked: false };
    watch(children.as_fd(), restrictions.zip(asking.as_ref()), charge)
}

/// What the process that becomes the program goes by.
struct Start<'a> {
    restrictions: Option<&'a Restrictions>,
    plan: &'a Plan,
    rules: Option<BorrowedFd<'a>>,
    asked: BorrowedFd<'a>,
    control: BorrowedFd<'a>,
}

/// Starts the program as posix_spawn(3) does: in the memory of this process, which goes on when the program runs, or has
/// said why it does not.
fn start(start: &Start<'_>) -> io::Result<Pid> {
    let stack = plan::memory(STACK)?.as_mut_ptr_range().end;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    // SAFETY: the stack is the child's alone, and `start` outlives its use of it.
    let program = unsafe { libc::clone(begin, stack.cast(), flags, ptr::from_ref(start).cast_mut().cast()) };
    if program < 0 {
        Err(io::Error::last_os_error())
    } else {
        Pid::from_raw(program).ok_or(io::ErrorKind::Other.into())
    }
}

extern "C" fn begin(start: *mut c_void) -> c_int {
    // SAFETY: it is what `start` was given; its process waits.
    let start = unsafe { &*start.cast::<Start<'_>>() };
    or_refuse(start.control, Err(become_program(start)))
}

/// Only comes back with an error.
fn become_program(start: &Start<'_>) -> io::Error {
    let ready = || {
        block_only(&[]);
        setsid()?;
        if start.plan.terminal.is_some() {
            ioctl_tiocsctty(rustix::stdio::stdin())?;
        }
        match start.restrictions {
            Some(restrictions) => restrictions.enter(start.plan.cwd, start.rules, start.asked),
            None => Ok(rustix::process::chdir(start.plan.cwd)?),
        }
    };
    ready().err().unwrap_or_else(|| execute(start.plan))
}

/// Runs the program instead of this process. Only comes back with an error.
fn execute(plan: &Plan) -> io::Error {
    unsafe extern "C" {
        static mut environ: *const *const c_char;
    }
    // SAFETY: the lists and their texts stay; nothing else reads the environment in these processes. The search goes by
    // the PATH of the program's own environment.
    unsafe {
        environ = plan.environment.as_ptr();
        libc::execvp(*plan.arguments.as_ptr(), plan.arguments.as_ptr());
    }
    io::Error::last_os_error()
}

/// Says why there is no program, and ends.
fn or_refuse<T>(control: BorrowedFd<'_>, result: io::Result<T>) -> T {
    result.unwrap_or_else(|error| {
        say(control, word::REFUSED, error.raw_os_error().unwrap_or(FAILED));
        exit(1)
    })
}

fn say(control: BorrowedFd<'_>, kind: u8, number: i32) {
    let number = number.to_ne_bytes();
    // A server that is gone hears nothing.
    let _ = send(control, &[kind, number[0], number[1], number[2], number[3]], SendFlags::NOSIGNAL);
}

/// Two sockets that are connected, over which a descriptor comes from what becomes the program.
fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    Ok(socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

/// Waits for the program's end, the server's word, or a question of the program's filter of system calls.
fn watch(children: BorrowedFd<'_>, mut asking: Option<(&Restrictions, &OwnedFd)>, mut charge: Children<'_>) -> ! {
    let control = charge.control;
    let mut has_more = false;
    loop {
        let asked = asking.map_or(control, |(_, questions)| questions.as_fd());
        let mut events = [control, children, asked].map(|from| PollFd::from_borrowed_fd(from, PollFlags::IN));
        let waited_for = if asking.is_some() { 3 } else { 2 };
        if poll(&mut events[..waited_for], has_more.then_some(&NO_TIME)).is_err() {
            continue;
        }
        let [told, ended, asked] = events.map(|event| event.revents());
        match (asking, asked) {
            (_, NOTHING) => {}
            (Some((restrictions, questions)), PollFlags::IN) => restrictions.answer(questions.as_fd()),
            // The last process under the filter has ended.
            _ => asking = None,
        }
        if !told.is_empty() {
            let mut word = [0];
            match recv(control, &mut word, RecvFlags::empty()) {
                Ok((1, _)) => charge.tell(word[0]),
                _ => charge.end(true, word::ENDED),
            }
        }
        if !ended.is_empty() {
            let _ = rustix::io::read(children, &mut [0_u8; size_of::<libc::signalfd_siginfo>()]);
        }
        if !ended.is_empty() || has_more {
            has_more = charge.reap().0 == ENDS_AT_ONCE;
            let others = charge.status.is_some() && charge.has_others();
            if charge.status.is_some() && !(charge.asked && others) {
                let last = if others { word::ENDED_WITH_OTHERS } else { word::ENDED };
                charge.end(charge.all_end || charge.asked, last);
            }
        }
    }
}

impl Children<'_> {
    /// Does what the server says: all of the tree is asked to end, or the program's group gets a signal.
    fn tell(&mut self, word: u8) {
        if word == END_YOURSELVES {
            self.asked = true;
            let _ = kill_process_group(if self.alone { ALL } else { self.program }, Signal::TERM);
        } else if let Some(signal) = Signal::from_named_raw(word.into()) {
            let _ = kill_process_group(self.program, signal);
        }
    }

    /// Takes in the ends that there were, at most [`ENDS_AT_ONCE`]. Returns how many, and whether there is nothing left to
    /// end.
    fn reap(&mut self) -> (usize, bool) {
        for reaped in 0..ENDS_AT_ONCE {
            match wait(WaitOptions::NOHANG) {
                Ok(None) => return (reaped, false),
                Err(_) => return (reaped, true),
                Ok(Some((process, status))) if process == self.program => self.status = Some(status),
                Ok(Some(_)) => {}
            }
        }
        (ENDS_AT_ONCE, false)
    }

    /// Whether something goes on that ends with the program. What has ended by itself is taken in first.
    fn has_others(&mut self) -> bool {
        !self.reap().1 && (self.all_end || test_kill_process_group(self.program).is_ok())
    }

    /// Ends the program's group, and all else that is left of it if so asked; then this process, with `ended` as its last
    /// word.
    fn end(&mut self, all: bool, ended: u8) -> ! {
        let _ = kill_process_group(self.program, Signal::KILL);
        if all {
            self.end_all();
        }
        while self.status.is_none() && !self.reap().1 {
            pause();
        }
        say(self.control, ended, self.status.map_or(libc::SIGKILL, WaitStatus::as_raw));
        exit(0)
    }

    /// Ends what is left of the tree. What is forked meanwhile becomes a child of this process at the latest when its
    /// parent ends, so that the loop meets it.
    fn end_all(&mut self) {
        loop {
            if self.alone {
                let _ = kill_process_group(ALL, Signal::KILL);
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

/// Lets those that were killed end.
fn pause() {
    let _ = nanosleep(&Timespec { tv_sec: 0, tv_nsec: 200_000 });
}

/// Kills each child that the kernel lists (proc_pid_children(5)): numbers with a space after each.
#[expect(clippy::disallowed_methods, reason = "the kernel's file on this process")]
fn kill_children() {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let Ok(list) = rustix::fs::open(c"/proc/thread-self/children", flags, Mode::empty()) else { return };
    let (mut buffer, mut child) = ([0_u8; 4096], 0);
    while let Ok(read @ 1..) = rustix::io::read(&list, &mut buffer) {
        for byte in &buffer[..read] {
            if byte.is_ascii_digit() {
                child = child * 10 + i32::from(byte - b'0');
            } else {
                let _ = Pid::from_raw(child).map(|child| kill_process(child, Signal::KILL));
                child = 0;
            }
        }
    }
}
