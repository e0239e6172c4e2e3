//! TCP sockets that listen. The kernel lists them at once when it is asked over netlink (sock_diag(7)); `/proc/net/tcp`
//! says the same, and takes milliseconds to read where a machine has room for many connections.
#![expect(clippy::disallowed_methods, reason = "the system's view of the bridge's own processes")]

use crate::policy::confine::sock_diag;
use std::{fs, io, path::PathBuf};

/// The state LISTEN (`TCP_LISTEN` of the kernel's `tcp_states.h`).
const LISTEN: u8 = 10;

/// The size of `struct inet_diag_req_v2` (linux/inet_diag.h).
const REQUEST: usize = 56;

/// Where `struct inet_diag_msg` has the local port, the user that opened the socket, and its inode.
const PORT: usize = 4;
const USER: usize = 64;
const INODE: usize = 68;

/// A socket that listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Its port, on any address.
    pub port: u16,
    /// Its number, by which descriptors name it.
    pub inode: u64,
    /// The number of the user that opened it.
    pub user: u32,
}

/// All that listen in the network of this process.
pub(crate) fn here() -> Vec<Listener> {
    ask(libc::AF_INET)
        .and_then(|listeners| Ok([listeners, ask(libc::AF_INET6)?].concat()))
        .unwrap_or_else(|_| read("self"))
}

/// All that listen in the networks of these processes.
pub(crate) fn around(processes: &[u32]) -> Vec<Listener> {
    let network = |process: &str| fs::read_link(format!("/proc/{process}/ns/net")).ok();
    let ours = network("self");
    let mut seen: Vec<Option<PathBuf>> = Vec::new();
    let mut found = Vec::new();
    for process in processes.iter().map(u32::to_string) {
        let theirs = network(&process);
        if theirs.is_some() && !seen.contains(&theirs) {
            found.extend(if theirs == ours { here() } else { read(&process) });
            seen.push(theirs);
        }
    }
    found
}

/// Asks the kernel for the listeners of one family.
fn ask(family: libc::c_int) -> io::Result<Vec<Listener>> {
    let mut request = [0; REQUEST];
    request[0] = family as u8;
    request[1] = libc::IPPROTO_TCP as u8;
    request[4..8].copy_from_slice(&(1_u32 << LISTEN).to_ne_bytes());
    let mut listeners = Vec::new();
    sock_diag::dump(&request, |answer| {
        let numbers = (sock_diag::number(answer, INODE), sock_diag::number(answer, USER));
        if let (Some(port), (Some(inode), Some(user))) = (answer.get(PORT..PORT + 2), numbers) {
            listeners.push(Listener { port: u16::from_be_bytes([port[0], port[1]]), inode: inode.into(), user });
        }
    })?;
    Ok(listeners)
}

/// The same from the table of a process, which may be in another network than this one.
fn read(process: &str) -> Vec<Listener> {
    let tables = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/{process}/net/{table}")));
    tables.iter().flatten().flat_map(|table| table.lines().skip(1)).filter_map(listener).collect()
}

fn listener(line: &str) -> Option<Listener> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (address, state, user, inode) = (fields.get(1)?, fields.get(3)?, fields.get(7)?, fields.get(9)?);
    let port = u16::from_str_radix(address.rsplit(':').next()?, 16).ok()?;
    let (inode, user) = (inode.parse().ok()?, user.parse().ok()?);
    (u8::from_str_radix(state, 16).ok()? == LISTEN).then_some(Listener { port, inode, user })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_and_its_table_name_the_same_listeners() {
        let v4 = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let v6 = std::net::TcpListener::bind("[::1]:0");
        let ports = [Some(v4.local_addr().unwrap().port()), v6.as_ref().ok().map(|v6| v6.local_addr().unwrap().port())];
        for port in ports.into_iter().flatten() {
            let of = |all: Vec<Listener>| all.into_iter().filter(|one| one.port == port).collect::<Vec<_>>();
            assert_eq!(of(here()), of(read("self")), "{port}");
            assert_eq!(of(around(&[std::process::id()])).len(), 1, "{port}");
        }
    }
}
