//! Which URLs the policy admits, with a resolver and redirects that are made up: no packet leaves this process.

use proptest::prelude::*;
use serde_json::Value;
use skynet_bridge::{
    Error, Result,
    policy::{SafeUrl, UrlPolicy},
    settings::{PrivateHosts, SettingValue},
};
use std::{
    future::{Ready, ready},
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

const PUBLIC: &str = "93.184.215.14";

/// As many redirects as the bridge follows.
const MAX_REDIRECTS: usize = 10;

fn policy(setting: &str) -> UrlPolicy {
    UrlPolicy::new(PrivateHosts::parse(setting).expect("the test's setting is valid"))
}

fn answer(addresses: &[&str]) -> Ready<io::Result<Vec<IpAddr>>> {
    ready(Ok(addresses.iter().map(|address| address.parse().expect("the test's addresses are valid")).collect()))
}

fn check(setting: &str, url: &str, addresses: &[&str]) -> Result<SafeUrl> {
    futures::executor::block_on(policy(setting).check(url, |_| answer(addresses)))
}

fn reason(setting: &str, url: &str, addresses: &[&str]) -> String {
    match check(setting, url, addresses) {
        Err(Error::Refused(reason)) => reason,
        other => panic!("{url} is not refused: {other:?}"),
    }
}

/// What the resolver of a row answers when it is asked for the first time.
fn first_answer(row: &Value) -> Vec<&str> {
    let answer = row.get("resolves_to").or_else(|| row["resolves_sequence"].get(0));
    answer.and_then(Value::as_array).map_or(vec![PUBLIC], |all| all.iter().filter_map(Value::as_str).collect())
}

/// Follows a row's redirects as the bridge would; the addresses that it would connect to on the way.
fn walk(row: &Value) -> Result<Vec<IpAddr>> {
    let policy = policy("false");
    let answers = first_answer(row);
    let url = row["url"].as_str().expect("a row has a URL");
    let mut at = futures::executor::block_on(policy.check(url, |_| answer(&answers)))?;
    let mut visited: Vec<IpAddr> = at.addresses().iter().map(SocketAddr::ip).collect();
    for (number, location) in row["redirects"].as_array().into_iter().flatten().enumerate() {
        if number == MAX_REDIRECTS {
            return Err(Error::Upstream("too many".into()));
        }
        let location = location.as_str().expect("a redirect is a URL");
        at = futures::executor::block_on(policy.follow(&at, location, |_| answer(&answers)))?;
        visited.extend(at.addresses().iter().map(SocketAddr::ip));
    }
    Ok(visited)
}

#[test]
fn every_url_of_the_corpora_is_judged_as_it_is_labelled() {
    let corpora = [include_str!("../corpora/ssrf.jsonl"), include_str!("../corpora/ssrf-more.jsonl")];
    let mut wrong = Vec::new();
    for row in corpora
        .iter()
        .flat_map(|corpus| corpus.lines())
        .map(|line| serde_json::from_str::<Value>(line).expect("a row is JSON"))
    {
        if row["tier"] == "policy" {
            continue;
        }
        let visited = walk(&row);
        let fits = match row["label"].as_str() {
            Some("allow") => visited.is_ok(),
            // A name whose later answers lie inside is harmless, since it is asked only once.
            _ if row.get("resolves_sequence").is_some() => visited.is_err() || later_answers_are_inside(&row),
            _ => visited.is_err(),
        };
        if !fits {
            wrong.push(format!("{} {} {}: {visited:?}", row["id"], row["url"], row["why"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn later_answers_are_inside(row: &Value) -> bool {
    let first = first_answer(row);
    check("false", "http://rebind.example/", &first).is_ok_and(|url| url.addresses().len() == first.len())
}

#[test]
fn a_name_is_resolved_once_and_the_answer_is_what_is_connected_to() {
    let mut asked = 0;
    let policy = policy("false");
    let checked = policy.check("http://rebind.example:8080/", |name| {
        asked += 1;
        assert_eq!(name, "rebind.example");
        answer(&[PUBLIC, "2606:4700:4700::1111"])
    });
    let url = futures::executor::block_on(checked).unwrap();
    let addresses: Vec<String> = url.addresses().iter().map(ToString::to_string).collect();
    assert_eq!((asked, addresses), (1, vec![format!("{PUBLIC}:8080"), "[2606:4700:4700::1111]:8080".to_owned()]));
}

#[test]
fn a_refusal_names_the_setting_that_opens_it() {
    for (url, addresses) in [("http://127.0.0.1/", &[][..]), ("http://intranet.example/", &["10.0.0.1"])] {
        assert!(reason("false", url, addresses).contains("MCP_FETCH_ALLOW_PRIVATE"), "{url}");
    }
    let reason = reason("false", "http://user:secret@example.com/", &[PUBLIC]);
    assert!(!reason.contains("secret") && reason.contains("Authorization"), "{reason}");
}

#[test]
fn the_setting_opens_everything_or_the_hosts_it_lists() {
    for (setting, url) in [
        ("true", "http://127.0.0.1:1/"),
        ("true", "http://[::1]:3000/"),
        ("true", "http://nas/"),
        ("nas.local, 10.0.0.7", "http://NAS.local/"),
        ("nas.local, 10.0.0.7", "http://10.0.0.7:8080/"),
        ("localhost:3000", "http://localhost:3000/"),
    ] {
        assert!(check(setting, url, &["10.0.0.7"]).is_ok(), "{setting}: {url}");
    }
    for (setting, url) in [
        ("nas.local", "http://other.local/"),
        ("localhost:3000", "http://localhost:3001/"),
        ("nas.local", "http://10.0.0.7/"),
        ("true", "http://user@10.0.0.7/"),
        ("true", "http://10.0.0.7\\@example.com/"),
        ("true", "http://example.com:22/"),
    ] {
        reason(setting, url, &if url.contains("example.com") { [PUBLIC] } else { ["10.0.0.7"] });
    }
}

#[test]
fn what_is_no_url_of_http_is_an_error_that_says_so() {
    for url in ["", "example.com", "//example.com/", "ftp://example.com/", "http://", "http://[::1", "http:example.com"]
    {
        match check("false", url, &[PUBLIC]) {
            Err(Error::Upstream(text)) => assert!(text.starts_with("HTTP error: "), "{url}: {text}"),
            other => panic!("{url}: {other:?}"),
        }
    }
    assert!(matches!(check("false", "http://example.com/", &[]), Err(Error::Upstream(_))));
}

#[test]
fn an_at_sign_in_a_path_hides_nothing() {
    let from = check("false", "https://example.com/", &[PUBLIC]).unwrap();
    for location in ["/@user/post", "@user", "https://example.com/@user?to=a@b", "?a@b"] {
        let next = futures::executor::block_on(policy("false").follow(&from, location, |_| answer(&[PUBLIC])));
        assert!(next.is_ok(), "{location}: {next:?}");
    }
    for location in ["//user@example.com/", "HTTPS://@example.com/", "///a@10.0.0.1/"] {
        let next = futures::executor::block_on(policy("false").follow(&from, location, |_| answer(&[PUBLIC])));
        assert!(next.is_err(), "{location}");
    }
}

/// The ways in which programs write an IPv4 address.
fn spellings(address: Ipv4Addr) -> Vec<String> {
    let [a, b, c, d] = address.octets();
    let bits = address.to_bits();
    let low = bits & 0xff_ffff;
    vec![
        format!("http://{address}/"),
        format!("http://{bits}/"),
        format!("http://{bits:#x}/"),
        format!("http://0{bits:o}/"),
        format!("http://{a:#x}.{b:#o}.{}/", u32::from(c) << 8 | u32::from(d)).replace("0o", "0"),
        format!("http://{a}.{low}/"),
        format!("http://{a}。{b}．{c}｡{d}/"),
        format!("HTTPS://{address}.:8443/x"),
        format!("http://[::ffff:{address}]/"),
        format!("http://[::{address}]/"),
        format!("http://[64:ff9b::{address}]/"),
        format!("http://[2002:{:x}:{:x}::]/", bits >> 16, bits & 0xffff),
        format!("http://{address}.nip.io/"),
        format!("http://a-{}.sslip.io/", address.to_string().replace('.', "-")),
    ]
}

/// An address of a network that no one outside reaches.
fn private_v4() -> impl Strategy<Value = Ipv4Addr> {
    let ranges = [(10, 0, 8), (127, 0, 8), (169, 254, 16), (172, 16, 12), (192, 168, 16), (100, 64, 10), (0, 0, 8)];
    (prop::sample::select(ranges.to_vec()), any::<u32>()).prop_map(|((a, b, length), rest)| {
        let first = Ipv4Addr::new(a, b, 0, 0).to_bits();
        Ipv4Addr::from_bits(first | rest & (u32::MAX >> length))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]

    #[test]
    fn no_spelling_of_a_private_address_gets_through(address in private_v4()) {
        for url in spellings(address) {
            prop_assert!(check("false", &url, &[PUBLIC]).is_err(), "{url}");
        }
        prop_assert!(check("false", "http://example.com/", &[PUBLIC, &address.to_string()]).is_err());
    }

    #[test]
    fn no_text_panics_and_what_is_admitted_is_plain_http_to_a_public_address(text in url_like()) {
        if let Ok(url) = check("false", &text, &[PUBLIC]) {
            prop_assert!(matches!(url.url().scheme(), "http" | "https"));
            prop_assert!(url.url().username().is_empty() && url.url().password().is_none());
            prop_assert!(url.addresses().iter().all(|address| is_plainly_public(address.ip())), "{text}");
        }
    }

    #[test]
    fn an_answer_of_the_resolver_is_admitted_only_when_it_is_public(bits in any::<u128>(), high in any::<u16>()) {
        let address = Ipv6Addr::from_bits(bits >> 16 | u128::from(high) << 112);
        let admitted = check("false", "http://example.com/", &[&address.to_string()]);
        if admitted.is_ok() {
            prop_assert!(is_plainly_public(address.into()));
        }
    }
}

/// The thorough run asks for a million; a plain `cargo test` for as many as take a second or two.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000)
}

/// Texts that resemble URLs, and some that do not.
fn url_like() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "http",
            "https",
            "HTTP",
            "file",
            ":",
            "//",
            "/",
            "\\",
            "@",
            "[",
            "]",
            "::1",
            "127.0.0.1",
            "0x7f",
            "2130706433",
            "localhost",
            "example.com",
            ".",
            "。",
            "%",
            "%2e",
            "%00",
            "\t",
            "\n",
            " ",
            "#",
            "?",
            ":80",
            ":22",
            "ⓛ",
            "\u{ad}",
            "xn--",
            "fe80::1%25eth0",
            "169.254.169.254",
            "user",
            "é",
        ][..],
    );
    prop_oneof![
        prop::collection::vec(piece.clone(), 0..10).prop_map(|all| all.concat()),
        prop::collection::vec(piece, 0..6).prop_map(|all| format!("http://{}", all.concat())),
        any::<String>().prop_map(|text| format!("http://{text}")),
    ]
}

/// Written apart from the policy's own table, by what the standard library knows.
fn is_plainly_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            !(a.is_private() || a.is_loopback() || a.is_link_local() || a.is_multicast() || a.is_documentation())
                && first != 0
                && first < 240
                && !(first == 100 && (64..128).contains(&second))
        }
        IpAddr::V6(a) => match a.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
                is_plainly_public(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into())
            }
            [first, ..] => first & 0xe000 == 0x2000 && first != 0x2002,
        },
    }
}
