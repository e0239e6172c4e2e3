//! Denied places by pattern: what fits is denied with all below, whether it is there already or comes later.

use super::feature::Feature;
use anyhow::{Context, Result, ensure};
use regex::bytes::{Regex, RegexBuilder};
use std::{
    borrow::Cow,
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    path::{Component, Path, PathBuf},
};

/// What makes a name a pattern.
const MARKS: [char; 3] = ['*', '?', '['];

/// How many names a pattern may look through on the disk to find what fits it now. It does so before each command.
const MAX_NAMES: usize = 10_000;

/// Names in any case are one where the system takes them for one.
const ANY_CASE: bool = cfg!(any(target_os = "macos", windows));

/// A folder, and what below it is denied.
#[derive(Clone, Debug)]
pub struct Pattern {
    base: PathBuf,
    parts: Vec<Part>,
}

/// One name of a pattern.
#[derive(Clone, Debug)]
enum Part {
    /// This very name.
    Name(OsString),
    /// A name that fits, and how such a name begins and ends.
    Fits { regex: Regex, begins: Box<str>, ends: Box<str> },
    /// Any folders, none at all too: `**`.
    Folders,
}

impl Part {
    fn fitting(text: &str) -> Result<Self> {
        let begins = &text[..text.find(MARKS).unwrap_or(text.len())];
        let ends = text.rsplit(['*', '?', ']']).next().unwrap_or_default();
        Ok(Self::Fits { regex: fitting(text)?, begins: begins.into(), ends: ends.into() })
    }
}

/// What is there of a pattern, or of the list of secret places.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fitting {
    /// What fits.
    pub places: BTreeSet<PathBuf>,
    /// Folders that may not be looked into, in which something may fit.
    pub barred: BTreeSet<PathBuf>,
}

/// An entry of a folder: its name, and whether it is a folder itself (a link is none).
pub type Entry = (OsString, bool);

impl Pattern {
    /// Reads an absolute path with `*`, `?`, `[…]` or `**` in it; `None` when it has none. `*` and `?` stand for
    /// hidden names too.
    ///
    /// # Errors
    /// When it cannot be read as a pattern.
    pub fn parse(path: &Path) -> Result<Option<Self>> {
        let is_plain = |part: &Component| !part.as_os_str().to_string_lossy().contains(MARKS);
        let base: PathBuf = path.components().take_while(is_plain).collect();
        if base == path {
            return Ok(None);
        }
        let mut parts = Vec::new();
        for component in path.components().skip(base.components().count()) {
            match component.as_os_str() {
                name if name == "**" => parts.push(Part::Folders),
                name if is_plain(&component) => parts.push(Part::Name(name.to_owned())),
                name => parts.push(Part::fitting(&name.to_string_lossy())?),
            }
        }
        Ok(Some(Self { base, parts }))
    }

    /// What every path has that it covers.
    pub(super) fn features(&self) -> Vec<Feature> {
        let base = self.base.components().next_back().map(Component::as_os_str).into_iter();
        let mut features: Vec<Feature> = base.map(|name| Feature::Is(Self::folded(name).as_ref().into())).collect();
        for part in &self.parts {
            match part {
                Part::Name(name) => features.push(Feature::Is(Self::folded(name).as_ref().into())),
                Part::Fits { begins, ends, .. } => {
                    let [begins, ends] = [begins, ends].map(|text| Self::folded(OsStr::new(&**text)).into_owned());
                    features.extend([Feature::Begins(begins.into()), Feature::Ends(ends.into())]);
                }
                Part::Folders => {}
            }
        }
        // What is the same in any case in one language is not in all.
        let is_empty = |it: &Feature| matches!(it, Feature::Begins(text) | Feature::Ends(text) if text.is_empty());
        let bytes = |it: &Feature| matches!(it, Feature::Is(text) | Feature::Begins(text) | Feature::Ends(text) if text.is_ascii());
        features.retain(|feature| !is_empty(feature) && (!ANY_CASE || bytes(feature)));
        features
    }

