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
pub(crate) struct Ports(Vec<u16>);

impl Ports {
    /// The ports that anyone listens on now.
    pub(crate) fn open_now() -> Self {
        #[cfg(target_os = "linux")]
        return Self(super::sockets::here().into_iter().map(|socket| socket.port).collect());
        #[cfg(not(target_os = "linux"))]
        Self::default()
    }

    /// Whether `port` is among them.
    pub(crate) fn contains(&self, port: u16) -> bool {
        self.0.contains(&port)
    }
}

/// Whether loopback accepts a connection.
pub(crate) async fn accepts(port: u16) -> bool {
    let addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
    for address in addresses {
        if matches!(tokio::time::timeout(CONNECT_TIME, TcpStream::connect(address)).await, Ok(Ok(_))) {
            return true;
        }
    }
    false
}

/// Whether `root` or a descendant of it listens on `port`, on any address, in whatever network it sees.
pub(crate) fn tree_listens(root: u32, port: u16) -> bool {
    #[cfg(target_os = "linux")]
    return linux::tree_listens(root, port);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (root, port);
        false
    }
}

/// Who listens on a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortHolder {
    /// The process's number and its command line, where this user may know them.
    pub process: Option<(u32, String)>,
    /// The number of the user that opened the port.
    pub user: u32,
}

/// Who listens on `port`, where the system tells.
pub(crate) fn port_holder(port: u16) -> Option<PortHolder> {
    #[cfg(target_os = "linux")]
    return linux::port_holder(port);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = port;
        None
    }
}

/// The processes that a process started and that run.
pub(crate) fn children(process: u32) -> Vec<u32> {
    #[cfg(target_os = "linux")]
    return crate::policy::confine::trees::children(process);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = process;
        vec![]
    }
}

#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "the system's list of processes")]
mod linux {
    use super::PortHolder;
    use crate::{
        policy::confine::trees::{descendants, open_sockets},
        terminal::processes::running::sockets,
    };
    use std::fs;

    /// A command line is shown up to so many characters.
    const MAX_COMMAND: usize = 80;

    pub(super) fn port_holder(port: u16) -> Option<PortHolder> {
        let socket = sockets::here().into_iter().find(|socket| socket.port == port)?;
        let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
        let mut ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let holder = ids.find(|id| open_sockets(*id).is_ok_and(|open| open.contains(&socket.inode)));
        Some(PortHolder { process: holder.map(|id| (id, command_line(id))), user: socket.user })
    }

    /// Whatever a program calls itself must not reach the terminal that it is shown on but as letters.
    fn command_line(id: u32) -> String {
        let bytes = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
        let shown: String = text.trim().chars().filter(|c| !c.is_control()).take(MAX_COMMAND).collect();
        if shown.is_empty() { "another program".to_owned() } else { format!("`{shown}`") }
    }

    pub(super) fn tree_listens(root: u32, port: u16) -> bool {
        let tree = descendants(root);
        let listeners = sockets::around(&tree).into_iter();
        let wanted: Vec<u64> = listeners.filter(|socket| socket.port == port).map(|socket| socket.inode).collect();
        let holds =
            |process: &u32| open_sockets(*process).unwrap_or_default().iter().any(|inode| wanted.contains(inode));
        !wanted.is_empty() && tree.iter().any(holds)
    }
}
