//! Namespaces of the kernel: a program has its own processes, its own view of the disk, its own shared memory.
//!
//! Called between fork and exec: system calls only.

use super::mounts::write;
use std::{
    ffi::{CStr, CString, c_int},
    io,
};

/// How a process gets the right to make namespaces.
#[derive(Debug)]
pub struct Entry {
    /// Without the superuser's rights: a user namespace, with the same user and group in it.
    maps: Option<[(&'static CStr, CString); 3]>,
}

impl Entry {
    /// For the user that this process runs as.
    pub fn for_this_user() -> Self {
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
    pub fn is_of_a_user(&self) -> bool {
        self.maps.is_some()
    }

    /// Takes this process where it may make namespaces.
    ///
    /// # Errors
    /// When the kernel or its administrator does not allow it.
    pub fn open(&self) -> io::Result<()> {
        let Some(maps) = &self.maps else { return Ok(()) };
        // SAFETY: system calls that concern this process alone.
        unsafe {
            check(libc::unshare(libc::CLONE_NEWUSER))?;
            // The maps of a process that hides its memory belong to the superuser.
            check(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0))?;
            for (path, line) in maps {
                write(path, line)?;
            }
            check(libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0)).map(drop)
        }
    }
}

/// Gives this process a view of the disk of its own, and no network if so asked.
///
/// # Errors
/// As [`Entry::open`].
pub fn separate(network: bool) -> io::Result<()> {
    let net = if network { 0 } else { libc::CLONE_NEWNET };
    // SAFETY: a system call that concerns this process alone.
    check(unsafe { libc::unshare(libc::CLONE_NEWNS | net) })?;
    if network { Ok(()) } else { raise_loopback() }
}

/// What a program gets of its own: processes, shared memory, and a copy of the view of the disk.
pub const OWN: c_int = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC;

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

/// Without a network there is still the machine itself: tests of servers need it.
fn raise_loopback() -> io::Result<()> {
    // SAFETY: the structure is the kernel's, zero is a good value of each of its fields.
    unsafe {
        let socket = check(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0))?;
        let mut request: libc::ifreq = std::mem::zeroed();
        request.ifr_name[0] = b'l'.cast_signed() as libc::c_char;
        request.ifr_name[1] = b'o'.cast_signed() as libc::c_char;
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        check(libc::ioctl(socket, libc::SIOCSIFFLAGS, &raw const request))?;
        libc::close(socket);
    }
    Ok(())
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
