//! What looks like a secret in a text, taken out before the text is kept.

use regex::{Captures, Regex};
use std::sync::LazyLock;

/// What stands where a secret stood.
pub const MASK: &str = "[removed]";

/// Words in a field's or header's name that say its value is secret.
const SECRET_NAMES: [&str; 9] =
    ["authorization", "cookie", "password", "passwd", "secret", "token", "api_key", "api-key", "apikey"];

/// A text of so many bytes may have been cut in the middle of a secret; so many bytes of that still give it away.
const CUT: usize = 100;
const TELLING: usize = 4;

/// Whether a field's or header's name says that its value is secret.
pub fn sounds_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    name == "auth" || SECRET_NAMES.iter().any(|word| name.contains(word))
}

/// A text without `secrets`, without a beginning of one at its end, and without what looks like a secret.
pub fn clean(text: &str, secrets: &[String]) -> String {
    let text = secrets.iter().fold(text.to_owned(), |text, secret| without(text, secret));
    let known = KNOWN.replace_all(&text, |found: &Captures<'_>| kept_beside(found));
    let named = NAMED.replace_all(&known, |found: &Captures<'_>| kept_beside(found));
    named.into_owned()
}

/// What leads to a secret, and what closes it, stays.
fn kept_beside(found: &Captures<'_>) -> String {
    let part = |name| found.name(name).map_or("", |part| part.as_str());
    format!("{}{}{}{MASK}{}", part("lead"), part("scheme"), part("name"), part("at"))
}

fn without(text: String, secret: &str) -> String {
    let mut text = text.replace(secret, MASK);
    if text.len() < CUT {
        return text;
    }
    let ends = (TELLING..secret.len()).rev().filter_map(|end| secret.get(..end));
    if let Some(beginning) = ends.into_iter().find(|beginning| text.ends_with(beginning)) {
        text.truncate(text.len() - beginning.len());
        text.push_str(MASK);
    }
    text
}

/// The forms of keys that services give out (as GitHub's secret scanning lists them), tokens and private keys. One that
/// the end of a text cuts off is shorter.
static KNOWN: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        r"\b(?:sk|pk|rk)[-_](?:[A-Za-z0-9]+[-_])*(?:[A-Za-z0-9]{16,}|[A-Za-z0-9]{3,}$)[A-Za-z0-9_-]*",
        r"\bgh[pousr]_(?:[A-Za-z0-9]{20,}|[A-Za-z0-9]{3,}$)",
        r"\bgithub_pat_(?:\w{20,}|\w{3,}$)",
        r"\bglpat-(?:[\w-]{16,}|[\w-]{3,}$)",
        r"\bxox[abeprs]-[\w-]{10,}",
        r"\b(?:AKIA|ASIA)(?:[A-Z0-9]{16}\b|[A-Z0-9]{3,}$)",
        r"\bAIza(?:[\w-]{30,}|[\w-]{3,}$)",
        r"\b(?:hf|npm)_(?:[A-Za-z0-9]{20,}|[A-Za-z0-9]{3,}$)",
        r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?",
        r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        r"(?P<lead>\b(?i:bearer)\s+)[\w.~+/=-]{8,}",
        r#"(?P<scheme>://)[^/?#\s"']+(?P<at>@)"#,
    ];
    let forms = forms.join("|");
    Regex::new(&forms).expect("the pattern is written here")
});

/// A value behind a name that says it is secret: a header's, an option's, a setting's, or a password's in words.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let header = r#"(?:proxy-)?authorization["']?\s*[:=]\s*["']?|(?:set-)?cookie["']?\s*:\s*["']?"#;
    let names = r"[\w.-]*(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key)\w*";
    let words = r"\b(?:password|passphrase|mot de passe)\s*(?::|is|est)\s+";
    let value = format!(r#"(?:--?{names}[ =]|\b{names}["']?\s*[:=]\s*|{words})["']?"#);
    let pattern = format!(r#"(?i)(?P<lead>{header})[^\r\n"']+|(?P<name>{value})[^\s"',;&]+"#);
    Regex::new(&pattern).expect("the pattern is written here")
});
