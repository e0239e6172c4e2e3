//! The system calls that a confined program may make: a list of those that are allowed (`calls.txt`), as a filter of the
//! kernel's (seccomp).
//!
//! A call that is not on the list does not exist for programs: they fall back as on an older kernel. So a call that a
//! newer kernel brings is not allowed before somebody has read what it does.

mod conditions;
mod own_processes;
mod process;
mod program;
pub mod questions;
mod shared_folders;
pub(crate) mod shared_memory;

use conditions::Condition;
use program::Answer;
use seccompiler::BpfProgram;
use std::collections::BTreeMap;
use syscalls::Sysno;

/// The calls in groups, each with what becomes of it and why.
const CALLS: &str = include_str!("calls.txt");

/// What a program finds where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// It may have named sockets on this machine, such as a container engine's.
    pub local_sockets: bool,
    /// It may have sockets to other machines.
    pub network: bool,
    /// Whether its processes and what they share are its own.
    pub apart: Apart,
}

/// Whether a program has a process and an IPC namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apart {
    /// None: the machine's processes have numbers there, and what it leaves in shared memory stays.
    No,
    /// Both, and the kernel counts what is in them.
    Yes,
    /// Both; the kernel lets only the superuser tell it how much may be in them.
    Uncounted,
}

/// What becomes of the calls of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allow,
    Refuse,
    Absent,
}

/// A line of the list.
#[derive(Clone, Copy, Debug)]
struct Call<'a> {
    name: &'a str,
    verdict: Verdict,
    /// What its arguments must be like, where the call is allowed.
    condition: Option<&'a str>,
}

/// The filter of a program on such a host.
///
/// # Errors
/// On an architecture that it is not written for, and for a list that cannot be read.
pub(crate) fn filter(host: Host) -> anyhow::Result<BpfProgram> {
    let mut answers = BTreeMap::new();
    for call in calls(CALLS) {
        let call = call?;
        // Others are of other architectures.
        if let Ok(number) = call.name.parse::<Sysno>() {
            answers.insert(u32::try_from(number.id())?, answer(call, host)?);
        }
    }
    program::assemble(&answers)
}

fn answer(call: Call<'_>, host: Host) -> anyhow::Result<Answer> {
    Ok(match (call.verdict, call.condition) {
        (Verdict::Allow, Some(condition)) => condition.parse::<Condition>()?.answer(host)?,
        (Verdict::Allow, None) => Answer::allow(),
        (Verdict::Refuse, _) => Answer::error(libc::EPERM),
        (Verdict::Absent, _) => Answer::error(libc::ENOSYS),
    })
}

/// Reads the list.
fn calls(list: &str) -> impl Iterator<Item = anyhow::Result<Call<'_>>> {
    let lines = list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut verdict = None;
    lines.filter_map(move |line| {
        if line.starts_with('[') {
            verdict = group(line);
            return verdict.is_none().then(|| Err(anyhow::anyhow!("no group of system calls begins with: {line}")));
        }
        let (name, condition) = line.split_once(':').map_or((line, None), |(name, rest)| (name, Some(rest.trim())));
        let call = verdict.map(|verdict| Call { name, verdict, condition });
        Some(call.ok_or_else(|| anyhow::anyhow!("{name} is in no group of system calls")))
    })
}

/// The verdict of `[name] verdict: why`.
fn group(line: &str) -> Option<Verdict> {
    let (_, rest) = line.split_once(']')?;
    match rest.split_once(':')?.0.trim() {
        "allow" => Some(Verdict::Allow),
        "refuse" => Some(Verdict::Refuse),
        "absent" => Some(Verdict::Absent),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_call_of_the_kernel_stands_in_the_list_once() {
        let names: Vec<&str> = calls(CALLS).map(|call| call.unwrap().name).collect();
        let listed: BTreeSet<&str> = names.iter().copied().collect();
        assert_eq!(names.len(), listed.len(), "one of them stands there twice");
        let missing: Vec<_> = Sysno::iter().map(|call| call.name()).filter(|name| !listed.contains(name)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn no_name_of_the_list_is_misspelt() {
        for call in calls(CALLS).map(Result::unwrap).filter(|call| !call.name.starts_with("riscv_")) {
            assert!(call.name.parse::<Sysno>().is_ok(), "{}", call.name);
        }
    }

    #[test]
    fn a_list_with_a_mistake_is_refused() {
        for list in ["read", "[files] maybe: x\nread", "[files]\nread"] {
            assert!(calls(list).any(|call| call.is_err()), "{list}");
        }
        let call = Call { name: "open", verdict: Verdict::Allow, condition: Some("any-mode 1") };
        assert!(answer(call, Host { local_sockets: true, network: true, apart: Apart::Yes }).is_err());
    }
}
