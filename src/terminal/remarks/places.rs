//! The places that a command or its output names, of which the confinement is asked.

use super::Blocked;
use crate::policy::confine::Refusal;
use std::{
    ops::Range,
    path::{Component, Path, PathBuf},
};

/// What a line that reports an error says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Failure {
    /// Nothing is there, or it cannot be seen: only what is hidden explains it.
    Missing,
    /// It is there and was refused.
    Refused,
}

/// Words of the system's errors, in small letters, and what they say.
const FAILURES: [(&str, Failure); 14] = [
    ("permission denied", Failure::Refused),
    ("operation not permitted", Failure::Refused),
    ("read-only file system", Failure::Refused),
    ("access denied", Failure::Refused),
    ("eacces", Failure::Refused),
    ("eperm", Failure::Refused),
    ("erofs", Failure::Refused),
    ("no such file or directory", Failure::Missing),
    ("no such device", Failure::Missing),
    ("does not exist", Failure::Missing),
    ("not found", Failure::Missing),
    ("enoent", Failure::Missing),
    ("cannot open", Failure::Missing),
    ("connection refused", Failure::Missing),
];

/// Where the words of a command or a message end, beside blanks.
const BOUNDS: [char; 16] = ['\'', '"', '`', '(', ')', '[', ']', '<', '>', ';', ',', '|', '&', '=', '‘', '’'];

/// How a name is understood.
pub(crate) struct Names<'a> {
    /// The folder that relative ones start in.
    pub cwd: &'a Path,
    /// What `~` is.
    pub home: &'a Path,
    /// What is refused at a path.
    pub refusal: &'a dyn Fn(&Path) -> Option<Refusal>,
}

impl Names<'_> {
    /// What a line of output says that was refused.
    pub(crate) fn of_line(&self, line: &str) -> Vec<Blocked> {
        let small = line.to_lowercase();
        let failures = FAILURES.iter().filter(|(words, _)| small.contains(words)).map(|(_, failure)| *failure);
        let Some(failure) = failures.min_by_key(|failure| *failure == Failure::Missing) else { return Vec::new() };
        self.refused(line, |refusal, at| refusal.reading_too || failure == Failure::Refused && !is_speaker(line, at))
    }

    /// What a command that failed names of what it cannot see.
    pub(crate) fn of_command(&self, command: &str) -> Vec<Blocked> {
        self.refused(command, |refusal, _| refusal.reading_too)
    }

    /// The refusals at the places of a text that count, which is asked with the word's range.
    fn refused(&self, text: &str, counts: impl Fn(&Refusal, Range<usize>) -> bool) -> Vec<Blocked> {
        let paths = words(text).filter_map(|at| Some((self.path(&text[at.clone()])?, at)));
        let refused = paths.filter_map(|(path, at)| Some(((self.refusal)(&path)?, path, at)));
        let refused = refused.filter(|(refusal, _, at)| counts(refusal, at.clone()));
        refused.map(|(refusal, path, _)| Blocked::new(&path.to_string_lossy(), &refusal.why, refusal.setting)).collect()
    }

    /// The path that a word means: from the top, from a home, or of a hidden file in the folder.
    fn path(&self, word: &str) -> Option<PathBuf> {
        let word = word.strip_prefix("unix://").unwrap_or(word).trim_end_matches([':', '.', '?', '!']);
        let home = ["~", "$HOME", "${HOME}"].iter().find_map(|name| word.strip_prefix(name));
        let path = match home.filter(|below| below.is_empty() || below.starts_with('/')) {
            Some(below) => self.home.join(below.trim_start_matches('/')),
            None if word.starts_with('/') => PathBuf::from(word.split(':').next()?),
            None if word.contains('/') || word.starts_with('.') => self.cwd.join(word),
            None => return None,
        };
        (path.components().count() > 1 && !word.contains("://")).then(|| without_dots(&path))
    }
}

/// Where the words of a text stand.
fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bounds = |c: char| c.is_whitespace() || BOUNDS.contains(&c);
    let mut next = 0;
    text.split_inclusive(bounds).map(move |word| {
        let start = next;
        next += word.len();
        start..start + word.trim_end_matches(bounds).len()
    })
}

/// Whether a line's word is the program that says the rest, as in `/usr/bin/bash: line 1: ./run.sh: Permission denied`: it
/// stands at the beginning, or something else than the failure is said behind it. It ran, so nothing was refused at it.
fn is_speaker(line: &str, at: Range<usize>) -> bool {
    let rest = line[at.end..].to_lowercase();
    let failure = FAILURES.iter().filter_map(|(words, _)| rest.find(words)).min();
    let says_more = failure.is_some_and(|failure| rest[..failure].contains(char::is_alphanumeric));
    line[at.clone()].ends_with(':') && (line[..at.start].trim().is_empty() || says_more)
}

/// The path with `.` and `..` taken out by name, as its words mean it.
fn without_dots(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
        path
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, is_line: bool) -> Vec<String> {
        let refusal = |path: &Path| {
            let hidden = ["/home/a/.npmrc", "/etc/shadow", "/w/.env", "/dev/kvm"].iter().any(|it| path.starts_with(it));
            let known = hidden || path.starts_with("/usr");
            known.then(|| Refusal { why: "is refused".into(), setting: None, reading_too: hidden })
        };
        let names = Names { cwd: Path::new("/w/b"), home: Path::new("/home/a"), refusal: &refusal };
        let found = if is_line { names.of_line(text) } else { names.of_command(text) };
        found.into_iter().map(|blocked| blocked.what).collect()
    }

    #[test]
    fn places_are_found_in_commands_and_in_what_programs_say() {
        for (line, expected) in [
            ("cat: /etc/shadow: No such file or directory", "/etc/shadow"),
            ("sh: 1: cannot create /usr/x: Read-only file system", "/usr/x"),
            ("Error: EACCES: permission denied, open '/home/a/.npmrc'", "/home/a/.npmrc"),
            ("PermissionError: [Errno 13] Permission denied: '../.env'", "/w/.env"),
            ("qemu: could not open /dev/kvm: No such device", "/dev/kvm"),
        ] {
            assert_eq!(names(line, true), [expected], "{line}");
        }
        for line in [
            "/usr/bin/bash: line 1: ./run.sh: Permission denied",
            "/usr/bin/bash: line 1: ulimit: open files: cannot modify limit: Operation not permitted",
            "make[1]: /usr/bin/bash: line 1: kill: (2) - Operation not permitted",
            "/usr/bin/ping: Operation not permitted",
        ] {
            assert_eq!(names(line, true), Vec::<String>::new(), "{line}");
        }
        assert_eq!(names("/usr/bin/bash: line 1: /usr/x: Permission denied", true), ["/usr/x"]);
        assert_eq!(names("touch: /usr/x: Read-only file system", true), ["/usr/x"]);
        for line in ["/usr/bin/x: /usr/lib/y.so: No such file or directory", "/etc/shadow is fine", "wrote /w/.env"] {
            assert_eq!(names(line, true), Vec::<String>::new(), "{line}");
        }
        assert_eq!(names("test -s ~/.npmrc && . ../.env; ls $HOME /usr/x", false), ["/home/a/.npmrc", "/w/.env"]);
        assert_eq!(names("curl https://x.org/etc/shadow; echo a/etc/shadow", false), Vec::<String>::new());
    }
}
