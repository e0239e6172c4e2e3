//! Which names lead inside whatever they resolve to, and which ports speak something else than HTTP.

use super::addresses;
use std::net::{IpAddr, Ipv4Addr};

/// Ends of names that exist only inside a network (RFC 6761, RFC 6762, RFC 8375, ICANN's `.internal`, and what
/// routers, container engines and clusters use).
const INNER_SUFFIXES: &[&str] = &[
    "localhost",
    "localdomain",
    "local",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "home.arpa",
    "svc",
    "cluster.local",
    "consul",
    "test",
    "invalid",
    "onion",
];

/// Public names that are known to lead inside: metadata services, and services that give loopback a public name.
const INNER_NAMES: &[&str] = &[
    "metadata.goog",
    "localtest.me",
    "lvh.me",
    "vcap.me",
    "lacolhost.com",
    "fuf.me",
    "localho.st",
    "localhost.direct",
    "127-0-0-1.org.uk",
    "spoofed.burpcollaborator.net",
    "bugbounty.dod.network",
    "lndo.site",
    "ddev.site",
    "local.gd",
];

/// Services that resolve `anything.1.2.3.4.SERVICE` (or `1-2-3-4`, or eight hexadecimal digits) to the address in it.
const ADDRESS_NAMES: &[&str] = &["nip.io", "sslip.io", "xip.io", "traefik.me", "rbndr.us", "1u.ms", "backname.io"];

/// The bad ports of the Fetch standard, section 2.10 <https://fetch.spec.whatwg.org/#port-blocking>: a request there
/// could be read as another protocol's.
const BAD_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109,
    110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531,
    532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060,
    5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

/// Why a name leads inside, as a sentence goes on after "is"; `None` when its addresses decide. `name` is in lower
/// case, as the URL standard writes it.
pub(crate) fn inside(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches('.');
    if !name.contains('.') {
        return Some("a name without a dot, which exists only inside a network");
    }
    if INNER_SUFFIXES.iter().any(|suffix| is_below(name, suffix)) {
        return Some("a name that exists only inside a network");
    }
    if INNER_NAMES.iter().any(|known| is_below(name, known)) {
        return Some("a name that is known to lead inside");
    }
    let service = ADDRESS_NAMES.iter().find(|service| is_below(name, service))?;
    let front = &name[..name.len() - service.len()];
    let mut carried = addresses_in(front);
    carried.any(|address| addresses::inside(address.into()).is_some()).then_some("a name of an address inside")
}

/// Whether HTTP is spoken there.
pub(crate) fn is_bad_port(port: u16) -> bool {
    BAD_PORTS.binary_search(&port).is_ok()
}

fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}

/// Every IPv4 address that the labels spell: four numbers in a row, or eight hexadecimal digits.
fn addresses_in(front: &str) -> impl Iterator<Item = Ipv4Addr> {
    let parts: Vec<&str> = front.split(['.', '-']).collect();
    let dotted: Vec<_> = parts.windows(4).filter_map(|four| four.join(".").parse().ok()).collect();
    let hexadecimal: Vec<_> = parts.iter().filter(|part| part.len() == 8).copied().map(str::to_owned).collect();
    let hexadecimal = hexadecimal.into_iter().filter_map(|digits| u32::from_str_radix(&digits, 16).ok());
    dotted.into_iter().chain(hexadecimal.map(Ipv4Addr::from_bits))
}

/// Whether an entry of a list names this host, with `:port` only at that port; case, brackets and a final dot do not
/// matter.
pub(crate) fn is_named_by(entry: &str, host: &str, port: u16) -> bool {
    let plain = |host: &str| {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_lowercase();
        host.parse::<IpAddr>().map_or(host, |address| address.to_string())
    };
    let at_port =
        || entry.rsplit_once(':').is_some_and(|(name, of)| of == port.to_string() && plain(name) == plain(host));
    plain(entry) == plain(host) || at_port()
}

#[cfg(test)]
mod tests {
    use super::{BAD_PORTS, inside, is_named_by};

    #[test]
    fn the_ports_are_in_order_so_that_they_can_be_found() {
        assert!(BAD_PORTS.is_sorted());
    }

    #[test]
    fn names_are_judged_by_whole_labels() {
        for name in ["intranet", "a.local", "x.svc", "app.localtest.me", "10.0.0.1.nip.io", "x-7f000001.sslip.io"] {
            assert!(inside(name).is_some(), "{name}");
        }
        for name in ["example.com", "notlocal.example", "my-localhost.com", "8-8-8-8.nip.io", "nip.io", "a.svc.com"] {
            assert!(inside(name).is_none(), "{name}");
        }
    }

    #[test]
    fn a_list_names_hosts_with_or_without_a_port() {
        for (entry, host, port) in [
            ("Nas.local", "nas.local", 80),
            ("nas.local:5000", "nas.local", 5000),
            ("::1", "[::1]", 80),
            ("[::1]:8080", "[::1]", 8080),
            ("10.0.0.7", "10.0.0.7", 80),
        ] {
            assert!(is_named_by(entry, host, port), "{entry}");
        }
        assert!(!is_named_by("nas.local:5000", "nas.local", 80));
        assert!(!is_named_by("local", "nas.local", 80));
    }
}
