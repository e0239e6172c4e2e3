//! Namespaces of the kernel: a program has its own processes, its own view of the disk, its own shared memory.
//!
//! Called between fork and exec: system calls only.

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

    /// Gives what this process forks next a process namespace of its own.
    ///
    /// # Errors
    /// When the kernel or its administrator does not allow it.
    pub fn separate_processes(&self) -> io::Result<()> {
        let user = if self.maps.is_some() { libc::CLONE_NEWUSER } else { 0 };
        // SAFETY: system calls that concern this process alone.
        unsafe {
            check(libc::unshare(user | libc::CLONE_NEWPID))?;
            if let Some(maps) = &self.maps {
                // The maps of a process that hides its memory belong to the superuser.
                check(libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0))?;
                for (path, line) in maps {
                    write(path, line)?;
                }
                check(libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0))?;
            }
        }
        Ok(())
    }

    /// Gives this process a view of the disk and shared memory of its own, and no network if so asked.
    ///
    /// # Errors
    /// As [`Self::separate_processes`].
    pub fn separate_the_rest(&self, network: bool) -> io::Result<()> {
        let net = if network { 0 } else { libc::CLONE_NEWNET };
        // SAFETY: a system call that concerns this process alone.
        check(unsafe { libc::unshare(libc::CLONE_NEWNS | libc::CLONE_NEWIPC | net) })?;
        if network { Ok(()) } else { raise_loopback() }
    }
}

/// Bounds the number of processes in the namespace of this process; kernels before 6.14 do not know this.
pub fn bound_processes(most: &CStr) {
    // Where it is unknown the file is the whole system's and not open to a process namespace's owner.
    let _ = write(c"/proc/sys/kernel/pid_max", most);
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

fn write(path: &CStr, text: &CStr) -> io::Result<()> {
    // SAFETY: both texts outlive the calls.
    unsafe {
        let file = check(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        let written = libc::write(file, text.as_ptr().cast(), text.count_bytes());
        let result = if written < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
        libc::close(file);
        result
    }
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
