//! The table of rules: forms of keys, and places of passwords in command lines and addresses.

use super::value;
use base64::Engine;
use regex::bytes::{Captures, Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use std::{
    ops::Range,
    sync::{LazyLock, OnceLock},
};

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::read(include_str!("secret_rules.txt")));

/// The rules, and their patterns together, so that a text in which nothing is found is gone through a few times. One
/// automaton of all of them has so many states that it would make them again and again in a long text.
///
/// They see bytes: with the letters of all the world in each class that leaves some out, compiling them took half of a
/// server's start. A pattern that names such letters asks for them (`(?u)`).
struct Table {
    rules: Vec<Rule>,
    /// Of so many patterns each: [`TOGETHER`].
    sets: Vec<RegexSet>,
}

/// One pattern of the table. Its groups are the secrets; without any, all that it matches.
struct Rule {
    pattern: String,
    /// Compiled when the pattern fits for the first time: most never do. With the fewest other words before the secret,
    /// and with the most, for a command that has two.
    compiled: OnceLock<Vec<Regex>>,
    check: Check,
}

/// What else must hold, where the form alone is not telling.
#[derive(Clone, Copy)]
enum Check {
    /// Nothing.
    None,
    /// Letters and digits: no word and no number.
    Mixed,
    /// Capital and small letters and digits.
    Varied,
    /// Base64 of a name, a colon and a password.
    Credentials,
    /// The check digit of payment cards (ISO/IEC 7812-1).
    Card,
}

/// Where the rules see secrets.
pub(crate) fn find(text: &str) -> Vec<Range<usize>> {
    let parts = TABLE.sets.iter().zip(TABLE.rules.chunks(TOGETHER));
    let fitting = parts.flat_map(|(set, rules)| set.matches(text.as_bytes()).into_iter().map(|number| &rules[number]));
    fitting.flat_map(|rule| rule.find(text)).collect()
}

impl Rule {
    fn compiled(&self) -> &[Regex] {
        let compile = |pattern: &str| {
            let compiled = RegexBuilder::new(pattern).unicode(false).build();
            compiled.expect("all patterns were compiled together before")
        };
        self.compiled.get_or_init(|| {
            let most = self.pattern.replace(FEWEST_WORDS, MOST_WORDS);
            let also = (most != self.pattern).then_some(most);
            [&self.pattern].into_iter().chain(&also).map(|pattern| compile(pattern)).collect()
        })
    }

    fn find(&self, text: &str) -> Vec<Range<usize>> {
        let found = self.compiled().iter().flat_map(|pattern| pattern.captures_iter(text.as_bytes()));
        found.flat_map(|found| self.secrets(text, &found)).collect()
    }

    fn secrets(&self, text: &str, found: &Captures<'_>) -> Vec<Range<usize>> {
        let groups = usize::from(found.len() > 1);
        let parts = found.iter().skip(groups).flatten();
        let parts = parts.map(|part| text.floor_char_boundary(part.start())..text.ceil_char_boundary(part.end()));
        parts.filter(|part| self.check.holds(&text[part.clone()])).collect()
    }
}

impl Check {
    fn named(name: &str) -> Self {
        match name {
            "mixed" => Self::Mixed,
            "varied" => Self::Varied,
            "credentials" => Self::Credentials,
            "card" => Self::Card,
            other => panic!("secret_rules.txt has an unknown check: {other}"),
        }
    }

    fn holds(self, part: &str) -> bool {
        let has = |kind: fn(&u8) -> bool| part.as_bytes().iter().any(kind);
        let fits = match self {
            Self::None => true,
            Self::Mixed => has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic),
            Self::Varied => has(u8::is_ascii_digit) && has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase),
            Self::Credentials => holds_credentials(part),
            Self::Card => is_card(part),
        };
        fits && !part.is_empty() && !value::is_reference(part)
    }
}

fn holds_credentials(base64: &str) -> bool {
    let decoded = base64::engine::general_purpose::STANDARD_NO_PAD.decode(base64.trim_end_matches('='));
    decoded
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .is_some_and(|text| text.contains(':') && !text.contains(char::is_control))
}

fn is_card(digits: &str) -> bool {
    let digits = digits.bytes().rev().filter(u8::is_ascii_digit).map(|digit| u32::from(digit - b'0'));
    let weighed = digits.enumerate().map(|(place, digit)| match place % 2 {
        0 => digit,
        _ => digit * 2 / 10 + digit * 2 % 10,
    });
    weighed.sum::<u32>().is_multiple_of(10)
}

