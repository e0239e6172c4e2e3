//! What a confined program may not do whatever it sees: rights of the superuser, system calls, processes without end.
//!
//! Entering is called between fork and exec: system calls only.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::{
    collections::BTreeMap,
    ffi::{c_int, c_ulong},
    io,
};

/// The superuser's rights that a program of his keeps (capabilities(7)): to own files, to change to another user, to
/// listen on low ports. Not among them: mounting, devices, other processes' memory, raw sockets, opening by handle.
const KEPT: [u32; 9] = [
    0,  // CAP_CHOWN
    1,  // CAP_DAC_OVERRIDE
    3,  // CAP_FOWNER
    4,  // CAP_FSETID
    5,  // CAP_KILL
    6,  // CAP_SETGID
    7,  // CAP_SETUID
    10, // CAP_NET_BIND_SERVICE
    31, // CAP_SETFCAP
];

/// The highest capability that there may be; the kernel says which there are.
const CAPABILITIES: u32 = 63;

/// `_LINUX_CAPABILITY_VERSION_3` (linux/capability.h).
const CAPABILITY_VERSION: u32 = 0x2008_0522;

/// How much lower a command's priority is than the server's, in steps of nice(2): the server answers through a fork bomb.
const NICENESS: c_int = 5;

/// System calls that no program of a workspace needs: they change what is seen, reach around it by handles, load code
/// into the kernel, or meet secrets that the kernel keeps for the user.
const REFUSED: [libc::c_long; 31] = [
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    libc::SYS_fsopen,
    libc::SYS_fsmount,
    libc::SYS_fsconfig,
    libc::SYS_fspick,
    442, // mount_setattr, the same on every architecture (asm-generic/unistd.h)
    libc::SYS_setns,
    libc::SYS_unshare,
    libc::SYS_chroot,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_kexec_load,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
];

/// Kinds of sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sockets {
    /// Named ones on this machine, such as a container engine's.
    pub local: bool,
    /// To other machines.
    pub network: bool,
}

/// The filter that refuses them.
///
/// # Errors
/// On an architecture that the filter's compiler does not know.
pub fn filter(sockets: Sockets) -> anyhow::Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = REFUSED.into_iter().map(|call| (call, vec![])).collect();
    let mut families = vec![libc::AF_VSOCK, libc::AF_PACKET];
    if !sockets.local {
        families.push(libc::AF_UNIX);
    }
    if !sockets.network {
        families.extend([libc::AF_INET, libc::AF_INET6]);
    }
    let refused: Result<Vec<_>, seccompiler::BackendError> = families
        .into_iter()
        .map(|family| {
            let family = u64::from(family.unsigned_abs());
            let is_family = SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, family)?;
            SeccompRule::new(vec![is_family])
        })
        .collect();
    rules.insert(libc::SYS_socket, refused?);
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}

/// Bounds of a program.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many processes and threads the user may have; in a user namespace only the bridge's programs count.
    pub processes: Option<u64>,
}

impl Limits {
    /// Takes them on.
    ///
    /// # Errors
    /// The system's.
    pub fn enter(self) -> io::Result<()> {
        // SAFETY: plain system calls on structures of this frame.
        unsafe {
            if let Some(processes) = self.processes {
                limit(libc::RLIMIT_NPROC, processes)?;
            }
            limit(libc::RLIMIT_CORE, 0)?;
            // The priority can always be lowered.
            libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
        }
        Ok(())
    }
}

/// Lowers a limit; one that is lower already stays.
unsafe fn limit(which: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    // SAFETY: plain system calls on a structure of this frame.
    unsafe {
        let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        check(libc::getrlimit(which, &raw mut now))?;
        let limit = libc::rlimit { rlim_cur: most.min(now.rlim_cur), rlim_max: most.min(now.rlim_max) };
        check(libc::setrlimit(which, &raw const limit)).map(drop)
    }
}

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
