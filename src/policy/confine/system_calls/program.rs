//! The filter as the kernel's classic BPF: a search by halves for the call's number, since the kernel tries a filter out
//! with each number when it is installed, which is before each command.

use anyhow::{Context, ensure};
use libc::{
    BPF_ABS, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_K, BPF_LD, BPF_RET, BPF_W, SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO,
    SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_USER_NOTIF,
};
use seccompiler::{BpfProgram, SeccompRule, sock_filter};
use std::collections::BTreeMap;

/// The most instructions that the kernel takes (`BPF_MAXINSNS`).
const MOST_INSTRUCTIONS: usize = 4096;

/// Where `struct seccomp_data` has the call's number and its architecture (linux/seccomp.h).
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// The architecture whose numbers these are (linux/audit.h); none where the filter is not written for it.
#[cfg(target_arch = "x86_64")]
const NATIVE: Option<u32> = Some(0xc000_003e);
#[cfg(target_arch = "aarch64")]
const NATIVE: Option<u32> = Some(0xc000_00b7);
#[cfg(target_arch = "riscv64")]
const NATIVE: Option<u32> = Some(0xc000_00f3);
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
const NATIVE: Option<u32> = None;

/// What the kernel does about a call: instructions that end with one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer(BpfProgram);

impl Answer {
    /// The call is made.
    pub(crate) fn allow() -> Self {
        Self(vec![end(SECCOMP_RET_ALLOW)])
    }

    /// The process that looks after the program makes the call, or does not.
    pub(crate) fn ask() -> Self {
        Self(vec![end(SECCOMP_RET_USER_NOTIF)])
    }

    /// The call fails with this number of errno(3).
    pub(crate) fn error(number: i32) -> Self {
        Self(vec![end(SECCOMP_RET_ERRNO | number.unsigned_abs())])
    }

    /// Another answer where the arguments fit a rule.
    pub(crate) fn unless(self, rule: SeccompRule, answer: &Self) -> anyhow::Result<Self> {
        // A compiled rule goes on behind itself when it fits, and otherwise skips the one instruction that is there.
        ensure!(answer.0.len() == 1, "an answer to a rule is one instruction");
        Ok(Self([BpfProgram::from(rule), answer.0.clone(), self.0].concat()))
    }
}

/// The filter that gives these answers, each to the call of its number, and to all others that there is no such call. A
/// program for another architecture is ended: its numbers mean other calls.
///
/// # Errors
/// On an architecture that it is not written for, and when it would be too long.
pub(crate) fn assemble(answers: &BTreeMap<u32, Answer>) -> anyhow::Result<BpfProgram> {
    let native = NATIVE.context("the filter of system calls is not written for this architecture")?;
    let absent = Answer::error(libc::ENOSYS);
    let last = answers.keys().next_back().copied().unwrap_or_default();
    let mut ranges: Vec<(u32, &Answer)> = Vec::new();
    for number in 0..=last + 1 {
        let answer = answers.get(&number).unwrap_or(&absent);
        if ranges.last().is_none_or(|(_, previous)| *previous != answer) {
            ranges.push((number, answer));
        }
    }
    let mut program =
        vec![load(ARCHITECTURE), jump(BPF_JEQ, native, 1, 0), end(SECCOMP_RET_KILL_PROCESS), load(NUMBER)];
    program.extend(search(&ranges)?);
    ensure!(program.len() <= MOST_INSTRUCTIONS, "the filter of system calls is too long: {}", program.len());
    Ok(program)
}

/// Finds the range that holds the number; each goes from its first number to that of the next one.
fn search(ranges: &[(u32, &Answer)]) -> anyhow::Result<BpfProgram> {
    if let [(_, answer)] = ranges {
        return Ok(answer.0.clone());
    }
    let (below, above) = ranges.split_at(ranges.len() / 2);
    let middle = above.first().context("there is a range for every number")?.0;
    let (below, above) = (search(below)?, search(above)?);
    // A conditional jump reaches 255 instructions.
    let over = match u8::try_from(below.len()) {
        Ok(length) => vec![jump(BPF_JGE, middle, length, 0)],
        Err(_) => vec![jump(BPF_JGE, middle, 0, 1), instruction(BPF_JMP | BPF_JA, u32::try_from(below.len())?, 0, 0)],
    };
    Ok([over, below, above].concat())
}

fn load(offset: u32) -> sock_filter {
    instruction(BPF_LD | BPF_W | BPF_ABS, offset, 0, 0)
}

fn end(action: u32) -> sock_filter {
    instruction(BPF_RET | BPF_K, action, 0, 0)
}

fn jump(test: u32, value: u32, if_so: u8, if_not: u8) -> sock_filter {
    instruction(BPF_JMP | test | BPF_K, value, if_so, if_not)
}

fn instruction(code: u32, value: u32, if_so: u8, if_not: u8) -> sock_filter {
    sock_filter { code: u16::try_from(code).expect("codes have 16 bits"), jt: if_so, jf: if_not, k: value }
}
