//! Wrong keys, counted: who tries many is slowed down, and who has the right one never is.

use crate::error::Error;
use std::{
    collections::{HashMap, VecDeque},
    net::{IpAddr, Ipv6Addr},
    sync::Mutex,
    time::{Duration, Instant},
};

/// How many wrong keys a peer may send within [`WINDOW`], unless a setting says otherwise.
const MAX_WRONG: usize = 10;

/// How long a wrong key counts.
const WINDOW: Duration = Duration::from_secs(60);

/// How many peers are remembered; past it the one that was silent longest is forgotten.
const MAX_PEERS: usize = 4096;

/// The wrong keys of the last minute, by peer.
pub(crate) struct WrongKeys {
    /// How many a peer may send.
    pub max: usize,
    by_peer: Mutex<HashMap<IpAddr, VecDeque<Instant>>>,
}

impl Default for WrongKeys {
    fn default() -> Self {
        Self { max: MAX_WRONG, by_peer: Mutex::default() }
    }
}

impl WrongKeys {
    /// Counts the wrong keys of one request of `peer`: [`Error::WrongKey`], or [`Error::TooMany`] when there are too many
    /// with those of before.
    pub(crate) fn add(&self, peer: IpAddr, count: usize, now: Instant) -> Error {
        let mut by_peer = self.by_peer.lock().expect("no one panics while holding it");
        if by_peer.len() >= MAX_PEERS {
            forget(&mut by_peer, now);
        }
        let times = by_peer.entry(network(peer)).or_default();
        while times.front().is_some_and(|time| now.duration_since(*time) >= WINDOW) {
            times.pop_front();
        }
        let fit = count.min(self.max.saturating_sub(times.len()));
        times.extend(std::iter::repeat_n(now, fit));
        if fit == count {
            return Error::WrongKey;
        }
        let since = times.front().map_or(Duration::ZERO, |first| now.duration_since(*first));
        // Rounded up, so that who waits as long as told is let in again.
        let retry_after = Duration::from_secs(WINDOW.saturating_sub(since).as_secs() + 1);
        let message = format!(
            "Too many wrong API keys: {} within a minute. Wait {} s, or send the right key, which is always accepted",
            self.max,
            retry_after.as_secs()
        );
        Error::TooMany { message, retry_after }
    }
}

/// Drops the peers whose wrong keys no longer count; if there are none, the one that was silent longest.
fn forget(by_peer: &mut HashMap<IpAddr, VecDeque<Instant>>, now: Instant) {
    by_peer.retain(|_, times| times.back().is_some_and(|time| now.duration_since(*time) < WINDOW));
    if by_peer.len() < MAX_PEERS {
        return;
    }
    let oldest = by_peer.iter().min_by_key(|(_, times)| times.back().copied()).map(|(peer, _)| *peer);
    if let Some(oldest) = oldest {
        by_peer.remove(&oldest);
    }
}

/// Whom an address belongs to: one host has one IPv4 address, and 2⁶⁴ of IPv6 (RFC 4291, section 2.5.4).
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_PEERS, MAX_WRONG, WINDOW, WrongKeys};
    use crate::error::Error;
    use std::{
        net::{IpAddr, Ipv4Addr},
        time::{Duration, Instant},
    };

    fn is_wrong(keys: &WrongKeys, peer: &str, now: Instant) -> bool {
        matches!(keys.add(peer.parse().unwrap(), 1, now), Error::WrongKey)
    }

    #[test]
    fn the_eleventh_wrong_key_in_a_minute_has_to_wait_and_no_longer_than_told() {
        let (keys, start) = (WrongKeys::default(), Instant::now());
        for second in 0..10 {
            assert!(is_wrong(&keys, "192.0.2.1", start + Duration::from_secs(second)));
        }
        let at = start + Duration::from_secs(20);
        let Error::TooMany { retry_after, .. } = keys.add("192.0.2.1".parse().unwrap(), 1, at) else {
            panic!("it is let through")
        };
        assert_eq!(retry_after, Duration::from_secs(41));
        assert!(is_wrong(&keys, "192.0.2.1", at + retry_after));
    }

    #[test]
    fn peers_are_counted_apart_but_not_the_addresses_of_one_host() {
        let (keys, now) = (WrongKeys::default(), Instant::now());
        for host in 0..MAX_WRONG {
            assert!(is_wrong(&keys, &format!("2001:db8::{host}"), now));
        }
        assert!(!is_wrong(&keys, "2001:db8::ffff", now) && is_wrong(&keys, "2001:db8:0:1::1", now));
        assert!(is_wrong(&keys, "192.0.2.2", now));
    }

    #[test]
    fn each_key_of_a_request_counts() {
        let (keys, now, peer) = (WrongKeys::default(), Instant::now(), "192.0.2.1".parse().unwrap());
        for _ in 0..2 {
            assert!(matches!(keys.add(peer, 4, now), Error::WrongKey));
        }
        assert!(matches!(keys.add(peer, 4, now), Error::TooMany { .. }) && !is_wrong(&keys, "192.0.2.1", now));
    }

    #[test]
    fn many_peers_do_not_fill_the_memory() {
        let (keys, now) = (WrongKeys::default(), Instant::now());
        for number in 0..100 + u32::try_from(MAX_PEERS).unwrap() {
            let peer = IpAddr::from(Ipv4Addr::from_bits(number));
            let _ = keys.add(peer, 1, now + WINDOW.mul_f64(f64::from(number) / 1e6));
        }
        assert!(keys.by_peer.lock().unwrap().len() <= MAX_PEERS);
    }
}
