//! A process that forks programs: a copy of the server, made when it was small, that has nothing open and nothing to do
//! but that. A fork of it is quick however much memory the server holds by then, and what all programs share of their
//! confinement is made in it once.
//!
//! Everything here that runs in it makes system calls on what was prepared before the fork, and nothing else: it was
//! copied from a process with many threads.

use super::{signals::reset_signals, supervisor};
use crate::policy::confine::{Cage, Confinement, fork};
use rustix::net::{
    AddressFamily, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType,
    recv, sendmsg, shutdown, socketpair,
};
use std::{
    ffi::{c_int, c_ulong},
    io::{self, IoSlice},
    mem::{MaybeUninit, size_of, zeroed},
    os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd},
    ptr,
    sync::{Mutex, PoisonError},
};

/// Where it has its end of the socket to the server. What is received with a program takes the numbers below.
const CHANNEL: RawFd = 10;

/// The most descriptors that come with a program: its three streams, its supervisor's end of the control socket, and the
/// kernel's rules on paths.
const MOST_GIVEN: usize = 5;

/// Starts the processes that all programs descend from.
#[derive(Default)]
pub struct ForkServer {
    live: Mutex<Option<Live>>,
}

/// One that runs. Dropping it ends it, and not what it forked.
struct Live {
    process: libc::pid_t,
    channel: OwnedFd,
    cage: Option<Cage>,
}

impl ForkServer {
    /// Forks a supervisor, which takes the descriptors of `given` as its own, from 0 on. Returns its process id.
    ///
    /// # Errors
    /// The system's; [`crate::policy::confine::FAILED`] when programs cannot be confined.
    pub fn fork(&self, confinement: &Confinement, given: &[BorrowedFd<'_>]) -> io::Result<u32> {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = live.as_ref().filter(|live| live.cage.as_ref().is_none_or(Cage::is_current)) {
            match running.fork(given) {
                // It was killed: another one takes its place.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                answer => return answer,
            }
        }
        live.insert(Live::start(confinement.cage()?)?).fork(given)
    }

    /// Starts it now, so that the first program need not wait and the copy is small.
    ///
    /// # Errors
    /// As [`Self::fork`].
    pub fn warm_up(&self, confinement: &Confinement) -> io::Result<()> {
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(Live::start(confinement.cage()?)?);
        Ok(())
    }
}

impl Live {
    fn start(cage: Option<Cage>) -> io::Result<Self> {
        let (channel, its_end) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
        // SAFETY: the child makes system calls and nothing else.
        let process = unsafe { fork(0)? };
        if process == 0 {
            // SAFETY: as above.
            unsafe { serve(its_end.as_raw_fd(), cage.as_ref()) }
        }
        drop(its_end);
        let live = Self { process, channel, cage };
        match live.answer()? {
            0 => Ok(live),
            error => Err(io::Error::from_raw_os_error(-error)),
        }
    }

    fn fork(&self, given: &[BorrowedFd<'_>]) -> io::Result<u32> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_GIVEN))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        assert!(ancillary.push(SendAncillaryMessage::ScmRights(given)), "there is room for all that is ever given");
        let count = [u8::try_from(given.len()).expect("they are few")];
        sendmsg(&self.channel, &[IoSlice::new(&count)], &mut ancillary, SendFlags::NOSIGNAL)?;
        let answer = self.answer()?;
        u32::try_from(answer).map_err(|_| io::Error::from_raw_os_error(-answer))
    }

    /// A process id, or an error of the system as a negative number.
    fn answer(&self) -> io::Result<i32> {
        let mut answer = [0; size_of::<i32>()];
        loop {
            match recv(&self.channel, &mut answer, RecvFlags::empty()) {
                Ok((_, size)) if size == answer.len() => return Ok(i32::from_ne_bytes(answer)),
                Ok(_) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CONNRESET) => return Err(io::ErrorKind::BrokenPipe.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // One that was killed has no end of it open any more.
        let _ = shutdown(&self.channel, Shutdown::Both);
        // SAFETY: a plain system call on a child of this process that nobody else waits for. It ends at once: it only
        // ever waits for the channel.
        unsafe { libc::waitpid(self.process, ptr::null_mut(), 0) };
    }
}

/// What the process does all its life. It ends when the server does, or has no more use for it.
unsafe fn serve(channel: c_int, cage: Option<&Cage>) -> ! {
    // SAFETY: plain system calls on descriptors of this process.
    unsafe {
        // Ctrl-C and the end of a terminal are for the server to answer.
        libc::setsid();
        reset_signals();
        libc::signal(libc::SIGTERM, libc::SIG_IGN);
        // The kernel reaps what is forked here: its end is told to the server by itself.
        libc::signal(libc::SIGCHLD, libc::SIG_IGN);
        libc::prctl(libc::PR_SET_NAME, c"bridge-forks".as_ptr(), 0, 0, 0);
        libc::dup2(channel, CHANNEL);
        close_from(0, CHANNEL - 1);
        close_from(CHANNEL + 1, c_int::MAX);
        go_first_when_memory_ends();
        let prepared = cage.map_or(Ok(()), Cage::prepare);
        answer(prepared.as_ref().map_or_else(number, |()| 0));
        if prepared.is_err() {
            libc::_exit(1);
        }
        while let Some(given) = receive() {
            let process = cage.map_or_else(|| fork(0), |cage| cage.fork());
            if matches!(process, Ok(0)) {
                libc::close(CHANNEL);
                supervisor::run(cage, given);
            }
            close_from(0, CHANNEL - 1);
            answer(process.as_ref().map_or_else(number, |process| *process));
        }
        libc::_exit(0)
    }
}

/// An error, as an answer says it.
fn number(error: &io::Error) -> i32 {
    -error.raw_os_error().unwrap_or(libc::EIO)
}

unsafe fn answer(answer: i32) {
    // SAFETY: a system call on a number of this frame.
    unsafe {
        libc::send(CHANNEL, (&raw const answer).cast(), size_of::<i32>(), libc::MSG_NOSIGNAL);
    }
}

/// Waits for what comes with the next program: the kernel gives it the lowest numbers, which are all free. Returns how
/// many descriptors came; none when the server is gone.
unsafe fn receive() -> Option<usize> {
    /// Room for the descriptors, aligned as the kernel wants it.
    #[repr(C)]
    union Space {
        header: libc::cmsghdr,
        bytes: [u8; 64],
    }
    // SAFETY: zero is a good value of each of these structures, which outlive the calls.
    unsafe {
        let (mut byte, mut space): (u8, Space) = (0, zeroed());
        let mut text = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let mut message: libc::msghdr = zeroed();
        message.msg_iov = &raw mut text;
        message.msg_iovlen = 1;
        message.msg_control = (&raw mut space).cast();
        message.msg_controllen = size_of::<Space>() as _;
        loop {
            match libc::recvmsg(CHANNEL, &raw mut message, 0) {
                1 => return Some(usize::from(byte)),
                -1 if *libc::__errno_location() == libc::EINTR => {}
                _ => return None,
            }
        }
    }
}

/// Closes the descriptors from `first` to `last`.
unsafe fn close_from(first: c_int, last: c_int) {
    // SAFETY: plain system calls.
    unsafe {
        if libc::syscall(libc::SYS_close_range, first, last, 0) == 0 {
            return;
        }
        // Linux before 5.9: no descriptor has a number past the limit.
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        let most = c_int::try_from(limit.rlim_cur).unwrap_or(c_int::MAX);
        for descriptor in first..=last.min(most) {
            libc::close(descriptor);
        }
    }
}

/// When the machine runs out of memory, a command goes before the server does: what is forked here inherits it.
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
