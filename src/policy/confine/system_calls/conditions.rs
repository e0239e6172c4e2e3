//! What the arguments of a call must be like. The kernel compares numbers only: what a pointer leads to it cannot see.

use super::{Apart, Host, program::Answer};
use anyhow::{Context, bail};
use libc::c_int;
use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};
use std::str::FromStr;

/// Set-user-id and set-group-id.
const SET_ID: u32 = libc::S_ISUID | libc::S_ISGID;

/// The bit of a file's type that devices have, and of all that mknod(2) makes they alone.
const DEVICE: u32 = libc::S_IFCHR;

/// Flags with which open(2) makes a file. `O_TMPFILE` has the bit of `O_DIRECTORY` in it, which others use, too.
const CREATES: c_int = (libc::O_CREAT | libc::O_TMPFILE) & !libc::O_DIRECTORY;

/// Flags of clone(2) that make namespaces.
const NAMESPACES: c_int = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;

/// Requests of ioctl(2) that put input into a terminal, for whoever reads it next: the user's own shell may.
#[allow(clippy::unnecessary_cast, reason = "their type is another one with each library of C")]
const TYPING: [u32; 2] = [libc::TIOCSTI as u32, libc::TIOCLINUX as u32];

/// Ways of execution (personality(2)): plain, of 32 bits, of a version 2.6, both of them, without address randomisation
/// (debuggers and sanitizers), and the question which it is. Not among them: memory that is executable by being readable.
const PERSONALITIES: [u32; 6] = [0, 8, 0x2_0000, 0x2_0008, 0x4_0000, u32::MAX];

/// The part of a socket's type that is not flags (`SOCK_TYPE_MASK` of the kernel).
const SOCKET_TYPE: u32 = 0xf;

/// Protocols of the internet, by the types of their sockets: the usual one, TCP and MPTCP; the usual one, UDP and the
/// echo of ping(8).
const INTERNET: [(c_int, &[c_int]); 2] = [
    (libc::SOCK_STREAM, &[0, libc::IPPROTO_TCP, libc::IPPROTO_MPTCP]),
    (libc::SOCK_DGRAM, &[0, libc::IPPROTO_UDP, libc::IPPROTO_ICMP, libc::IPPROTO_ICMPV6]),
];

/// A condition of the list, with the places of the arguments that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The mode of a file or folder that is there: set-group-id where that is a folder.
    Mode(u8),
    /// The mode of a new file.
    NewMode(u8),
    /// The mode of a new file or pipe, and no device: an overlay reads one without a number as a file's absence.
    NewNode(u8),
    /// The flags of open(2), and the mode of what it may make.
    CreatedMode(u8, u8),
    /// Nothing is typed into a terminal.
    NoTyping(u8),
    /// No new namespaces.
    NoNamespaces(u8),
    /// A way of execution that weakens nothing.
    HarmlessPersonality(u8),
    /// A socket that programs need.
    NeededSocket,
    /// A pair of sockets that cannot leave the program.
    NeededPair,
    /// A process or thread of the program's own, and where another argument says what kind of number that is, this kind.
    OwnProcess(u8, Option<u32>),
    /// What the program shares with nobody else, which goes with it.
    Own,
    /// The same, of which it may have so much.
    OwnAndCounted,
}

impl FromStr for Condition {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let mut words = text.split_ascii_whitespace();
        let name = words.next().unwrap_or_default();
        let mut place = || words.next().and_then(|word| word.parse().ok()).context(format!("{name} of what argument?"));
        Ok(match name {
            "mode" => Self::Mode(place()?),
            "new-mode" => Self::NewMode(place()?),
            "new-node" => Self::NewNode(place()?),
            "created-mode" => Self::CreatedMode(place()?, place()?),
            "no-typing" => Self::NoTyping(place()?),
            "no-namespaces" => Self::NoNamespaces(place()?),
            "harmless-personality" => Self::HarmlessPersonality(place()?),
            "needed-socket" => Self::NeededSocket,
            "needed-pair" => Self::NeededPair,
            "own-process" => Self::OwnProcess(place()?, place().ok().map(u32::from)),
            "own" => Self::Own,
            "own-and-counted" => Self::OwnAndCounted,
            _ => bail!("no condition on system calls has this name: {name}"),
        })
    }
}