    /// A name as it is compared.
    pub(super) fn folded(name: &OsStr) -> Cow<'_, [u8]> {
        let bytes = name.as_encoded_bytes();
        if ANY_CASE { bytes.to_ascii_lowercase().into() } else { bytes.into() }
    }

    /// The same below where its folder really is.
    pub fn with_base(&self, base: PathBuf) -> Self {
        Self { base, parts: self.parts.clone() }
    }

    /// The folder that it begins in.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Whether a place, absolute and without dots and links, is denied by it.
    pub fn covers(&self, real: &Path) -> bool {
        let names: Vec<&OsStr> = real.components().map(Component::as_os_str).collect();
        let base: Vec<&OsStr> = self.base.components().map(Component::as_os_str).collect();
        let Some((start, below)) = names.split_at_checked(base.len()) else { return false };
        start.iter().zip(base).all(|(one, other)| is_same(one, other)) && fits(&self.parts, below)
    }

    /// What is there and fits it, as long as it lies in one of the `roots`; none: anywhere. `entries` tells what is in a
    /// folder, nothing where there is none.
    ///
    /// # Errors
    /// When it would have to look through more than 10,000 names, and what `entries` fails with.
    pub fn found(
        &self,
        roots: &[PathBuf],
        entries: &mut dyn FnMut(&Path) -> io::Result<Vec<Entry>>,
    ) -> io::Result<Fitting> {
        let mut search = Search { roots, entries, looked: 0, found: Fitting::default() };
        search.below(&self.base, &self.parts)?;
        Ok(search.found)
    }
}

struct Search<'a> {
    roots: &'a [PathBuf],
    entries: &'a mut dyn FnMut(&Path) -> io::Result<Vec<Entry>>,
    looked: usize,
    found: Fitting,
}

