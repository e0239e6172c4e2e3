//! What a reader of documents gives up before it looks at the first byte: memory and time without end, all files, the
//! network, other processes, and every system call but those that computing needs.

use super::PROCESSOR_SECONDS;
use landlock::{ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, Scope};
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
};
use std::collections::BTreeMap;

/// The system calls that parsing needs: to read the file and write the text, to have memory, to end. `tgkill` is how a
/// process aborts; with the rules below it reaches the reader alone.
const ALLOWED: [libc::c_long; 24] = [
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_close,
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_futex,
    libc::SYS_sched_yield,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_clock_gettime,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getpid,
    libc::SYS_gettid,
    libc::SYS_restart_syscall,
    libc::SYS_exit,
    libc::SYS_exit_group,
];

/// The deepest that a parser may go down, in bytes of stack.
const STACK: u64 = 8 * 1024 * 1024;

/// How much lower a reader's priority is than the server's, in steps of nice(2).
const NICENESS: i32 = 10;

/// The newest interface of Landlock that this code knows.
const NEWEST: ABI = ABI::V6;

/// Gives everything up but `memory` more bytes, for good.
///
/// # Errors
/// When the system does not allow it; nothing must be parsed then.
pub(crate) fn enter(memory: u64) -> anyhow::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    close_others();
    go_first_when_memory_ends();
    // A lower priority can always be had.
    let _ = rustix::process::nice(NICENESS);
    let mapped = mapped()?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::thread::set_no_new_privs(true)?;
    renounce_files()?;
    limit(mapped.saturating_add(memory))?;
    seccompiler::apply_filter(&filter()?)?;
    Ok(())
}

/// Keeps the file, the pipe for the text and that for errors. What started the server may have left it more.
#[expect(unsafe_code, reason = "no safe interface closes what it does not own")]
fn close_others() {
    // SAFETY: nothing of this process is open yet but its three streams. Linux before 5.9 does not know the call; there
    // the filter leaves little to do with a descriptor but to read it.
    unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
}

/// When the machine runs out of memory, a reader goes before the server does.
#[expect(clippy::disallowed_methods, reason = "the kernel's file on this process")]
fn go_first_when_memory_ends() {
    let _ = std::fs::write("/proc/self/oom_score_adj", "900");
}

/// Limits can always be lowered. The seconds of the hard one are later: at the soft one the signal tells why.
fn limit(addresses: u64) -> anyhow::Result<()> {
    for (resource, soft, hard) in [
        (Resource::As, addresses, addresses),
        (Resource::Cpu, PROCESSOR_SECONDS, PROCESSOR_SECONDS + 2),
        (Resource::Stack, STACK, STACK),
        (Resource::Fsize, 0, 0),
        (Resource::Nofile, 0, 0),
        (Resource::Nproc, 0, 0),
        (Resource::Core, 0, 0),
    ] {
        let most = rustix::process::getrlimit(resource).maximum.unwrap_or(u64::MAX);
        let limit = Rlimit { current: Some(soft.min(most)), maximum: Some(hard.min(most)) };
        rustix::process::setrlimit(resource, limit)?;
    }
    Ok(())
}

/// How many bytes of addresses the program takes already.
#[expect(clippy::disallowed_methods, reason = "the kernel's file on this process")]
fn mapped() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap_or_default();
    let kibibytes: u64 = size.trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024)
}

/// No path can be opened, changed or listed any more, no port used, no process outside signalled, whatever the filter of
/// system calls says. An older kernel holds what of it it knows.
fn renounce_files() -> anyhow::Result<()> {
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .handle_access(AccessNet::from_all(NEWEST))?
        .scope(Scope::AbstractUnixSocket | Scope::Signal)?
        .create()?
        .restrict_self()?;
    Ok(())
}

/// Lets the calls of the list through, memory that is not executable, and an abort of this process.
fn filter() -> anyhow::Result<BpfProgram> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = ALLOWED.into_iter().map(|call| (call, vec![])).collect();
    let executable = u64::from(libc::PROT_EXEC.unsigned_abs());
    let not_executable = SeccompCondition::new(2, Dword, SeccompCmpOp::MaskedEq(executable), 0)?;
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![SeccompRule::new(vec![not_executable.clone()])?]);
    }
    let own = SeccompCondition::new(0, Dword, SeccompCmpOp::Eq, u64::from(std::process::id()))?;
    rules.insert(libc::SYS_tgkill, vec![SeccompRule::new(vec![own])?]);
    // An error rather than death: what a library merely tries has a way without it.
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, refuse, SeccompAction::Allow, std::env::consts::ARCH.try_into()?)?;
    Ok(filter.try_into()?)
}
