//! The rights of the superuser that a confined program keeps. Called between fork and exec: system calls only.

use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, clear_ambient_capability_set, remove_capability_from_bounding_set,
    set_capabilities, set_no_new_privs,
};
use std::io;

/// The superuser's rights that a program of his keeps (capabilities(7)): to own files, to change to another user, to
/// listen on low ports. Not among them: mounting, devices, other processes' memory, raw sockets, opening by handle, and
/// what leaves programs behind that run with others' rights.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::NET_BIND_SERVICE);

/// How many capabilities there may be; the kernel says which there are.
const CAPABILITIES: u32 = u64::BITS;

/// Gives up the rights of the superuser but those kept, and all chance of new ones.
///
/// # Errors
/// The system's.
pub(crate) fn give_up_rights() -> io::Result<()> {
    let all = (0..CAPABILITIES).map(|number| CapabilitySet::from_bits_retain(1 << number));
    for capability in all.filter(|capability| !KEPT.contains(*capability)) {
        // Fails past the last capability that there is, and where this process may not give up any.
        if remove_capability_from_bounding_set(capability).is_err() {
            break;
        }
    }
    let now = capabilities(None)?;
    let (effective, permitted) = (now.effective & KEPT, now.permitted & KEPT);
    set_capabilities(None, CapabilitySets { effective, permitted, inheritable: CapabilitySet::empty() })?;
    // Kernels before 4.3 have no such set.
    let _ = clear_ambient_capability_set();
    Ok(set_no_new_privs(true)?)
}
