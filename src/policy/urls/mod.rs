//! Where the bridge may fetch from: the internet, and nothing inside the networks that this machine is in.
//!
//! A check gives a [`SafeUrl`]: the URL together with the addresses that were checked. Whoever connects uses those
//! addresses and asks no resolver again, so that a name can't change its mind in between (DNS rebinding).

mod addresses;
mod names;

use crate::{
    error::{Error, Result},
    settings::PrivateHosts,
};
use std::net::{IpAddr, SocketAddr};
use url::{Host, Url};

/// How an answer to what was refused goes on.
const MEND: &str = "To allow fetching inside your own networks set MCP_FETCH_ALLOW_PRIVATE=true, or to a list of hosts";

/// Which URLs may be fetched.
#[derive(Clone, Debug)]
pub struct UrlPolicy {
    private: PrivateHosts,
}

/// A URL that may be fetched, and the addresses at which alone it may be.
#[derive(Clone, Debug)]
pub struct SafeUrl {
    url: Url,
    addresses: Vec<SocketAddr>,
}

impl SafeUrl {
    /// The URL, without credentials.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The addresses that were checked, at least one.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

impl UrlPolicy {
    /// Refuses what lies inside, less what the settings open.
    pub fn new(private: PrivateHosts) -> Self {
        Self { private }
    }

    /// Checks a URL; `resolve` gives the addresses of a name and is asked at most once.
    ///
    /// # Errors
    /// [`Error::Refused`] for what leads inside or hides where it leads, [`Error::Upstream`] for what is no URL of
    /// HTTP or has no address.
    pub async fn check<R>(&self, text: &str, resolve: impl FnOnce(String) -> R) -> Result<SafeUrl>
    where
        R: Future<Output = std::io::Result<Vec<IpAddr>>>,
    {
        self.admit(parse(text, None)?, resolve).await
    }

    /// Checks the `Location` of a redirect as [`Self::check`] does; it may be relative to the URL it came from.
    ///
    /// # Errors
    /// As for [`Self::check`].
    pub async fn follow<R>(&self, from: &SafeUrl, location: &str, resolve: impl FnOnce(String) -> R) -> Result<SafeUrl>
    where
        R: Future<Output = std::io::Result<Vec<IpAddr>>>,
    {
        self.admit(parse(location, Some(&from.url))?, resolve).await
    }

    async fn admit<R>(&self, url: Url, resolve: impl FnOnce(String) -> R) -> Result<SafeUrl>
    where
        R: Future<Output = std::io::Result<Vec<IpAddr>>>,
    {
        let port = url.port_or_known_default().expect("http and https have a port");
        let open = self.private.allows(|entry| names::is_named_by(entry, url.host_str().unwrap_or_default(), port));
        let mut leads_inside = false;
        let addresses = match url.host().ok_or_else(|| unusable("the URL has no host"))? {
            Host::Ipv4(address) => vec![literal(address.into(), open, &mut leads_inside)?],
            Host::Ipv6(address) => vec![literal(address.into(), open, &mut leads_inside)?],
            Host::Domain(name) => {
                check_name(name, open)?;
                let found = resolve(name.to_owned()).await;
                let found = found.map_err(|error| unusable(&format!("{name} cannot be resolved: {error}")))?;
                check_answers(name, &found, open, &mut leads_inside)?;
                found
            }
        };
        if names::is_bad_port(port) && !(open && leads_inside) {
            return Err(refused(&format!("port {port} belongs to another protocol than HTTP")));
        }
        let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
        Ok(SafeUrl { url, addresses })
    }
}

fn literal(address: IpAddr, open: bool, leads_inside: &mut bool) -> Result<IpAddr> {
    let Some(reason) = addresses::inside(address) else { return Ok(address) };
    *leads_inside = true;
    if open { Ok(address) } else { Err(inside(&address.to_string(), reason)) }
}

fn check_name(name: &str, open: bool) -> Result<()> {
    match names::inside(name) {
        Some(reason) if !open => Err(inside(name, reason)),
        _ => Ok(()),
    }
}

/// One answer that leads inside spoils all: the system may connect to any of them.
fn check_answers(name: &str, found: &[IpAddr], open: bool, leads_inside: &mut bool) -> Result<()> {
    if found.is_empty() {
        return Err(unusable(&format!("{name} has no address")));
    }
    let reasons = found.iter().filter_map(|address| Some((address, addresses::inside_as_answer(*address)?)));
    for (address, reason) in reasons {
        *leads_inside = true;
        if !open {
            return Err(inside(name, &format!("at {address}, which is {reason}")));
        }
    }
    Ok(())
}

/// The host of a URL that is read as [`UrlPolicy::check`] reads it; none where that refuses its text.
pub(crate) fn host_of(text: &str) -> Option<String> {
    parse(text, None).ok()?.host_str().map(str::to_owned)
}

/// Reads a URL, and refuses what programs read in different ways: one that checks would see another host than one
/// that connects.
fn parse(text: &str, base: Option<&Url>) -> Result<Url> {
    if let Some(found) = text.chars().find(|c| c.is_control()) {
        return Err(refused(&format!("the URL has the control character U+{:04X}: remove it", u32::from(found))));
    }
    if text.contains('\\') {
        return Err(refused("the URL has a backslash: write / between its parts, %5C for the character itself"));
    }
    if text.trim() != text {
        return Err(refused("the URL begins or ends with a blank: remove it"));
    }
    let parsed = match base {
        Some(base) => base.join(text),
        None => Url::parse(text),
    };
    let url = parsed.map_err(|error| match error {
        url::ParseError::RelativeUrlWithoutBase => {
            unusable("the URL has no scheme: it must begin with http:// or https://")
        }
        error => unusable(&format!("the URL cannot be read: {error}")),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let scheme = url.scheme();
        return Err(unusable(&format!("the scheme {scheme} is not supported: only http and https are")));
    }
    let authority = authority(text, &url);
    // `http://@host/` has no credentials and still an @, behind which people overlook a host.
    if url.password().is_some() || !url.username().is_empty() || authority.is_some_and(|text| text.contains('@')) {
        return Err(refused("the URL has credentials before an @: send them in the header Authorization instead"));
    }
    // `http:host`, `http:/host` and `http:///host` are read as `http://host` by some programs, as a path by others.
    if base.is_none() && authority.is_none_or(str::is_empty) {
        return Err(unusable("the URL must have two slashes and a host after its scheme"));
    }
    Ok(url)
}

/// What stands between the slashes: the host, and what may hide it. `None` for a relative reference without a host.
fn authority<'a>(text: &'a str, url: &Url) -> Option<&'a str> {
    let scheme = text.get(..url.scheme().len()).filter(|start| start.eq_ignore_ascii_case(url.scheme()));
    let rest = match scheme.and_then(|scheme| text[scheme.len()..].strip_prefix(':')) {
        Some(rest) => rest,
        None => text,
    };
    rest.strip_prefix("//")?.split(['/', '?', '#']).next()
}

fn refused(reason: &str) -> Error {
    Error::Refused(format!("Unsafe URL: {reason}"))
}

fn inside(host: &str, reason: &str) -> Error {
    Error::Refused(format!("Unsafe URL: {host} is {reason}. {MEND}"))
}

fn unusable(reason: &str) -> Error {
    Error::Upstream(format!("HTTP error: {reason}"))
}
