//! The list of what is harmless in files of settings (`allowed.txt`).

use crate::arguments::clean;
use regex::{Captures, Regex, RegexSet};
use std::{
    collections::HashMap,
    sync::{LazyLock, OnceLock},
};

/// The sets of the list.
pub(crate) static SETS: LazyLock<Vec<Set>> = LazyLock::new(|| sets(include_str!("allowed.txt")));

/// Between the parts of a key's name.
const DIVIDER: &str = "\u{1f}";

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Syntax {
    /// `[section "name"]`, `key = value`, lines that go on after a backslash.
    Git,
    /// `[section]`, `key = value`, lines that go on further in.
    Ini,
    /// `key=value`.
    Npm,
    /// `Keyword value` below `Host` and `Match`.
    Ssh,
    /// `key: value`; all of the file or nothing.
    Yaml,
    /// `Key: value` in paragraphs; all of one or nothing.
    Stanzas,
    /// Lines, each by itself.
    Lines,
    Toml,
    /// Hosts or people with their public keys.
    Keys,
}

impl Syntax {
    fn of(name: &str) -> Self {
        match name {
            "git" => Self::Git,
            "ini" => Self::Ini,
            "npm" => Self::Npm,
            "ssh" => Self::Ssh,
            "yaml" => Self::Yaml,
            "stanzas" => Self::Stanzas,
            "toml" => Self::Toml,
            "keys" => Self::Keys,
            _ => Self::Lines,
        }
    }
}

/// What is harmless in the files of a program.
#[derive(Debug)]
pub(crate) struct Set {
    pub syntax: Syntax,
    /// Where they lie, as the list has it.
    pub files: Vec<&'static str>,
    keys: Vec<(String, Shape)>,
    lines: Vec<Shape>,
    heads: Vec<Shape>,
    names: OnceLock<RegexSet>,
}

impl Set {
    /// Whether a key may have this value. A name may fit more than one key.
    pub(crate) fn allows(&self, path: &[String], value: &str) -> bool {
        let names = self
            .names
            .get_or_init(|| RegexSet::new(self.keys.iter().map(|(name, _)| name)).expect("a test compiles every name"));
        let name = path.join(DIVIDER);
        let fits = names.matches(&name).into_iter().any(|key| self.keys[key].1.fits(value));
        let said = format!("{} = {value}", path.last().map_or("", String::as_str));
        fits && !is_random(&name) && !is_random(value) && clean(&said, &[]) == said
    }

    /// Whether a line may stay.
    pub(crate) fn allows_line(&self, line: &str) -> bool {
        self.lines.iter().any(|shape| shape.fits(line)) && !is_random(line) && clean(line, &[]) == line
    }

    /// Whether a line begins a block that may stay.
    pub(crate) fn allows_head(&self, line: &str) -> bool {
        self.heads.iter().any(|shape| shape.fits(line)) && !is_random(line)
    }
}

/// What a text must look like, from its first character to its last.
#[derive(Debug)]
struct Shape {
    pattern: String,
    regex: OnceLock<Regex>,
}

impl Shape {
    fn new(pattern: &str) -> Self {
        Self { pattern: whole(pattern), regex: OnceLock::new() }
    }

    fn fits(&self, text: &str) -> bool {
        self.regex.get_or_init(|| Regex::new(&self.pattern).expect("a test compiles every shape")).is_match(text)
    }
}

fn whole(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

fn sets(list: &'static str) -> Vec<Set> {
    let lines = || list.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let words = |line: &'static str| line.split_once(' ').expect("each line begins with a word");
    let shapes = lines().map(words).filter(|(word, _)| *word == "shape").map(|(_, rest)| {
        let (name, pattern) = words(rest);
        (name, pattern.trim_start())
    });
    let shapes: HashMap<&str, &str> = shapes.collect();
    let mut sets: Vec<Set> = Vec::new();
    for (word, rest) in lines().map(words).filter(|(word, _)| *word != "shape") {
        if word == "set" {
            sets.push(set(Syntax::of(words(rest).1)));
            continue;
        }
        let set = sets.last_mut().expect("a set stands above");
        match word {
            "file" => set.files.push(rest),
            "key" => {
                let (name, value) = words(rest);
                let value = if let Some(pattern) = shapes.get(value) { pattern } else { value };
                set.keys.push((name_pattern(name, &shapes), Shape::new(&expanded(value, &shapes))));
            }
            "head" => set.heads.push(Shape::new(&expanded(rest, &shapes))),
            _ => set.lines.push(Shape::new(&expanded(rest, &shapes))),
        }
    }
    sets
}

fn set(syntax: Syntax) -> Set {
    Set { syntax, files: vec![], keys: vec![], lines: vec![], heads: vec![], names: OnceLock::new() }
}

/// The pattern of a key's name, the parts of which dots divide.
fn name_pattern(name: &str, shapes: &HashMap<&str, &str>) -> String {
    let dots = name.replace(r"\.", "\0");
    let parts = dots.split('.').map(|part| expanded(&part.replace('\0', r"\."), shapes));
    whole(&parts.map(|part| format!("(?:{part})")).collect::<Vec<_>>().join(DIVIDER))
}

/// A pattern with the shapes that it names.
fn expanded(pattern: &str, shapes: &HashMap<&str, &str>) -> String {
    static NAME: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\{([a-z]+)\}").expect("the tests use it"));
    let with = NAME.replace_all(pattern, |name: &Captures<'_>| {
        let shape = shapes.get(&name[1]).unwrap_or_else(|| panic!("{} is no shape", &name[1]));
        format!("(?:{})", expanded(shape, shapes))
    });
    with.into_owned()
}

/// A part of a value with so many characters, among them a digit and a letter, is taken for a key; with more, whatever they
/// are; and so is one that changes so often between letters and digits or from small to large letters.
const LONG: usize = 16;
const TOO_LONG: usize = 32;
const CHANGES: usize = 3;

/// Whether a text may hold a key that fits a shape by chance.
fn is_random(text: &str) -> bool {
    text.split(|it: char| !it.is_alphanumeric()).any(|part| {
        let has = |is: fn(char) -> bool| part.contains(is);
        let pairs = part.chars().zip(part.chars().skip(1));
        let changes = pairs.filter(|(one, next)| {
            let of_kind = one.is_numeric() != next.is_numeric();
            of_kind || one.is_lowercase() && next.is_uppercase()
        });
        let is_mixed = has(char::is_numeric) && has(char::is_alphabetic);
        part.len() > TOO_LONG || part.len() >= LONG && is_mixed || changes.count() >= CHANGES
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_has_a_file_for_each_set_and_patterns_that_can_be_read() {
        for set in SETS.iter() {
            assert!(!set.files.is_empty(), "{set:?}");
            for (name, shape) in &set.keys {
                Regex::new(name).unwrap();
                Regex::new(&shape.pattern).unwrap();
            }
            for shape in set.lines.iter().chain(&set.heads) {
                Regex::new(&shape.pattern).unwrap();
            }
            for file in &set.files {
                assert!(file.starts_with("~/") || file.starts_with("/etc/"), "{file}");
            }
        }
    }

    #[test]
    fn what_looks_like_a_key_is_told_from_names_and_numbers() {
        for key in ["s3cr3tK3y", "abcdefghij0123456789", "aB3dE6fG", "https://r.example.org/a1b2c3/"] {
            assert!(is_random(key), "{key}");
        }
        for name in ["x86_64-unknown-linux-gnu", "id_ed25519", "dimmed-zebra", "https://pypi.example.org:8080/simple"] {
            assert!(!is_random(name), "{name}");
        }
    }
}