impl Condition {
    /// What becomes of a call under this condition.
    ///
    /// # Errors
    /// For a place that no argument has.
    pub(crate) fn answer(self, host: Host) -> anyhow::Result<Answer> {
        let refused = Answer::error(libc::EPERM);
        match self {
            Self::Mode(place) => {
                let group_at_most = SeccompRule::new(vec![none_of(place, libc::S_ISUID)?])?;
                allow(refused.unless(group_at_most, &Answer::ask())?, [vec![none_of(place, SET_ID)?]])
            }
            Self::NewMode(place) => allow(refused, [vec![none_of(place, SET_ID)?]]),
            Self::NewNode(place) => allow(refused, [vec![none_of(place, SET_ID | DEVICE)?]]),
            Self::CreatedMode(flags, mode) => {
                allow(refused, [vec![none_of(flags, bits(CREATES))?], vec![none_of(mode, SET_ID)?]])
            }
            Self::NoTyping(place) => {
                let others = TYPING.iter().map(|request| compare(place, SeccompCmpOp::Ne, *request));
                allow(refused, [others.collect::<anyhow::Result<_>>()?])
            }
            Self::NoNamespaces(place) => allow(refused, [vec![none_of(place, bits(NAMESPACES))?]]),
            Self::HarmlessPersonality(place) => {
                let known = PERSONALITIES.iter().map(|way| Ok(vec![is(place, *way)?]));
                allow(refused, known.collect::<anyhow::Result<Vec<_>>>()?)
            }
            Self::NeededSocket => needed_socket(host),
            Self::NeededPair => needed_pair(host),
            Self::OwnProcess(place, kind) if host.apart == Apart::No => own_process(place, kind),
            Self::Own | Self::OwnAndCounted if host.apart == Apart::No => Ok(Answer::error(libc::ENOSYS)),
            Self::OwnAndCounted if host.apart == Apart::Uncounted => Ok(Answer::ask()),
            Self::OwnProcess(..) | Self::Own | Self::OwnAndCounted => Ok(Answer::allow()),
        }
    }
}

/// Of families and protocols that nobody needs programs hear that the kernel has none, which they are used to; of those
/// that the policy takes away, that it is not permitted.
fn needed_socket(host: Host) -> anyhow::Result<Answer> {
    let mut answer = Answer::error(libc::EAFNOSUPPORT);
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_PACKET] {
        answer = answer.unless(SeccompRule::new(vec![is(0, bits(family))?])?, &Answer::error(libc::EPERM))?;
    }
    // The table of routes and addresses, which looking up a name needs.
    let mut needed = vec![vec![is(0, bits(libc::AF_NETLINK))?, is(2, bits(libc::NETLINK_ROUTE))?]];
    if host.local_sockets {
        needed.push(vec![is(0, bits(libc::AF_UNIX))?]);
    }
    if host.network {
        for family in [libc::AF_INET, libc::AF_INET6] {
            for (kind, protocols) in INTERNET {
                for protocol in protocols {
                    needed.push(vec![is(0, bits(family))?, is_type(kind)?, is(2, bits(*protocol))?]);
                }
            }
        }
    }
    allow(answer, needed)
}

/// A pair of streams is connected for good. One of datagrams can be sent from to any name, so it is allowed where named
/// sockets are.
fn needed_pair(host: Host) -> anyhow::Result<Answer> {
    let local = is(0, bits(libc::AF_UNIX))?;
    let needed = match host.local_sockets {
        true => vec![vec![local]],
        false => vec![vec![local.clone(), is_type(libc::SOCK_STREAM)?], vec![local, is_type(libc::SOCK_SEQPACKET)?]],
    };
    allow(Answer::error(libc::EPERM), needed)
}

/// The number 0 is the caller. Whose another one is, the process that looks after the program knows; a number of another
/// kind may be that of a group or a user, and so of processes outside.
fn own_process(place: u8, kind: Option<u32>) -> anyhow::Result<Answer> {
    let kind = kind.map(|kind| is(0, kind)).transpose()?;
    let (caller, asked) = (is(place, 0)?, Answer::ask());
    let answer = match kind.clone() {
        Some(kind) => Answer::error(libc::EPERM).unless(SeccompRule::new(vec![kind])?, &asked)?,
        None => asked,
    };
    allow(answer, [kind.into_iter().chain([caller]).collect()])
}

/// Another answer where all conditions of one of the rules are met: the call is made.
fn allow(answer: Answer, rules: impl IntoIterator<Item = Vec<SeccompCondition>>) -> anyhow::Result<Answer> {
    rules.into_iter().try_fold(answer, |answer, rule| answer.unless(SeccompRule::new(rule)?, &Answer::allow()))
}

fn is(place: u8, value: u32) -> anyhow::Result<SeccompCondition> {
    compare(place, SeccompCmpOp::Eq, value)
}

fn is_type(kind: c_int) -> anyhow::Result<SeccompCondition> {
    compare(1, SeccompCmpOp::MaskedEq(SOCKET_TYPE.into()), bits(kind))
}

fn none_of(place: u8, mask: u32) -> anyhow::Result<SeccompCondition> {
    compare(place, SeccompCmpOp::MaskedEq(mask.into()), 0)
}

/// All of these arguments have 32 bits; what is above them the kernel does not look at either.
fn compare(place: u8, how: SeccompCmpOp, value: u32) -> anyhow::Result<SeccompCondition> {
    Ok(SeccompCondition::new(place, SeccompCmpArgLen::Dword, how, value.into())?)
}

/// The bits of a number that C has with a sign.
fn bits(number: c_int) -> u32 {
    number.cast_unsigned()
}
