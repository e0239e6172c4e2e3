//! Memory, queues and semaphores of System V, where the kernel lets only the superuser say how much of them an IPC
//! namespace may have: the process that looks after the program, which is in that namespace, counts what is there and
//! makes the new one itself, so that no two come through one gap.
//!
//! All of this makes system calls and nothing else.
#![expect(unsafe_code, reason = "rustix has no shared memory of System V")]

use rustix::io::Errno;
use std::{ffi::c_int, io, mem::zeroed};
use syscalls::Sysno;

/// The part of a command's memory that its segments may take: they stay while nobody has them mapped, and so unseen.
pub(crate) const SHARE: u64 = 4;

/// The most queues: each queue holds up to 16 KiB in up to as many messages, which take 1 MiB.
pub(crate) const QUEUES: u64 = 16;
/// The most sets of semaphores.
pub(crate) const SETS: u64 = 128;
/// The most semaphores of all sets, of 64 bytes each.
pub(crate) const SEMAPHORES: u64 = 32_000;

/// Commands of shmctl(2), msgctl(2) and semctl(2), which the C library's headers keep to themselves (linux/shm.h, msg.h,
/// sem.h).
const SHM_INFO: c_int = 14;
const MSG_INFO: c_int = 12;
const SEM_INFO: c_int = 19;

/// `struct shm_info`.
#[repr(C)]
struct Segments {
    used_ids: c_int,
    /// In pages.
    total: libc::c_ulong,
    others: [libc::c_ulong; 4],
}

/// `struct msginfo` and `struct seminfo`: numbers, of which some say how much there is.
type Numbers = [c_int; 10];

/// The place of the number of queues in the one (`msgpool`), of sets (`semusz`) and semaphores (`semaem`) in the other.
const MSGPOOL: usize = 0;
const SEMUSZ: usize = 7;
const SEMAEM: usize = 9;

/// Makes one of these calls, or finds what is there already; `memory` is what the program may take in all, in bytes.
///
/// # Errors
/// `ENOSPC` when there would be too much, and the system's.
pub(crate) fn get(call: Sysno, [key, second, third, ..]: [u64; 6], memory: u64) -> Result<c_int, Errno> {
    let key = key as c_int;
    // What is there already takes no more.
    if (key == libc::IPC_PRIVATE || make(call, key, 0, 0).is_err()) && !has_room(call, second, memory)? {
        return Err(Errno::NOSPC);
    }
    match call {
        Sysno::msgget => make(call, key, second, 0),
        _ => make(call, key, second, third as c_int),
    }
}

/// The second argument of msgget(2) is its flags, which are the third of the others.
fn make(call: Sysno, key: c_int, second: u64, flags: c_int) -> Result<c_int, Errno> {
    // SAFETY: a plain system call on numbers.
    check(unsafe { libc::syscall(libc::c_long::from(call.id()), key, second, flags) })
}

/// Whether one more is within the bounds.
fn has_room(call: Sysno, size: u64, memory: u64) -> Result<bool, Errno> {
    // SAFETY: plain system calls on structures of this frame, which are as large as the kernel's; zero is a good value of
    // each of their fields.
    unsafe {
        let (mut segments, mut numbers): (Segments, Numbers) = (zeroed(), zeroed());
        let told = match call {
            Sysno::shmget => libc::syscall(libc::SYS_shmctl, 0, SHM_INFO, &raw mut segments),
            Sysno::msgget => libc::syscall(libc::SYS_msgctl, 0, MSG_INFO, &raw mut numbers),
            _ => libc::syscall(libc::SYS_semctl, 0, 0, SEM_INFO, &raw mut numbers),
        };
        check(told)?;
        let number = |place: usize| u64::from(numbers[place].unsigned_abs());
        Ok(match call {
            Sysno::shmget => {
                // Of rustix it would take memory of the heap.
                let page = u64::try_from(libc::sysconf(libc::_SC_PAGESIZE)).unwrap_or(4096);
                (segments.total * page).saturating_add(size) <= memory / SHARE
            }
            Sysno::msgget => number(MSGPOOL) < QUEUES,
            _ => number(SEMUSZ) < SETS && number(SEMAEM).saturating_add(size & 0xffff_ffff) <= SEMAPHORES,
        })
    }
}

/// A number that such a call gives.
fn check(result: libc::c_long) -> Result<c_int, Errno> {
    let error = || Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL);
    if result < 0 { Err(error()) } else { c_int::try_from(result).map_err(|_| Errno::INVAL) }
}
