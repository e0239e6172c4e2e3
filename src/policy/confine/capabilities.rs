//! The rights of the superuser that a confined program keeps. Called between fork and exec: system calls only.

use std::{
    ffi::{c_int, c_ulong},
    io,
};

/// The superuser's rights that a program of his keeps (capabilities(7)): to own files, to change to another user, to
/// listen on low ports. Not among them: mounting, devices, other processes' memory, raw sockets, opening by handle, and
/// what leaves programs behind that run with others' rights.
const KEPT: [u32; 7] = [
    0,  // CAP_CHOWN
    1,  // CAP_DAC_OVERRIDE
    3,  // CAP_FOWNER
    5,  // CAP_KILL
    6,  // CAP_SETGID
    7,  // CAP_SETUID
    10, // CAP_NET_BIND_SERVICE
];

/// The highest capability that there may be; the kernel says which there are.
const CAPABILITIES: u32 = 63;

/// `_LINUX_CAPABILITY_VERSION_3` (linux/capability.h).
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// Gives up the rights of the superuser but those kept, and all chance of new ones.
///
/// # Errors
/// The system's.
pub fn give_up_rights() -> io::Result<()> {
    let kept = KEPT.iter().fold(0_u64, |set, capability| set | 1 << capability);
    // SAFETY: plain system calls on structures of this frame.
    unsafe {
        for capability in (0..=CAPABILITIES).filter(|capability| kept >> capability & 1 == 0) {
            // Fails past the last capability that there is, and where this process may not give up any.
            if libc::prctl(libc::PR_CAPBSET_DROP, c_ulong::from(capability), 0, 0, 0) != 0 {
                break;
            }
        }
        let header = [CAPABILITY_VERSION, 0];
        // Effective, permitted, inheritable, of the lower and of the upper 32 capabilities.
        let mut sets = [[0_u32; 3]; 2];
        check_long(libc::syscall(libc::SYS_capget, header.as_ptr(), sets.as_mut_ptr()))?;
        for (half, set) in sets.iter_mut().enumerate() {
            let kept = (kept >> (32 * half)) as u32;
            *set = [set[0] & kept, set[1] & kept, 0];
        }
        check_long(libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()))?;
        libc::prctl(libc::PR_CAP_AMBIENT, libc::PR_CAP_AMBIENT_CLEAR_ALL as c_ulong, 0, 0, 0);
        check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)).map(drop)
    }
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_long(result: libc::c_long) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
