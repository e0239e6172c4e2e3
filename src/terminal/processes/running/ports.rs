//! Which TCP ports are listened on: how a development server shows that it is up.

use std::{
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};
use tokio::net::TcpStream;

/// How long loopback may take to accept.
const CONNECT_TIME: Duration = Duration::from_millis(500);

/// Ports that were open at one moment. Empty where the system does not say.
#[derive(Debug, Default)]
pub struct Ports(Vec<u16>);

impl Ports {
    /// The ports that anyone listens on now.
    pub fn open_now() -> Self {
        #[cfg(target_os = "linux")]
        return Self(super::sockets::here().into_iter().map(|socket| socket.port).collect());
        #[cfg(not(target_os = "linux"))]
        Self::default()
    }

    /// Whether `port` is among them.
    pub fn contains(&self, port: u16) -> bool {
        self.0.contains(&port)
    }
}

/// Whether loopback accepts a connection.
pub async fn accepts(port: u16) -> bool {
    let addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
    for address in addresses {
        if matches!(tokio::time::timeout(CONNECT_TIME, TcpStream::connect(address)).await, Ok(Ok(_))) {
            return true;
        }
    }
    false
}

/// Whether `root` or a descendant of it listens on `port`, on any address, in whatever network it sees.
pub fn tree_listens(root: u32, port: u16) -> bool {
    #[cfg(target_os = "linux")]
    return linux::tree_listens(root, port);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (root, port);
        false
    }
}

/// The processes that a process started and that run.
pub fn children(process: u32) -> Vec<u32> {
    #[cfg(target_os = "linux")]
    return linux::children(process);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = process;
        vec![]
    }
}

#[cfg(target_os = "linux")]
mod linux {
    #![expect(clippy::disallowed_methods, reason = "the system's view of the bridge's own processes")]

    use crate::terminal::processes::running::sockets;

    pub(super) fn tree_listens(root: u32, port: u16) -> bool {
        let tree = tree(root);
        let listeners = sockets::around(&tree).into_iter();
        let wanted: Vec<String> =
            listeners.filter(|socket| socket.port == port).map(|socket| socket.inode.to_string()).collect();
        !wanted.is_empty() && tree.iter().any(|process| holds(*process, &wanted))
    }

    fn holds(process: u32, inodes: &[String]) -> bool {
        let Ok(descriptors) = std::fs::read_dir(format!("/proc/{process}/fd")) else { return false };
        descriptors.flatten().any(|descriptor| {
            let target = std::fs::read_link(descriptor.path()).unwrap_or_default();
            let target = target.to_string_lossy();
            let inode = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            inode.is_some_and(|inode| inodes.iter().any(|wanted| wanted == inode))
        })
    }

    /// A process and all that descend from it.
    fn tree(root: u32) -> Vec<u32> {
        let mut found = vec![root];
        let mut place = 0;
        while let Some(process) = found.get(place).copied() {
            place += 1;
            found.extend(children(process));
        }
        found
    }

    /// Any of a process's threads may have started a child (proc_pid_children(5)).
    pub(super) fn children(process: u32) -> Vec<u32> {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{process}/task")) else { return vec![] };
        let lists = threads.flatten().map(|thread| std::fs::read_to_string(thread.path().join("children")));
        let lists: Vec<String> = lists.filter_map(Result::ok).collect();
        lists.iter().flat_map(|list| list.split_ascii_whitespace()).filter_map(|child| child.parse().ok()).collect()
    }
}
