//! What a filter cannot see it asks the process that looks after the program (seccomp_unotify(2)): that one answers, makes
//! the call itself, or lets it be made.
//!
//! All of this makes system calls and nothing else.
#![expect(unsafe_code, reason = "rustix has no calls of seccomp")]

use super::{own_processes, shared_folders, shared_memory};
use rustix::{
    io::Errno,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
        recvmsg, sendmsg,
    },
};
use seccompiler::{BpfProgram, BpfProgramRef};
use std::{
    ffi::c_int,
    io::{self, IoSlice, IoSliceMut},
    mem::{MaybeUninit, zeroed},
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
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
pub fn enter(filter: &BpfProgram, asked: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let Some(asked) = asked else { return install(filter, 0).map(drop) };
    match install(filter, libc::SECCOMP_FILTER_FLAG_NEW_LISTENER) {
        // SAFETY: the kernel just made it, for this process alone.
        Ok(listener) => send(asked, &unsafe { OwnedFd::from_raw_fd(listener) }),
        // Where somebody listens already, this filter's questions end as calls that there are not.
        Err(error) if error.raw_os_error() == Some(libc::EBUSY) => install(filter, 0).map(drop),
        Err(error) => Err(error),
    }
}

fn install(filter: BpfProgramRef<'_>, flags: libc::c_ulong) -> io::Result<c_int> {
    let length = u16::try_from(filter.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let program = libc::sock_fprog { len: length, filter: filter.as_ptr().cast_mut().cast() };
    // SAFETY: the kernel reads the program, whose instructions have the layout of its own, and keeps a copy.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as c_int) }
}

/// How much room the message takes that carries one descriptor.
const ROOM: usize = rustix::cmsg_space!(ScmRights(1));

/// Sends a descriptor, with one byte, which it needs.
fn send(to: BorrowedFd<'_>, descriptor: &OwnedFd) -> io::Result<()> {
    let (mut room, given) = ([MaybeUninit::uninit(); ROOM], [descriptor.as_fd()]);
    let mut message = SendAncillaryBuffer::new(&mut room);
    message.push(SendAncillaryMessage::ScmRights(&given));
    sendmsg(to, &[IoSlice::new(&[0])], &mut message, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Where the questions of a program come in: what its filter sent before it ran; none when it has no filter.
pub fn receive(from: BorrowedFd<'_>) -> Option<OwnedFd> {
    let (mut room, mut byte) = ([MaybeUninit::uninit(); ROOM], [0]);
    let mut message = RecvAncillaryBuffer::new(&mut room);
    let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
    recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut message, flags).ok()?;
    message.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    })
}

/// Answers one question that has come in; a program's memory of System V may be so many bytes large.
pub fn answer(listener: BorrowedFd<'_>, memory: u64) {
    // SAFETY: the structures are the kernel's; it wants the first one zeroed.
    unsafe {
        let mut question: libc::seccomp_notif = zeroed();
        if libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut question) != 0 {
            return;
        }
        let mut answer = libc::seccomp_notif_resp { id: question.id, val: 0, error: 0, flags: 0 };
        match reply(listener, &question, memory) {
            Ok(Reply::Done(result)) => answer.val = result.into(),
            Ok(Reply::GoOn) => answer.flags = libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
            Err(error) => answer.error = -error.raw_os_error(),
        }
        // A program that is gone needs no answer.
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const answer);
    }
}

fn reply(listener: BorrowedFd<'_>, question: &libc::seccomp_notif, memory: u64) -> Result<Reply, Errno> {
    let call = usize::try_from(question.data.nr).ok().and_then(Sysno::new).ok_or(Errno::NOSYS)?;
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