impl Search<'_> {
    fn below(&mut self, folder: &Path, parts: &[Part]) -> io::Result<()> {
        let Some((part, rest)) = parts.split_first() else {
            self.found.places.insert(folder.to_owned());
            return Ok(());
        };
        let is_on_the_way = |root: &PathBuf| folder.starts_with(root) || root.starts_with(folder);
        if !self.roots.is_empty() && !self.roots.iter().any(is_on_the_way) {
            return Ok(());
        }
        if let Part::Name(name) = part {
            return self.below(&folder.join(name), rest);
        }
        let entries = match (self.entries)(folder) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.found.barred.insert(folder.to_owned());
                return Ok(());
            }
            entries => entries?,
        };
        self.looked += entries.len();
        if self.looked > MAX_NAMES {
            let problem = format!(
                "a pattern of MCP_DENIED_PATHS or MCP_WRITABLE_PATHS covers more than {MAX_NAMES} names: begin it deeper"
            );
            return Err(io::Error::other(problem));
        }
        if matches!(part, Part::Folders) && !rest.is_empty() {
            self.below(folder, rest)?;
        }
        for (name, is_folder) in entries {
            let path = folder.join(&name);
            match part {
                Part::Folders if rest.is_empty() => self.below(&path, rest)?,
                Part::Folders if is_folder => self.below(&path, parts)?,
                Part::Fits { regex, .. }
                    if (is_folder || rest.is_empty()) && regex.is_match(name.as_encoded_bytes()) =>
                {
                    self.below(&path, rest)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Whether the first of the names fit the parts: what lies below something that fits is denied with it.
fn fits(parts: &[Part], names: &[&OsStr]) -> bool {
    let Some((part, rest)) = parts.split_first() else { return true };
    match part {
        Part::Folders if rest.is_empty() => !names.is_empty(),
        Part::Folders => (0..names.len()).any(|skipped| fits(rest, &names[skipped..])),
        Part::Name(own) => names.split_first().is_some_and(|(name, more)| is_same(own, name) && fits(rest, more)),
        Part::Fits { regex, .. } => {
            names.split_first().is_some_and(|(name, more)| regex.is_match(name.as_encoded_bytes()) && fits(rest, more))
        }
    }
}

fn is_same(one: &OsStr, other: &OsStr) -> bool {
    if ANY_CASE { one.eq_ignore_ascii_case(other) } else { one == other }
}

/// Whether a text has no sign that means something in other pattern languages and would be a name's own letter here.
///
/// # Errors
/// When it has; the message says how to write what is meant.
pub(crate) fn check_signs(text: &str) -> Result<()> {
    ensure!(!text.contains(['{', '}']), "braces are no pattern, so name each place");
    for name in text.split(std::path::is_separator) {
        ensure!(
            name == "**" || !name.contains("**"),
            "`**` stands for whole folders: write it between slashes, as in **/*.pem, and * for a part of a name"
        );
        let mut rest = name;
        while let Some((before, after)) = rest.split_once('[') {
            check_outside(before)?;
            let inside = after.strip_prefix(['!', '^']).unwrap_or(after);
            // A bracket at the first place is meant itself (glob(7)).
            let length = inside.char_indices().skip(1).find(|(_, c)| *c == ']');
            let (end, _) = length.with_context(|| format!("{name:?} has a [ without its ]"))?;
            let class = &inside[..end];
            ensure!(
                !["[:", "[.", "[="].iter().any(|sign| class.contains(sign)),
                "a class such as [:alpha:] is no pattern here: write the letters, as in [a-zA-Z]"
            );
            rest = &inside[end + 1..];
        }
        check_outside(rest)?;
    }
    Ok(())
}

fn check_outside(part: &str) -> Result<()> {
    ensure!(!part.contains(']'), "it has a ] without its [: write []] for the sign itself");
    ensure!(
        !["@(", "!(", "+(", "?(", "*("].iter().any(|sign| part.contains(sign)),
        "what stands in @(…), !(…), +(…), ?(…) or *(…) is no pattern here: name each place, or write [(] for the sign itself"
    );
    Ok(())
}

/// A name's pattern as a regular expression. What is no UTF-8 fits byte by byte, so that no name slips through.
fn fitting(text: &str) -> Result<Regex> {
    const ANY: &str = "(?:.|(?-u:.))";
    let (mut regex, mut rest) = (String::new(), text.chars());
    while let Some(c) = rest.next() {
        match c {
            '*' => regex.push_str("(?-u:.)*"),
            '?' => regex.push_str(ANY),
            '[' => {
                let (class, after) = class(rest.as_str()).with_context(|| format!("{text:?} has a [ without its ]"))?;
                regex.push_str(&class);
                rest = after.chars();
            }
            c => regex.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    let mut builder = RegexBuilder::new(&format!(r"\A{regex}\z"));
    let built = builder.dot_matches_new_line(true).case_insensitive(ANY_CASE).build();
    built.with_context(|| format!("{text:?} cannot be read as a pattern"))
}

/// What stands behind a `[`, as a class of a regular expression, and what follows.
fn class(text: &str) -> Option<(String, &str)> {
    let negated = text.starts_with(['!', '^']);
    let begin = usize::from(negated);
    // A bracket at the first place is meant itself (glob(7)).
    let skipped = begin + text[begin..].chars().next()?.len_utf8();
    let end = skipped + text.get(skipped..)?.find(']')?;
    let escape = |c: char| if r"\[]&~^".contains(c) { format!("\\{c}") } else { c.to_string() };
    let inside: String = text[begin..end].chars().map(escape).collect();
    let class = if negated { format!(r"(?:[^{inside}]|(?-u:[\x80-\xff]))") } else { format!("[{inside}]") };
    Some((class, &text[end + 1..]))
}

/// The path without `..`; one goes back from where the folder before it really is.
///
/// # Errors
/// When that folder is not there, or is a pattern: nobody can tell what is meant.
pub(crate) fn without_parents(path: &Path, canonical: impl Fn(&Path) -> io::Result<PathBuf>) -> Result<PathBuf> {
    let mut real = PathBuf::new();
    for component in path.components() {
        if component == Component::ParentDir {
            let shown = real.display();
            ensure!(!real.to_string_lossy().contains(MARKS), "its `..` goes back from a pattern: write it without");
            real = canonical(&real)
                .with_context(|| format!("its `..` goes back from {shown}, which is not there: write it without"))?;
            real.pop();
        } else {
            real.push(component);
        }
    }
    Ok(real)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(Path::new(text)).unwrap().unwrap()
    }

    #[test]
    fn what_fits_is_denied_with_all_below_and_its_neighbours_are_not() {
        for (text, denied, free) in [
            (
                "/a/*.pem",
                &["/a/x.pem", "/a/.pem", "/a/x.pem/y"][..],
                &["/a/b/x.pem", "/a", "/a/x.pem2", "/b/x.pem"][..],
            ),
            ("/a/**/k?y", &["/a/key", "/a/b/c/k\u{e9}y/x"], &["/a/ky", "/a/keey", "/key"]),
            ("/a/**", &["/a/b", "/a/b/c"], &["/a", "/ab"]),
            ("/a/[!x-z]b/c", &["/a/ab/c", "/a/éb/c/d"], &["/a/xb/c", "/a/ab/d", "/a/b/c"]),
            ("/a/[]^]", &["/a/]", "/a/^"], &["/a/x"]),
            ("/*/secret", &["/x/secret"], &["/secret", "/x/y/secret"]),
            ("/a/{b}+*", &["/a/{b}+c"], &["/a/bb"]),
        ] {
            let pattern = pattern(text);
            for path in denied {
                assert!(pattern.covers(Path::new(path)), "{text} lets {path} through");
            }
            for path in free {
                assert!(!pattern.covers(Path::new(path)), "{text} denies {path}");
            }
        }
        assert!(pattern("/a/?x").covers(Path::new(OsStr::from_bytes(b"/a/\xffx"))), "a name that is no UTF-8");
    }

    #[test]
    fn what_is_no_pattern_is_said_so() {
        assert!(Pattern::parse(Path::new("/a/b")).unwrap().is_none());
        for text in ["/a/[b", "/a/[", "/a/[z-a]"] {
            assert!(Pattern::parse(Path::new(text)).is_err(), "{text}");
        }
    }
}
