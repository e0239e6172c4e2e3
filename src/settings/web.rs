//! Names of the network in settings: hosts, origins, addresses of services.

use super::{
    path::is_word,
    value::{SettingValue, parts},
};
use std::{
    net::{IpAddr, Ipv6Addr},
    ops::Deref,
};
use url::Url;

macro_rules! texts {
    ($($(#[doc = $about:literal])+ $name:ident: $parse:ident,)*) => {$(
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(String);

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self)
            }
        }

        impl SettingValue for $name {
            fn parse(text: &str) -> Result<Self, String> {
                $parse(text).map(Self)
            }
        }
    )*};
}

texts! {
    /// The name or address of a host, without a port.
    Host: host,
    /// A name by which a browser may call the bridge, or `*`.
    AllowedHost: allowed_host,
    /// An origin as a browser sends it, or `*`.
    Origin: origin,
    /// A URL of HTTP or HTTPS.
    HttpUrl: http_url,
    /// The origin of a URL of HTTPS, or of HTTP on this machine; or nothing.
    PublicUrl: public_url,
    /// The name of a container image.
    Image: image,
    /// A program and perhaps arguments, as a shell splits them.
    Program: program,
}

fn host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let is_address = match bare {
        Some(bare) => bare.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok(),
    };
    let is_host = is_address || is_name(text);
    is_host.then(|| text.to_owned()).ok_or_else(|| "an address or a host's name, without scheme and port".to_owned())
}

/// Labels of letters, digits, hyphens and underscores (RFC 1123, section 2.1; underscores are common inside). A last
/// label of digits would be read as an IPv4 address.
fn is_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        plain && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    text.len() <= 253 && text.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

/// `localhost` and the loopback addresses.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost"
        || bare.ends_with(".localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn allowed_host(text: &str) -> Result<String, String> {
    if text == "*" { Ok(text.to_owned()) } else { host(text).map_err(|expected| format!("`*` or {expected}")) }
}

/// Of extensions and editors too (`chrome-extension://…`), whose hosts are what they like. `null` is no origin: every
/// sandboxed page has it.
fn origin(text: &str) -> Result<String, String> {
    let expected = || "origins such as https://chat.example, separated by commas, or `*`".to_owned();
    if text == "*" {
        return Ok(text.to_owned());
    }
    let text = text.strip_suffix('/').unwrap_or(text).to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://").ok_or_else(expected)?;
    let mut letters = scheme.chars();
    let is_scheme = letters.next().is_some_and(|c| c.is_ascii_alphabetic())
        && letters.all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let is_authority = match scheme {
        // No page has an origin of these.
        "ftp" | "ftps" | "sftp" | "ssh" | "ws" | "wss" | "file" | "data" | "blob" | "javascript" | "about"
        | "mailto" => false,
        "http" | "https" => {
            Url::parse(&text).is_ok_and(|url| url.origin().ascii_serialization() == text) && !authority.contains('*')
        }
        _ => !authority.is_empty() && authority.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.:[]".contains(&c)),
    };
    (is_scheme && is_authority).then_some(text).ok_or_else(expected)
}

fn http_url(text: &str) -> Result<String, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    url.map(|_| text.to_owned()).ok_or_else(|| "a URL such as http://127.0.0.1:11434".to_owned())
}

fn public_url(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let plain = text.strip_suffix('/').unwrap_or(text);
    let is_safe =
        |url: &Url| url.scheme() == "https" || url.scheme() == "http" && url.host_str().is_some_and(is_loopback);
    let url = Url::parse(plain).ok().filter(is_safe).map(|url| url.origin().ascii_serialization());
    url.filter(|origin| origin.eq_ignore_ascii_case(plain)).ok_or_else(|| {
        "an address such as https://bridge.example.org, without a path; plain http only for this machine".to_owned()
    })
}

impl PublicUrl {
    /// Its host; none where there is no such address.
    pub fn host(&self) -> Option<String> {
        Url::parse(self).ok()?.host_str().map(str::to_owned)
    }
}

fn program(text: &str) -> Result<String, String> {
    let words = shlex::split(text).filter(|words| !words.is_empty());
    words.map(|_| text.to_owned()).ok_or_else(|| "a program and its arguments, with every quote closed".to_owned())
}

fn image(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@".contains(&byte));
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    (plain && begins)
        .then(|| text.to_owned())
        .ok_or_else(|| "the name of an image, such as registry/name:tag".to_owned())
}

/// The hosts inside this machine's networks that may be fetched from anyway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PrivateHosts {
    /// All of them, or with `false` none.
    All(bool),
    /// These: `host` or `host:port`.
    Listed(Vec<String>),
}

impl PrivateHosts {
    /// Whether the host that `is_meant` recognises is among them.
    pub fn allows(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Listed(hosts) => hosts.iter().any(|host| is_meant(host)),
        }
    }
}

impl SettingValue for PrivateHosts {
    const HAS_QUOTED_PARTS: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        if let Ok(all) = bool::parse(text) {
            return Ok(Self::All(all));
        }
        let expected = || "true, false, or hosts (`name`, `name:port`, an address) separated by commas".to_owned();
        let hosts = parts(text).map_err(|_| expected())?;
        let hosts: Vec<String> = hosts.iter().map(|host| host.text.trim().to_owned()).collect();
        let mistaken = |host: &String| {
            let host = host.to_lowercase();
            is_word(&host) || ["true", "false"].iter().any(|word| strsim::osa_distance(&host, word) <= 1)
        };
        if !hosts.iter().all(|host| is_host_with_port(host)) || hosts.iter().any(mistaken) {
            return Err(expected());
        }
        Ok(Self::Listed(hosts))
    }
}

fn is_host_with_port(text: &str) -> bool {
    let with_port = || text.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    host(text).is_ok() || with_port().is_some_and(|(name, _)| host(name).is_ok())
}

#[cfg(test)]
mod tests {
    use super::{host, origin};

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_beside_it() {
        for text in ["127.0.0.1", "::1", "[::1]", "0.0.0.0", "localhost", "My-Host.example.", "a_b"] {
            assert!(host(text).is_ok(), "{text}");
        }
        for text in ["0", "300.1.1.1", "1.2.3", "a:80", "http://a", "a/b", "*", "a b", "-a", "a..b", "é", "[a]", "@"] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host_and_perhaps_a_port() {
        for (text, kept) in [
            ("https://Chat.Example/", "https://chat.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("chrome-extension://abcdef", "chrome-extension://abcdef"),
            ("*", "*"),
        ] {
            assert_eq!(origin(text).as_deref(), Ok(kept));
        }
        for text in ["chat.example", "null", "https://*.example", "https://a/b", "https://a:443", "//a", "https://"] {
            assert!(origin(text).is_err(), "{text}");
        }
    }
}
