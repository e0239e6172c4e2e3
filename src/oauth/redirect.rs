//! Where a browser is sent back to: the addresses that a client may name, and when two are the same.

use super::problem::{Problem, Reason};
use url::{Host, Url};

/// The longest, in bytes.
const LONGEST: usize = 2000;

/// Schemes of programs that take the answer themselves. Others need a dot in their name, as one that belongs to its maker's
/// domain has (RFC 8252, section 7.1): what is left is of the system and of browsers, which would do something with it.
const OF_PROGRAMS: [&str; 10] =
    ["claude", "cline", "codex", "cursor", "goose", "raycast", "vscode", "vscode-insiders", "windsurf", "zed"];

/// An address that a client gives: `https`, `http` of this machine alone, or a scheme of the client's own (RFC 8252,
/// section 7), without a fragment.
///
/// # Errors
/// When it is another one; the message says which it may be.
pub(crate) fn check(text: &str) -> Result<Url, Problem> {
    let wrong = |what: &str| Problem::new(Reason::InvalidRedirectUri, format!("The redirect URI {what}"));
    if text.len() > LONGEST {
        return Err(wrong("is longer than 2000 bytes"));
    }
    let url = Url::parse(text).map_err(|_| wrong("is no absolute address"))?;
    if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has a fragment or a user"));
    }
    match url.scheme() {
        "https" if url.host().is_some() => Ok(url),
        "http" if is_of_this_machine(&url) => Ok(url),
        scheme if OF_PROGRAMS.contains(&scheme) || is_of_a_domain(scheme) => Ok(url),
        _ => Err(wrong("begins with neither https:// nor http:// and this machine (127.0.0.1, [::1], localhost)")),
    }
}

/// Whether a scheme is written as a domain backwards, as `com.example.app`. Those of the whole web are no names of programs.
fn is_of_a_domain(scheme: &str) -> bool {
    let first = scheme.split('.').next().unwrap_or_default();
    scheme.contains('.') && ["com", "org", "net", "io", "dev", "app", "ai", "co"].contains(&first)
}

/// Whether an address is one of those that a client registered: exactly, but for the port of a program on its user's machine,
/// which gets any that is free (RFC 8252, section 7.3).
pub(crate) fn is_registered(url: &Url, registered: &[String]) -> bool {
    registered.iter().any(|one| {
        let Ok(mut one) = Url::parse(one) else { return false };
        if one == *url {
            return true;
        }
        is_of_this_machine(&one) && one.scheme() == "http" && one.set_port(url.port()).is_ok() && one == *url
    })
}

/// What the person is told of where the answer goes: the host, or the scheme of a program's own.
pub(crate) fn place(url: &Url) -> String {
    match url.host_str() {
        _ if is_of_this_machine(url) => "a program on the machine of the browser".to_owned(),
        Some(host) if ["https", "http"].contains(&url.scheme()) => host.to_owned(),
        _ => format!("{}: (a program on the machine of the browser)", url.scheme()),
    }
}

pub(crate) fn is_of_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{check, is_registered, place};
    use url::Url;

    #[test]
    fn clients_are_sent_back_to_https_to_their_own_machine_or_to_their_own_scheme() {
        for good in [
            "https://chatgpt.com/connector_platform_oauth_redirect",
            "http://127.0.0.1:3334/oauth/callback",
            "http://localhost/callback?x=1",
            "http://[::1]:80/",
            "cursor://anysphere.cursor-retrieval/oauth/callback",
            "com.example.app:/oauth",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://example.com/callback",
            "http://localhost.example.com/",
            "https://example.com/#x",
            "https://user@example.com/",
            "javascript:alert(1)",
            "ms-msdt:/id",
            "intent:x",
            "chatgpt.com:/cb",
            "mailto:a@b",
            "data:text/html,x",
            "/callback",
            "",
            &format!("https://example.com/{}", "a".repeat(2000)),
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_the_port_of_a_program_on_the_users_machine_is_free() {
        let registered = ["https://a.example/x".to_owned(), "http://127.0.0.1:1/cb".to_owned()];
        let is = |text: &str| is_registered(&Url::parse(text).unwrap(), &registered);
        assert!(is("https://a.example/x") && is("http://127.0.0.1:54321/cb") && is("http://127.0.0.1/cb"));
        for other in [
            "https://a.example/x/",
            "https://a.example/x?y",
            "https://a.example:444/x",
            "https://b.example/x",
            "http://127.0.0.1:1/cb2",
            "http://localhost:1/cb",
            "https://127.0.0.1:1/cb",
        ] {
            assert!(!is(other), "{other}");
        }
    }

    #[test]
    fn the_person_is_told_the_place() {
        let of = |text: &str| place(&Url::parse(text).unwrap());
        assert_eq!(of("https://chatgpt.com/cb"), "chatgpt.com");
        assert!(of("cursor://x/y").starts_with("cursor: (a program"));
        assert!(of("http://127.0.0.1:9/cb").starts_with("a program"));
    }
}
