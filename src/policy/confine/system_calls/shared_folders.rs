//! Set-group-id is for folders, whose group it hands on, and not for files, which would run with its rights. A filter
//! cannot see which of the two a call is about: it asks the process that looks after the program (seccomp_unotify(2)).
//! That process finds what is meant, looks at it and sets the mode of what it has looked at; the program's call is not
//! made, so nothing that the program changes meanwhile matters.
//!
//! All of this makes system calls and nothing else.

use super::process::{self, Caller};
use seccompiler::{BpfProgram, BpfProgramRef};
use std::{
    ffi::{c_int, c_uint},
    io,
    mem::zeroed,
    os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd},
};
use syscalls::Sysno;

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

/// Answers one question that has come in.
pub fn answer(listener: RawFd) {
    // SAFETY: the structures are the kernel's; it wants the first one zeroed.
    unsafe {
        let mut question: libc::seccomp_notif = zeroed();
        if libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut question) != 0 {
            return;
        }
        let error = set_mode(listener, &question).err().map_or(0, |error| -error);
        let answer = libc::seccomp_notif_resp { id: question.id, val: 0, error, flags: 0 };
        // A program that is gone needs no answer.
        libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const answer);
    }
}

/// What a call asks for.
struct Change {
    folder: c_int,
    /// Where the path lies in the program's memory; none for the folder itself.
    path: Option<u64>,
    mode: u64,
    flags: c_int,
}

impl Change {
    /// Of one of the calls that set modes.
    fn of(call: &libc::seccomp_data) -> Result<Self, c_int> {
        let [first, second, third, fourth, ..] = call.args;
        let folder = first as c_int;
        match usize::try_from(call.nr).ok().and_then(Sysno::new) {
            #[cfg(target_arch = "x86_64")]
            Some(Sysno::chmod) => Ok(Self { folder: libc::AT_FDCWD, path: Some(first), mode: second, flags: 0 }),
            Some(Sysno::fchmod) => Ok(Self { folder, path: None, mode: second, flags: 0 }),
            Some(Sysno::fchmodat) => Ok(Self { folder, path: Some(second), mode: third, flags: 0 }),
            Some(Sysno::fchmodat2) => {
                let flags = fourth as c_int;
                let known = flags & !(libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH) == 0;
                known.then_some(Self { folder, path: Some(second), mode: third, flags }).ok_or(libc::EINVAL)
            }
            _ => Err(libc::EPERM),
        }
    }
}

/// Sets the mode of a folder as the program could.
fn set_mode(listener: RawFd, question: &libc::seccomp_notif) -> Result<(), c_int> {
    let change = Change::of(&question.data)?;
    let caller = Caller(question.pid);
    let target = caller.open(change.folder, change.path, change.flags)?;
    let may = caller.may_set_group(process::stat(&target)?)?;
    // Only now is it sure that all of this was the caller's, and not that of another process of its number.
    // SAFETY: the kernel reads one number.
    let is_waiting = unsafe { libc::ioctl(listener, libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const question.id) } == 0;
    if !may || !is_waiting {
        return Err(libc::EPERM);
    }
    process::set_mode(&target, change.mode as libc::mode_t & 0o7777)
}
