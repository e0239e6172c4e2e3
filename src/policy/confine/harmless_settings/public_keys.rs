//! Files of public keys: known hosts, and people whose signatures count.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use regex::Regex;
use std::sync::LazyLock;

/// What stands before a host's key that is no plain key of it.
const MARKS: [&str; 2] = ["@cert-authority", "@revoked"];

/// The kinds of keys that OpenSSH knows; beside each goes its kind of certificate.
const KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ssh-dss",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
];

/// How long a part of a key that is read in pieces is, in bytes: its length stands before it.
const LENGTH: usize = 4;

/// A host, an address, a pattern, or a person's address of e-mail; or the mark of a host that hides its name.
static HOLDER: LazyLock<Regex> = LazyLock::new(|| {
    let name = r"!?\[?[A-Za-z0-9*?.:_-]{1,128}\]?(:[0-9]{1,5})?|[A-Za-z0-9._+-]{1,48}@[a-z0-9.-]{1,128}";
    Regex::new(&format!(r"\A(?:\|1\|[A-Za-z0-9+/]{{27}}=\|[A-Za-z0-9+/]{{27}}=|(?:{name})(?:,(?:{name}))*)\z"))
        .expect("the tests use it")
});

/// The lines that are a holder and a public key, without what stands behind it.
pub(crate) fn harmless(text: &str) -> String {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<String> {
    let mut words = line.split_ascii_whitespace().peekable();
    let mark = words.next_if(|word| MARKS.contains(word));
    let (holder, kind, key) = (words.next()?, words.next()?, words.next()?);
    let is_known = KINDS.contains(&kind) && HOLDER.is_match(holder) && is_key(kind, key);
    let mark = mark.map(|mark| format!("{mark} ")).unwrap_or_default();
    is_known.then(|| format!("{mark}{holder} {kind} {key}\n"))
}

/// Whether it is a key of that kind from its first to its last byte.
fn is_key(kind: &str, key: &str) -> bool {
    let Ok(bytes) = STANDARD.decode(key) else { return false };
    let mut parts = Vec::new();
    let mut rest = &bytes[..];
    while let Some((length, after)) = rest.split_first_chunk::<LENGTH>() {
        let Some((part, after)) = after.split_at_checked(u32::from_be_bytes(*length) as usize) else { return false };
        parts.push(part);
        rest = after;
    }
    rest.is_empty() && parts.len() > 1 && parts[0] == kind.as_bytes()
}
