//! Under which addresses a bridge is reached.

use std::net::{IpAddr, SocketAddr, UdpSocket};

/// An address that no network has (RFC 5737), to ask the system by which of its own it would go out.
const ELSEWHERE: &str = "192.0.2.1:9";

/// The address by which this machine reaches a bridge that listens on `host`: `http://127.0.0.1:7860`.
pub fn local_url(host: &str, port: u16) -> String {
    format!("http://{}:{port}", bracketed(&local_host(host)))
}

/// The host of [`local_url`], without brackets: one that stands for all addresses is none to connect to.
pub fn local_host(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "::1".to_owned(),
        _ if bare.is_empty() => "127.0.0.1".to_owned(),
        _ => bare.to_owned(),
    }
}

/// The address by which other machines reach a bridge that listens on `address`, where that is known.
pub fn network_url(address: SocketAddr) -> Option<String> {
    let host = if address.ip().is_unspecified() { outgoing()? } else { address.ip() };
    Some(format!("http://{}:{}", bracketed(&host.to_string()), address.port()))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// This machine's own address in its network. Nothing is sent.
fn outgoing() -> Option<IpAddr> {
    let socket = UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect(ELSEWHERE).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_loopback() && !own.is_unspecified()).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::local_url;

    #[test]
    fn an_address_for_all_is_reached_by_loopback() {
        for (host, url) in [
            ("0.0.0.0", "http://127.0.0.1:1"),
            ("::", "http://[::1]:1"),
            ("[::]", "http://[::1]:1"),
            ("127.0.0.1", "http://127.0.0.1:1"),
            ("fe80::1", "http://[fe80::1]:1"),
            ("my-host", "http://my-host:1"),
        ] {
            assert_eq!(local_url(host, 1), url);
        }
    }
}
