//! Namespaces of the kernel: a program has its own processes, its own view of the disk, its own shared memory.
//!
//! Called between fork and exec: system calls only.
#![expect(unsafe_code, reason = "forks, and rustix has no such flags of a network device")]

use super::mounts::write;
use rustix::{
    net::{AddressFamily, SocketFlags, SocketType, socket_with},
    process::{DumpableBehavior, Pid, WaitOptions, WaitStatus, set_dumpable_behavior},
    thread::{UnshareFlags, unshare_unsafe},
};
use std::{
    ffi::{CStr, CString, c_int},
    io,
    os::fd::AsRawFd,
};

/// How a process gets the right to make namespaces.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Without the superuser's rights: a user namespace, with the same user and group in it.
    maps: Option<[(&'static CStr, CString); 3]>,
}

impl Entry {
    /// For the user that this process runs as.
    pub(crate) fn for_this_user() -> Self {
        let (user, group) = (rustix::process::geteuid(), rustix::process::getegid());
        let may_already = rustix::thread::capabilities(None)
            .is_ok_and(|sets| sets.effective.contains(rustix::thread::CapabilitySet::SYS_ADMIN));
        let line = |id: u32| CString::new(format!("{id} {id} 1")).expect("digits hold no NUL");
        let maps = [
            (c"/proc/self/setgroups", c"deny".to_owned()),
            (c"/proc/self/uid_map", line(user.as_raw())),
            (c"/proc/self/gid_map", line(group.as_raw())),
        ];
        Self { maps: (!may_already).then_some(maps) }
    }

    /// Whether it takes a user namespace.
    pub(crate) fn is_of_a_user(&self) -> bool {
        self.maps.is_some()
    }

    /// Takes this process where it may make namespaces.
    ///
    /// # Errors
    /// When the kernel or its administrator does not allow it.
    pub(crate) fn open(&self) -> io::Result<()> {
        let Some(maps) = &self.maps else { return Ok(()) };
        unshare(UnshareFlags::NEWUSER)?;
        // The maps of a process that hides its memory belong to the superuser.
        set_dumpable_behavior(DumpableBehavior::Dumpable)?;
        for (path, line) in maps {
            write(path, line)?;
        }
        Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
    }
}

/// Gives this process a view of the disk of its own, and no network if so asked.
///
/// # Errors
/// As [`Entry::open`].
pub(crate) fn separate(network: bool) -> io::Result<()> {
    let net = if network { UnshareFlags::empty() } else { UnshareFlags::NEWNET };
    unshare(UnshareFlags::NEWNS | net)?;
    if network { Ok(()) } else { raise_loopback() }
}

/// Gives this process namespaces of its own.
fn unshare(namespaces: UnshareFlags) -> io::Result<()> {
    // SAFETY: never that of descriptors, and this process has one thread.
    Ok(unsafe { unshare_unsafe(namespaces) }?)
}

/// What a program gets of its own: processes, shared memory, and a copy of the view of the disk.
pub(crate) const OWN: c_int = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC;

/// Forks, with `flags` of clone(2): 0 in the child.
///
/// # Errors
/// The system's.
///
/// # Safety
/// The child may make system calls and nothing else: it is a copy of one thread, without the others that hold locks.
pub unsafe fn fork(flags: c_int) -> io::Result<libc::pid_t> {
    // SAFETY: without a stack the child goes on with a copy of this one, as after fork(2).
    let process = unsafe { libc::syscall(libc::SYS_clone, libc::c_long::from(flags | libc::SIGCHLD), 0, 0, 0, 0) };
    if process < 0 { Err(io::Error::last_os_error()) } else { Ok(libc::pid_t::try_from(process).unwrap_or_default()) }
}

/// Ends this process, which is a copy: what its original does at its end is not done.
pub fn exit(code: c_int) -> ! {
    // SAFETY: nothing of this process is used afterwards, and nothing is run.
    unsafe { libc::_exit(code) }
}

/// Waits for a child's end. Returns none when somebody else has waited for it.
pub fn await_end(child: libc::pid_t) -> Option<WaitStatus> {
    let child = Pid::from_raw(child)?;
    rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(child), WaitOptions::empty())).ok()?.map(|(_, end)| end)
}

/// Without a network there is still the machine itself: tests of servers need it.
fn raise_loopback() -> io::Result<()> {
    let socket = socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    // SAFETY: the structure is the kernel's, zero is a good value of each of its fields.
    let raised = unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l'.cast_signed() as libc::c_char;
        request.ifr_name[1] = b'o'.cast_signed() as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)
    };
    if raised < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
