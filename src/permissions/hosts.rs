//! Hosts by patterns: `docs.rs`, `*.example.org` (one label), `**.example.org` (any labels, none too), `**` (every host).

use super::{
    mistakes::Mistake,
    rule::{Rule, Said},
};
use crate::rule_index::Index;
use std::net::Ipv6Addr;
use url::Host;

/// How many labels after a wildcard must be fixed: `*.com` would be half of the internet.
const FIXED: usize = 2;

/// Rules for hosts.
#[derive(Debug)]
pub(crate) struct Hosts {
    rules: Vec<Rule>,
    patterns: Vec<HostPattern>,
    index: Index<String>,
}

/// One pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostPattern {
    labels: Vec<Label>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Label {
    Is(String),
    One,
    Any,
}

impl Hosts {
    /// The hosts of these texts.
    pub(crate) fn of(texts: &[Said<String>], mistakes: &mut Vec<Mistake>) -> Self {
        let (mut rules, mut patterns) = (Vec::new(), Vec::new());
        for text in texts {
            match HostPattern::parse(&text.value) {
                Ok(pattern) => {
                    rules.push(text.rule.clone());
                    patterns.push(pattern);
                }
                Err(why) => mistakes.push(Mistake::at(&text.rule, format!("{:?} {why}", text.value))),
            }
        }
        let needs = patterns.iter().map(|pattern| Vec::from_iter(pattern.end())).collect();
        Self { rules, index: Index::new(needs), patterns }
    }

    /// Whether none is named.
    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The first rule that a host fits.
    pub(crate) fn naming(&self, host: &str) -> Option<&Rule> {
        self.all_naming(host).first().map(|rule| &self.rules[*rule])
    }

    /// All of them, by their order in the list.
    pub(crate) fn all_naming(&self, host: &str) -> Vec<usize> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        let host = normal(host);
        let starts = std::iter::once(0).chain(host.match_indices('.').map(|(at, _)| at + 1));
        let labels: Vec<&str> = host.split('.').collect();
        let candidates = self.index.candidates(starts.map(|start| &host[start..]));
        candidates.into_iter().filter(|at| fits(&self.patterns[*at].labels, &labels)).collect()
    }
}

/// A host as it is compared: without the brackets of an address and the dot of the root.
fn normal(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

fn fits(pattern: &[Label], labels: &[&str]) -> bool {
    let Some((first, rest)) = pattern.split_first() else { return labels.is_empty() };
    match first {
        Label::Any => (0..=labels.len()).any(|skipped| fits(rest, &labels[skipped..])),
        Label::One => !labels.is_empty() && fits(rest, &labels[1..]),
        Label::Is(own) => labels.first().is_some_and(|label| label == own) && fits(rest, &labels[1..]),
    }
}

impl HostPattern {
    /// Reads one.
    ///
    /// # Errors
    /// Why it is none, and how to write what is meant.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text == "**" {
            return Ok(Self { labels: vec![Label::Any] });
        }
        if text.contains("://") || text.contains(['/', '@', '?', '#']) {
            return Err("is no host: write its name alone, without scheme and path".to_owned());
        }
        if let Some(address) = address(text) {
            return Ok(Self { labels: address.split('.').map(|label| Label::Is(label.to_owned())).collect() });
        }
        if text.contains(':') {
            return Err("has a port, which rules do not tell apart: write the host alone".to_owned());
        }
        let labels = text.strip_suffix('.').unwrap_or(text).split('.').map(label).collect::<Result<Vec<_>, _>>()?;
        let fixed = labels.iter().rev().take_while(|label| matches!(label, Label::Is(_))).count();
        if fixed < labels.len() && fixed < FIXED {
            return Err(format!(
                "is too wide: after a * come at least {FIXED} fixed names, as in *.example.org, and ** alone is every host"
            ));
        }
        if labels.windows(2).any(|two| two[0] == Label::Any && two[1] == Label::Any) {
            return Err("has ** twice in a row: once is enough".to_owned());
        }
        Ok(Self { labels })
    }

    /// The fixed labels at its end: a host that it fits ends in them.
    fn end(&self) -> Option<String> {
        let fixed = self.labels.iter().rev().map_while(|label| match label {
            Label::Is(text) => Some(text.as_str()),
            _ => None,
        });
        let mut fixed: Vec<&str> = fixed.collect();
        fixed.reverse();
        (!fixed.is_empty()).then(|| fixed.join("."))
    }
}

fn address(text: &str) -> Option<String> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let v6 = bare.parse::<Ipv6Addr>().map(|address| address.to_string()).ok();
    v6.or_else(|| text.parse::<std::net::Ipv4Addr>().map(|address| address.to_string()).ok())
}

fn label(text: &str) -> Result<Label, String> {
    match text {
        "*" => Ok(Label::One),
        "**" => Ok(Label::Any),
        "" => Err("has an empty name between dots".to_owned()),
        text if text.contains('*') => {
            Err("has a * in a name: * stands for one whole name, ** for any number of them".to_owned())
        }
        // International names are compared as the network has them.
        text => match Host::parse(text) {
            Ok(Host::Domain(label)) if !label.contains('.') => Ok(Label::Is(label)),
            _ if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Label::Is(text.to_owned())),
            _ => Err(format!("is no host's name: {text:?} cannot stand in one")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::rule::Source;

    fn names(pattern: &str, host: &str) -> bool {
        let rule = Rule { source: Source::Own, line: 1, column: 1, text: String::new() };
        let mut mistakes = Vec::new();
        let hosts = Hosts::of(&[Said { value: pattern.to_owned(), rule }], &mut mistakes);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        hosts.naming(host).is_some()
    }

    #[test]
    fn a_star_is_one_label_and_two_are_any() {
        for (pattern, yes, no) in [
            ("docs.rs", &["docs.rs", "DOCS.RS."][..], &["x.docs.rs", "docs.rs.evil.org"][..]),
            ("*.example.org", &["a.example.org"], &["example.org", "a.b.example.org", "aexample.org"]),
            (
                "**.example.org",
                &["example.org", "a.example.org", "a.b.example.org"],
                &["badexample.org", "example.com"],
            ),
            ("api.*.example.org", &["api.eu.example.org"], &["api.example.org", "api.a.b.example.org"]),
            ("a.**.example.org", &["a.example.org", "a.b.c.example.org"], &["b.example.org"]),
            ("**", &["anything.at.all", "127.0.0.1", "[::1]"], &[]),
            ("127.0.0.1", &["127.0.0.1"], &["127.0.0.2"]),
            ("[::1]", &["[::1]", "::1"], &["[::2]"]),
            ("0:0::1", &["[::1]"], &[]),
            ("*.münchen.example.de", &["a.xn--mnchen-3ya.example.de"], &["xn--mnchen-3ya.example.de"]),
            ("localhost", &["localhost"], &["a.localhost"]),
        ] {
            for host in yes {
                assert!(names(pattern, host), "{pattern} {host}");
            }
            for host in no {
                assert!(!names(pattern, host), "{pattern} {host}");
            }
        }
    }

    #[test]
    fn what_is_too_wide_or_no_host_is_a_mistake() {
        for text in [
            "*.com",
            "**.com",
            "*",
            "*.*",
            "a.*",
            "x*.example.org",
            "https://a.example",
            "a.example:443",
            "a..b",
            "a b.c.d",
            "",
            "**.**.example.org",
            "a/b",
            "*.example.*",
        ] {
            assert!(HostPattern::parse(text).is_err(), "{text}");
        }
    }
}