/// What the patterns of the table may name: a word as a shell reads it, the gap between two words (also over a continued
/// line, and between the items of a list), other words of the same command, and a user with a password behind a colon.
const PARTS: [(&str, &str); 5] = [
    ("{CREDENTIALS}", r#"(?:\\*["'][^"':\n]*:([^"'\n]+)|[^\s"':]*:({WORD}))"#),
    ("{WORD}", r#"(?:(?:\\+"[^"\\]*\\+"|"(?:[^"\\]|\\[\s\S])*"?|'[^']*'?|\\[\s\S]|[^\s"'\\;|&<>()])+)"#),
    ("{GAP}", r#"(?:(?:[ \t]|\\+\r?\n|\\+n[ \t]|\\*["'],\s*\\*["'])+)"#),
    ("{REST}", FEWEST_WORDS),
    (r"\b", r"(?-u:\b)"),
];

const FEWEST_WORDS: &str = r"(?:(?:[^\n;|&\\]|\\[\s\S])*?)";
const MOST_WORDS: &str = r"(?:(?:[^\n;|&\\]|\\[\s\S])*)";

/// How many patterns are searched for at once: with fewer a short text takes longer, with more a long one.
const TOGETHER: usize = 48;

/// What those may take together, in bytes.
const MOST_COMPILED: usize = 16 << 20;

/// What their search may keep of its states, in bytes.
const MOST_CACHED: usize = 4 << 20;

impl Table {
    fn read(text: &str) -> Self {
        let mut rules = Vec::new();
        for entry in entries(text) {
            let check = entry.of("check").next().map_or(Check::None, Check::named);
            for pattern in entry.of("pattern") {
                let pattern = PARTS.iter().fold(pattern.to_owned(), |whole, (name, part)| whole.replace(name, part));
                rules.push(Rule { pattern, compiled: OnceLock::new(), check });
            }
        }
        let together = |rules: &[Rule]| {
            let mut set = RegexSetBuilder::new(rules.iter().map(|rule| &rule.pattern));
            let set = set.unicode(false).size_limit(MOST_COMPILED).dfa_size_limit(MOST_CACHED).build();
            set.unwrap_or_else(|error| panic!("secret_rules.txt: {error}"))
        };
        Self { sets: rules.chunks(TOGETHER).map(together).collect(), rules }
    }
}

/// A block of the table: a name in brackets and lines of `word = text`.
struct Entry<'a> {
    #[cfg_attr(not(test), expect(dead_code, reason = "the name is for people, and for the tests of the table"))]
    name: &'a str,
    lines: Vec<(&'a str, &'a str)>,
}

impl<'a> Entry<'a> {
    fn of(&self, word: &str) -> impl Iterator<Item = &'a str> {
        self.lines.iter().filter(move |(name, _)| *name == word).map(|(_, text)| *text)
    }
}

fn entries(text: &str) -> Vec<Entry<'_>> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            entries.push(Entry { name, lines: vec![] });
            continue;
        }
        let (word, text) = line.split_once(" = ").unwrap_or_else(|| panic!("no line of a rule: {line}"));
        entries.last_mut().expect("a name comes first").lines.push((word.trim(), text));
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::{super::clean, *};
    use std::collections::HashSet;

    /// `«` and `»` are around a secret of an example; `⏎` is a line's end.
    #[test]
    fn each_rule_hides_its_example_and_leaves_its_look_alike() {
        let (mut names, mut wrong) = (HashSet::new(), Vec::new());
        for entry in entries(include_str!("secret_rules.txt")) {
            assert!(names.insert(entry.name), "two rules are called {}", entry.name);
            for needed in ["pattern", "hides", "leaves"] {
                assert!(entry.of(needed).next().is_some(), "{} has no {needed}", entry.name);
            }
            for example in entry.of("hides") {
                let example = example.replace('⏎', "\n");
                assert!(example.contains('«'), "{} does not say what it hides", entry.name);
                let (sent, mut expected, mut rest) = (example.replace(['«', '»'], ""), String::new(), &*example);
                while let Some((before, after)) = rest.split_once('«') {
                    expected += &format!("{before}{}", super::super::MASK);
                    rest = after.split_once('»').expect("what is opened is closed").1;
                }
                expected += rest;
                wrong.extend(Some((entry.name, clean(&sent, &[]), expected)).filter(|(_, got, wanted)| got != wanted));
            }
            for example in entry.of("leaves").map(|example| example.replace('⏎', "\n")) {
                wrong
                    .extend(Some((entry.name, clean(&example, &[]), example)).filter(|(_, got, wanted)| got != wanted));
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}
