//! Which addresses lead into a network instead of the internet.
//!
//! IPv4 is judged by the ranges of IANA's special-purpose registry (RFC 6890 and its updates), IPv6 by what is
//! allocated as global unicast (2000::/3, RFC 4291) less what IANA set apart in it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// First address, length of the prefix, and what the range is, as a sentence goes on after "is".
type V4Range = (Ipv4Addr, u32, &'static str);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

/// <https://www.iana.org/assignments/iana-ipv4-special-registry>, and the metadata services outside of it.
const V4: &[V4Range] = &[
    (v4(0, 0, 0, 0), 8, "an address of this host"),
    (v4(10, 0, 0, 0), 8, "an address of a private network"),
    (v4(100, 64, 0, 0), 10, "an address of a carrier's or cloud's inner network"),
    (v4(127, 0, 0, 0), 8, "a loopback address"),
    (v4(169, 254, 0, 0), 16, "a link-local or cloud metadata address"),
    (v4(172, 16, 0, 0), 12, "an address of a private network"),
    (v4(192, 0, 0, 0), 24, "reserved for protocols"),
    (v4(192, 0, 2, 0), 24, "reserved for documentation"),
    (v4(192, 88, 99, 0), 24, "a 6to4 relay"),
    (v4(192, 168, 0, 0), 16, "an address of a private network"),
    (v4(198, 18, 0, 0), 15, "reserved for benchmarks"),
    (v4(198, 51, 100, 0), 24, "reserved for documentation"),
    (v4(203, 0, 113, 0), 24, "reserved for documentation"),
    (v4(224, 0, 0, 0), 4, "a multicast address"),
    (v4(240, 0, 0, 0), 4, "a reserved or broadcast address"),
    // Azure's wire server answers virtual machines with their secrets from a public range.
    (v4(168, 63, 129, 16), 32, "a cloud metadata address"),
];

/// First address, length of the prefix, what it is. Within 2000::/3:
/// <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const V6: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "reserved for protocols (Teredo, benchmarks and others)"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "reserved for documentation"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "a 6to4 address, which leads to the IPv4 address in it"),
    (Ipv6Addr::new(0x3ffe, 0, 0, 0, 0, 0, 0, 0), 16, "reserved"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "reserved for documentation"),
];

/// Beyond 2000::/3, only to name them; what is not named is refused anyway.
const V6_NAMED: &[(Ipv6Addr, u32, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "an address of this host"),
    (Ipv6Addr::LOCALHOST, 128, "a loopback address"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "an IPv4 address in the form of an IPv6 one"),
    (Ipv6Addr::UNSPECIFIED, 96, "an IPv4 address in the form of an IPv6 one"),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 32, "translated to the IPv4 address in it (NAT64)"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "an address of a private network"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "a link-local address"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "a site-local address"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "a multicast address"),
];

/// Why an address that stands in a URL leads inside; `None` when it is public.
pub(crate) fn inside(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => inside_v4(address),
        IpAddr::V6(address) => inside_v6(address),
    }
}

/// Why an address that a name resolved to leads inside. In networks without IPv4, names of IPv4 hosts resolve to
/// 64:ff9b::/96 (DNS64, RFC 6147), so here the translated address decides.
pub(crate) fn inside_as_answer(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V6(address) if translated(address).is_some() => translated(address).and_then(inside_v4),
        address => inside(address),
    }
}

/// The IPv4 address in one of NAT64's well-known prefix (RFC 6052).
fn translated(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() else { return None };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

fn inside_v4(address: Ipv4Addr) -> Option<&'static str> {
    let bits = address.to_bits();
    let range = V4.iter().find(|(first, length, _)| (bits ^ first.to_bits()) >> (32 - length) == 0);
    range.map(|(_, _, name)| *name)
}

fn inside_v6(address: Ipv6Addr) -> Option<&'static str> {
    let covers = |range: &&(Ipv6Addr, u32, &'static str)| {
        (address.to_bits() ^ range.0.to_bits()).checked_shr(128 - range.1).is_none_or(|rest| rest == 0)
    };
    let is_global_unicast = address.segments()[0] >> 13 == 1;
    if !is_global_unicast {
        return Some(V6_NAMED.iter().find(covers).map_or("a reserved address", |range| range.2));
    }
    if let Some(range) = V6.iter().find(covers) {
        return Some(range.2);
    }
    intra_site_tunnel(address).and_then(inside_v4)
}

/// The IPv4 address at the end of an ISATAP one (RFC 5214, section 6.1), whose interface identifier begins with
/// 0000:5efe or 0200:5efe.
fn intra_site_tunnel(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, _, _, _, 0 | 0x0200, 0x5efe, high, low] = address.segments() else { return None };
    Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::{inside, inside_as_answer};

    fn is_inside(text: &str) -> bool {
        inside(text.parse().unwrap()).is_some()
    }

    #[test]
    fn each_special_range_is_inside_from_its_first_address_to_its_last_and_no_further() {
        for (before, first, last, after) in [
            (None, "0.0.0.0", "0.255.255.255", Some("1.0.0.0")),
            (Some("9.255.255.255"), "10.0.0.0", "10.255.255.255", Some("11.0.0.0")),
            (Some("100.63.255.255"), "100.64.0.0", "100.127.255.255", Some("100.128.0.0")),
            (Some("126.255.255.255"), "127.0.0.0", "127.255.255.255", Some("128.0.0.0")),
            (Some("168.63.129.15"), "168.63.129.16", "168.63.129.16", Some("168.63.129.17")),
            (Some("169.253.255.255"), "169.254.0.0", "169.254.255.255", Some("169.255.0.0")),
            (Some("172.15.255.255"), "172.16.0.0", "172.31.255.255", Some("172.32.0.0")),
            (Some("191.255.255.255"), "192.0.0.0", "192.0.0.255", Some("192.0.1.0")),
            (Some("192.167.255.255"), "192.168.0.0", "192.168.255.255", Some("192.169.0.0")),
            (Some("198.17.255.255"), "198.18.0.0", "198.19.255.255", Some("198.20.0.0")),
            (Some("223.255.255.255"), "224.0.0.0", "255.255.255.255", None),
            (None, "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2000::")),
            (Some("2000:ffff::"), "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2001:200::")),
            (Some("2001:ffff::1"), "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2003::")),
            (Some("3fff:1000::"), "4000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
        ] {
            assert!(is_inside(first) && is_inside(last), "{first} to {last}");
            for public in [before, after].into_iter().flatten() {
                assert!(!is_inside(public), "{public}");
            }
        }
    }

    #[test]
    fn an_address_that_carries_another_is_inside() {
        for text in [
            "::ffff:8.8.8.8",
            "::8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:0:4136:e378::1",
            "2a00:1450::5efe:10.0.0.1",
            "2a00:1450::200:5efe:127.0.0.1",
            "fd00::1",
            "fec0::1",
            "fe80::1",
            "ff02::1",
        ] {
            assert!(is_inside(text), "{text}");
        }
    }

    #[test]
    fn a_name_in_a_network_without_ipv4_is_judged_by_the_address_it_is_translated_to() {
        assert!(inside_as_answer("64:ff9b::8.8.8.8".parse().unwrap()).is_none());
        assert!(inside_as_answer("64:ff9b::10.0.0.1".parse().unwrap()).is_some());
        assert!(inside_as_answer("64:ff9b:1::8.8.8.8".parse().unwrap()).is_some());
    }
}
