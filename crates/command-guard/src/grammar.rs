//! How shells read lines, as `shells.txt` lists them.

const LIST: &str = include_str!("shells.txt");

/// How a line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grammar {
    /// As bash does.
    Bash,
    /// As a POSIX shell does.
    Posix,
    /// A line is dangerous when either of both readings is.
    BashOrPosix,
    /// As zsh does.
    Zsh,
}

/// A shell that runs lines which the guard can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownShell {
    /// What it is called, which is also the name of its program file.
    pub name: &'static str,
    /// How it reads lines.
    pub grammar: Grammar,
    /// What it is started with, before the line.
    pub arguments: Vec<&'static str>,
}

/// The shells of the list, in its order.
pub fn known_shells() -> impl Iterator<Item = KnownShell> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let grammar = match words.next()? {
            "bash" => Grammar::Bash,
            "posix" => Grammar::Posix,
            "zsh" => Grammar::Zsh,
            _ => Grammar::BashOrPosix,
        };
        Some(KnownShell { name, grammar, arguments: words.collect() })
    })
}

/// How the shell of this name reads lines.
pub(super) fn of_shell(name: &str) -> Grammar {
    known_shells().find(|shell| shell.name == name).map_or(Grammar::BashOrPosix, |shell| shell.grammar)
}
