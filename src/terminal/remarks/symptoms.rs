//! The list of what programs say when the confinement keeps something from them (`symptoms.txt`).

use super::Blocked;
use regex::{Regex, RegexSet};
use std::sync::LazyLock;

static LIST: LazyLock<Vec<Symptom>> = LazyLock::new(|| paragraphs(include_str!("symptoms.txt")).collect());

/// One need that the confinement refuses.
struct Symptom {
    what: &'static str,
    why: &'static str,
    setting: Option<&'static str>,
    when: When,
    signs: RegexSet,
    asks: RegexSet,
    #[cfg(test)]
    examples: Vec<&'static str>,
}

/// Where a need is refused at all.
enum When {
    Always,
    Kernel,
    Root,
    NoNetwork,
    NoSocket(Vec<&'static str>),
}

/// What is so for the command that ended.
pub(crate) struct Circumstances<'a> {
    /// Whether namespaces are refused here.
    pub is_kernel: bool,
    /// Whether the bridge runs as root.
    pub is_root: bool,
    /// Whether commands have the network.
    pub network: bool,
    /// Whether a socket, which may be a pattern, is let through.
    pub lets_through: &'a dyn Fn(&str) -> bool,
}

/// What the system's errors say of a call that is refused, in C, in Python, in Node.
static REFUSAL: LazyLock<Regex> = LazyLock::new(|| {
    let words = r"(?i)operation not permitted|permission denied|not supported|not implemented|\bE(PERM|ACCES|NOSYS|AFNOSUPPORT)\b";
    Regex::new(words).expect("the tests try it")
});

impl Symptom {
    fn blocked(&self) -> Blocked {
        Blocked::new(self.what, self.why, self.setting)
    }
}

impl When {
    fn holds(&self, now: &Circumstances<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Kernel => now.is_kernel,
            Self::Root => now.is_root,
            Self::NoNetwork => !now.network,
            Self::NoSocket(sockets) => !sockets.iter().any(|socket| (now.lets_through)(socket)),
        }
    }
}

/// What a line of output says that is refused.
pub(crate) fn of<'a>(line: &'a str, now: &'a Circumstances<'a>) -> impl Iterator<Item = Blocked> + 'a {
    LIST.iter().filter(|symptom| symptom.signs.is_match(line) && symptom.when.holds(now)).map(Symptom::blocked)
}

/// Whether a line says that something is not permitted, and maybe not what.
pub(crate) fn is_refusal(line: &str) -> bool {
    REFUSAL.is_match(line)
}

/// What a command, or a line of the code that failed, asks for that is refused.
pub(crate) fn asked<'a>(text: &'a str, now: &'a Circumstances<'a>) -> impl Iterator<Item = Blocked> + 'a {
    LIST.iter().filter(|symptom| symptom.asks.is_match(text) && symptom.when.holds(now)).map(Symptom::blocked)
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
            Some("root") => When::Root,
            Some("no network") => When::NoNetwork,
            Some(other) => {
                let sockets = other.strip_prefix("no socket ").expect("symptoms.txt says when something is refused");
                When::NoSocket(sockets.split(' ').collect())
            }
        },
        signs: RegexSet::new(all("sign")).expect("the tests compile each sign"),
        asks: RegexSet::new(all("asks")).expect("the tests compile each of them"),
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
                let is_known = symptom.signs.is_match(example) || symptom.asks.is_match(example);
                assert!(is_known, "{}: {example}", symptom.what);
            }
            assert!(symptom.setting.is_none_or(|name| TABLE.iter().any(|it| it.name == name)), "{}", symptom.what);
        }
    }

    #[test]
    fn what_programs_say_of_their_own_is_no_sign() {
        let now = Circumstances { is_kernel: false, is_root: true, network: true, lets_through: &|_| false };
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

    #[test]
    fn what_the_system_refuses_to_who_is_not_root_is_not_laid_to_the_confinement() {
        for line in ["mknod: n: Operation not permitted", "hostname: you must be root to change the host name"] {
            for is_root in [false, true] {
                let now = Circumstances { is_kernel: false, is_root, network: true, lets_through: &|_| false };
                assert_eq!(of(line, &now).count(), usize::from(is_root), "{line}");
            }
        }
    }
}
