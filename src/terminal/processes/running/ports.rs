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
    return crate::policy::confine::trees::children(process);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = process;
        vec![]
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use crate::{
        policy::confine::trees::{descendants, open_sockets},
        terminal::processes::running::sockets,
    };

    pub(super) fn tree_listens(root: u32, port: u16) -> bool {
        let tree = descendants(root);
        let listeners = sockets::around(&tree).into_iter();
        let wanted: Vec<u64> = listeners.filter(|socket| socket.port == port).map(|socket| socket.inode).collect();
        let holds = |process: &u32| open_sockets(*process).iter().any(|inode| wanted.contains(inode));
        !wanted.is_empty() && tree.iter().any(holds)
    }
}
