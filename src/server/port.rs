//! Taking a port to listen on, and saying why one cannot be had.

use crate::{
    settings::Settings,
    terminal::processes::{PortHolder, port_holder},
};
use anyhow::{Context, Result, anyhow};
use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
};
use tokio::net::{TcpListener, TcpSocket};

/// How many connections the system keeps until they are accepted; it takes less where its own limit is lower.
const BACKLOG: u32 = 8192;

/// So many ports are tried where nobody chose one, the default's first.
const MOST_TRIED: u16 = 50;

/// A port that was taken.
pub struct Bound {
    /// Nobody can connect to it before [`listen`].
    pub socket: TcpSocket,
    /// Why it is not the port of the settings, in a sentence.
    pub instead_of: Option<String>,
}

/// Takes the first of the addresses of the settings' host that can be had, with the settings' port. Where nobody chose
/// that port and it is in use, the next free one does.
///
/// # Errors
/// When none can be had; the message says why and what helps.
pub async fn bind(settings: &Settings) -> Result<Bound> {
    let (host, port) = (&*settings.host, settings.port);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = tokio::net::lookup_host((bare, port.number)).await;
    let nowhere = || format!("MCP_HOST is {host:?}, which has no address");
    let addresses: Vec<SocketAddr> = found.with_context(nowhere)?.collect();
    let error = match bind_first(&addresses, port.number) {
        Ok(socket) => return Ok(Bound { socket, instead_of: None }),
        Err(error) => error,
    };
    let failure = explain(&error, host, port.number);
    if error.kind() != ErrorKind::AddrInUse || port.is_chosen {
        return Err(failure);
    }
    let mut others = (1..MOST_TRIED).filter_map(|more| port.number.checked_add(more));
    let socket = others.find_map(|other| bind_first(&addresses, other).ok()).ok_or(failure)?;
    Ok(Bound { socket, instead_of: Some(in_use(port.number)) })
}

/// Listens where [`bind`] took an address.
///
/// # Errors
/// When somebody else has come to listen there meanwhile.
pub fn listen(socket: TcpSocket) -> Result<TcpListener> {
    socket.listen(BACKLOG).context("cannot listen: another server has taken the port just now, so start again")
}

fn bind_first(addresses: &[SocketAddr], port: u16) -> io::Result<TcpSocket> {
    let mut failure = ErrorKind::AddrNotAvailable.into();
    for address in addresses {
        match bind_to(SocketAddr::new(address.ip(), port)) {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

fn bind_to(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // As the standard library does: a server that was just stopped must not keep the port from the next one.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn explain(error: &io::Error, host: &str, port: u16) -> anyhow::Error {
    match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("{}: stop that, or choose another port with --port or MCP_PORT", in_use(port))
        }
        ErrorKind::PermissionDenied => anyhow!(
            "this user has no permission to listen on port {port}: most systems keep the ports below 1024 for the \
             administrator, so choose a higher one with --port or MCP_PORT"
        ),
        ErrorKind::AddrNotAvailable => anyhow!(
            "MCP_HOST is {host:?}, which is no address of this machine: 127.0.0.1 is for this machine alone, 0.0.0.0 \
             for its whole network"
        ),
        _ => anyhow!("cannot listen on {host}:{port}: {error}"),
    }
}

/// Says who has a port, as far as the system tells.
fn in_use(port: u16) -> String {
    let who = match port_holder(port) {
        Some(PortHolder { process: Some((id, command)), .. }) => format!("{command} (process {id})"),
        Some(PortHolder { user, .. }) => format!("a program of the user with the number {user}"),
        None => "another program".to_owned(),
    };
    format!("port {port} is in use by {who}")
}

#[cfg(test)]
mod tests {
    use super::explain;
    use std::io::ErrorKind;

    #[test]
    fn a_port_that_needs_permission_is_not_taken_for_one_that_is_in_use() {
        let text = explain(&ErrorKind::PermissionDenied.into(), "127.0.0.1", 80).to_string();
        assert!(text.contains("permission") && text.contains("--port") && !text.contains("in use"), "{text}");
    }
}
