//! What a filter cannot see it asks the process that looks after the program (seccomp_unotify(2)): that one answers, makes
//! the call itself, or lets it be made.
//!
//! All of this makes system calls and nothing else.

use super::{own_processes, shared_folders, shared_memory};
use seccompiler::{BpfProgram, BpfProgramRef};
use std::{
    ffi::{c_int, c_uint},
    io,
    mem::zeroed,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};
use syscalls::Sysno;

/// What becomes of a call that was asked about.
pub enum Reply {
    /// It was made, with this result.
    Done(c_int),
    /// The program makes it.
    GoOn,
}

/// Puts this process and all that it starts under a filter; the questions it asks go to whoever has the other end of
/// `asked`.
///
/// # Errors
/// The system's.
pub fn enter(filter: &BpfProgram, asked: Option<RawFd>) -> io::Result<()> {
    let Some(asked) = asked else { return install(filter, 0).map(drop) };
    match install(filter, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER) {
        // SAFETY: the kernel just made it, for this process alone.
        Ok(listener) => send(asked, unsafe { OwnedFd::from_raw_fd(listener) }),
        // Where somebody listens already, this filter's questions end as calls that there are not.
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => install(filter, 0).map(drop),
        Err(error) => Err(error),
    }
}

fn install(filter: BpfProgramRef<'_>, flags: libc::c_ulong) -> io::Result<RawFd> {
    let length = u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut().cast() };
    // SAFETY: the kernel reads the program, whose instructions have the layout of its own, and keeps a copy.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as RawFd) }
}

/// Room for the message that carries one descriptor, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Ancillary([u8; 32]);

/// Sends a descriptor, with one byte, which it needs.
fn send(to: RawFd, descriptor: OwnedFd) -> io::Result<()> {
    let mut byte = 0_u8;
    let mut room = Ancillary([0; 32]);
    // SAFETY: the structures are the kernel's and of this frame, and the room is large enough for one descriptor.
    unsafe {
        let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let mut message: libc::msghdr = zeroed();
        (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
        message.msg_control = room.0.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(size_of::<RawFd>() as c_uint) as _;
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        ((*header).cmsg_level, (*header).cmsg_type) = (libc::SOL_SOCKET, libc::SCM_RIGHTS);
        (*header).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as c_uint) as _;
        libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(descriptor.as_raw_fd());
        let sent = libc::sendmsg(to, &raw const message, libc::MSG_NOSIGNAL);
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Where the questions of a program come in: what its filter sent before it ran; none when it has no filter.
pub fn receive(from: RawFd) -> Option<OwnedFd> {
    let mut byte = 0_u8;
    let mut room = Ancillary([0; 32]);
    // SAFETY: as in `send`; a descriptor that comes is this process's alone.
    unsafe {
        let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let mut message: libc::msghdr = zeroed();
        (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
        message.msg_control = room.0.as_mut_ptr().cast();
        message.msg_controllen = room.0.len() as _;
        if libc::recvmsg(from, &raw mut message, libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC) < 1 {
            return None;
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        let has_one = !header.is_null() && (*header).cmsg_type == libc::SCM_RIGHTS;
        has_one.then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned()))
    }
}

/// Answers one question that has come in; a program's memory of System V may be so many bytes large.
pub fn answer(listener: RawFd, memory: u64) {
    // SAFETY: the structures are the kernel's; it wants the first one zeroed.
    unsafe {
        let mut question: libc::seccomp_notif = zeroed();
        if libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut question) != 0 {
            return;
        }
        let mut answer = libc::seccomp_notif_resp { id: question.id, val: 0, error: 0, flags: 0 };
        match reply(listener, &question, memory) {
            Ok(Reply::Done(result)) => answer.val = result.into(),
            Ok(Reply::GoOn) => answer.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
            Err(error) => answer.error = -error,
        }
        // A program that is gone needs no answer.
        libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const answer);
    }
}

fn reply(listener: RawFd, question: &libc::seccomp_notif, memory: u64) -> Result<Reply, c_int> {
    let call = usize::try_from(question.data.nr).ok().and_then(Sysno::new).ok_or(libc::ENOSYS)?;
    let [first, second, ..] = question.data.args;
    match call {
        Sysno::prlimit64
        | Sysno::sched_setaffinity
        | Sysno::sched_setattr
        | Sysno::sched_setparam
        | Sysno::sched_setscheduler => own_processes::is_own(first as c_int).map(|()| Reply::GoOn),
        Sysno::setpriority | Sysno::ioprio_set => own_processes::is_own(second as c_int).map(|()| Reply::GoOn),
        Sysno::shmget | Sysno::msgget | Sysno::semget => {
            shared_memory::get(call, question.data.args, memory).map(Reply::Done)
        }
        _ => shared_folders::set_mode(listener, question).map(|()| Reply::Done(0)),
    }
}

/// Whether it is still the asker that waits, and not another process of its number.
pub fn is_waiting(listener: RawFd, question: &libc::seccomp_notif) -> bool {
    // SAFETY: the kernel reads one number.
    unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const question.id) == 0 }
}
