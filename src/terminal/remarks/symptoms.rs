//! The list of what programs say when the confinement keeps something from them (`symptoms.txt`).

use super::Blocked;
use regex::RegexSet;
use std::sync::LazyLock;

static LIST: LazyLock<Vec<Symptom>> = LazyLock::new(|| paragraphs(include_str!("symptoms.txt")).collect());

/// One need that the confinement refuses.
struct Symptom {
    what: &'static str,
    why: &'static str,
    setting: Option<&'static str>,
    when: When,
    signs: RegexSet,
    #[cfg(test)]
    examples: Vec<&'static str>,
}

/// Where a need is refused at all.
enum When {
    Always,
    Kernel,
    NoNetwork,
    NoSocket(Vec<&'static str>),
}

/// What is so for the command that ended.
pub struct Circumstances<'a> {
    /// Whether namespaces are refused here.
    pub is_kernel: bool,
    /// Whether commands have the network.
    pub network: bool,
    /// Whether a socket, which may be a pattern, is let through.
    pub lets_through: &'a dyn Fn(&str) -> bool,
}

impl When {
    fn holds(&self, now: &Circumstances<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Kernel => now.is_kernel,
            Self::NoNetwork => !now.network,
            Self::NoSocket(sockets) => !sockets.iter().any(|socket| (now.lets_through)(socket)),
        }
    }
}

/// What a line of output says that is refused.
pub fn of<'a>(line: &'a str, now: &'a Circumstances<'a>) -> impl Iterator<Item = Blocked> + 'a {
    let said = LIST.iter().filter(|symptom| symptom.signs.is_match(line) && symptom.when.holds(now));
    said.map(|symptom| Blocked::new(symptom.what, symptom.why, symptom.setting))
}

fn paragraphs(text: &'static str) -> impl Iterator<Item = Symptom> {
    let paragraphs = text.split("\n\n").map(|part| part.trim_matches('\n'));
    paragraphs.filter(|part| !part.is_empty() && !part.starts_with('#')).map(symptom)
}

fn symptom(paragraph: &'static str) -> Symptom {
    let (what, rest) = paragraph.split_once('\n').expect("a need is followed by its reason");
    let fields: Vec<(&str, &str)> =
        rest.lines().map(|line| line.split_once(": ").expect("a word and a colon")).collect();
    let all =
        |name: &str| fields.iter().filter(|(known, _)| *known == name).map(|(_, value)| *value).collect::<Vec<_>>();
    let one = |name: &str| all(name).first().copied();
    Symptom {
        what,
        why: one("why").expect("each need has its reason"),
        setting: one("setting"),
        when: match one("when") {
            None => When::Always,
            Some("kernel") => When::Kernel,
            Some("no network") => When::NoNetwork,
            Some(other) => {
                let sockets = other.strip_prefix("no socket ").expect("symptoms.txt says when something is refused");
                When::NoSocket(sockets.split(' ').collect())
            }
        },
        signs: RegexSet::new(all("sign")).expect("the tests compile each sign"),
        #[cfg(test)]
        examples: all("example"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TABLE;

    #[test]
    fn each_example_is_recognized_and_each_setting_is_one() {
        for symptom in LIST.iter() {
            assert!(!symptom.examples.is_empty() && !symptom.why.is_empty(), "{}", symptom.what);
            for example in &symptom.examples {
                assert!(symptom.signs.is_match(example), "{}: {example}", symptom.what);
            }
            assert!(symptom.setting.is_none_or(|name| TABLE.iter().any(|it| it.name == name)), "{}", symptom.what);
        }
    }

    #[test]
    fn what_programs_say_of_their_own_is_no_sign() {
        let now = Circumstances { is_kernel: false, network: true, lets_through: &|_| false };
        for line in [
            "error[E0425]: cannot find value `x` in this scope",
            "make: *** [Makefile:3: all] Error 1",
            "cat: missing.txt: No such file or directory",
            "ModuleNotFoundError: No module named 'yaml'",
            "fatal: not a git repository (or any of the parent directories): .git",
            "curl: (6) Could not resolve host: nowhere.invalid",
            "assertion failed: permission == granted",
        ] {
            assert_eq!(of(line, &now).count(), 0, "{line}");
        }
    }
}
