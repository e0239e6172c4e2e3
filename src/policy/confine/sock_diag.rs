//! Asks the kernel which sockets there are (sock_diag(7)): it lists them at once, where the tables below `/proc/net` take
//! milliseconds to read.

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink::SOCK_DIAG, recv, send, socket_with,
};
use std::io;

/// `SOCK_DIAG_BY_FAMILY` (linux/sock_diag.h).
const BY_FAMILY: u16 = 20;

/// The size of `struct nlmsghdr`.
const HEADER: usize = 16;

/// Asks with the request of one family (`struct unix_diag_req`, `struct inet_diag_req_v2`); each answer, without its
/// header, goes to `take`.
///
/// # Errors
/// Where the kernel does not answer such questions.
pub fn dump(request: &[u8], mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let kernel = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
    let flags = (libc::NLM_F_REQUEST | libc::NLM_F_DUMP) as u16;
    let mut question = ((HEADER + request.len()) as u32).to_ne_bytes().to_vec();
    question.extend(BY_FAMILY.to_ne_bytes());
    question.extend(flags.to_ne_bytes());
    question.resize(HEADER, 0);
    question.extend(request);
    send(&kernel, &question, SendFlags::empty())?;
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let (_, size) = recv(&kernel, &mut buffer, RecvFlags::empty())?;
        if !take_all(&buffer[..size], &mut take)? {
            return Ok(());
        }
    }
}

/// Takes what one datagram has; whether more follow.
fn take_all(mut answers: &[u8], take: &mut impl FnMut(&[u8])) -> io::Result<bool> {
    while let (Some(size), Some(kind)) = (number(answers, 0), answers.get(4..6)) {
        let kind = i32::from(u16::from_ne_bytes([kind[0], kind[1]]));
        if kind == libc::NLMSG_DONE {
            return Ok(false);
        }
        let Some(answer) = answers.get(HEADER..size as usize).filter(|_| kind != libc::NLMSG_ERROR) else {
            return Err(io::ErrorKind::Unsupported.into());
        };
        take(answer);
        // Messages begin at multiples of four.
        answers = answers.get((size as usize).next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(true)
}

/// The number of 32 bits at a place of an answer.
pub fn number(answer: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(answer.get(at..at + 4)?.try_into().ok()?))
}
