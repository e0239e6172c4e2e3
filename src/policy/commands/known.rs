//! The shells that may run command lines, as `shells.txt` lists them and this machine has them.

use crate::error::{Error, Result};
use anyhow::bail;
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

const LIST: &str = include_str!("shells.txt");

/// The first of these that is there runs lines when nobody says.
const DEFAULTS: [&str; 2] = ["bash", "sh"];

/// Where shells are, whatever `PATH` says.
const FOLDERS: [&str; 3] = ["/bin", "/usr/bin", "/usr/local/bin"];

/// How a line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Bash,
    Posix,
    /// A line is dangerous when either reading of it is.
    Either,
    Zsh,
}

/// A shell of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    name: &'static str,
    program: PathBuf,
    arguments: Vec<&'static str>,
    pub(super) reading: Reading,
}

impl Shell {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its program file.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// What it is started with to run `line`, its own name first.
    pub fn command<'a>(&'a self, line: &'a str) -> Vec<&'a OsStr> {
        let arguments = self.arguments.iter().map(OsStr::new);
        std::iter::once(self.program.as_os_str()).chain(arguments).chain([OsStr::new(line)]).collect()
    }
}

/// The shells of this machine, the one that runs lines when nobody says first.
#[derive(Clone, Debug)]
pub struct Shells(Vec<Arc<Shell>>);

impl Shells {
    /// Looks for them in the absolute folders of `path` (as `PATH` has it). `chosen` is the value of `MCP_SHELL`: a name
    /// of the list, a path that ends in one, or nothing.
    ///
    /// # Errors
    /// When the chosen one is not in the list or not there.
    pub fn find(chosen: &str, path: &OsStr) -> anyhow::Result<Self> {
        let folders: Vec<PathBuf> = std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .chain(FOLDERS.map(PathBuf::from))
            .collect();
        let mut found: Vec<Shell> = listed().filter_map(|shell| shell.in_one_of(&folders)).collect();
        if !chosen.is_empty() {
            let place = Path::new(chosen);
            let name = place.file_name().unwrap_or(place.as_os_str());
            let Some(known) = listed().find(|shell| shell.name == name) else {
                bail!(
                    "MCP_SHELL: {chosen:?} is no shell that the guard can read: it must be one of {}",
                    names(listed())
                );
            };
            let folders =
                if place.is_absolute() { place.parent().map(Path::to_owned).into_iter().collect() } else { folders };
            let Some(shell) = known.in_one_of(&folders).filter(|_| place.is_absolute() || place.as_os_str() == name)
            else {
                bail!("MCP_SHELL: there is no {chosen:?} on this machine; it has {}", names(found.into_iter()));
            };
            found.retain(|other| other.name != shell.name);
            found.insert(0, shell);
        } else if let Some(at) = DEFAULTS.iter().find_map(|name| found.iter().position(|shell| shell.name == *name)) {
            found[..=at].rotate_right(1);
        }
        Ok(Self(found.into_iter().map(Arc::new).collect()))
    }

    /// The shell of this name; without one, the one that runs lines when nobody says.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no shell of the list, or not there; [`Error::Unavailable`] without any shell.
    pub fn named(&self, name: Option<&str>) -> Result<Arc<Shell>> {
        let Some(name) = name else {
            return self
                .0
                .first()
                .cloned()
                .ok_or_else(|| Error::unavailable("This machine has no shell: use shell false"));
        };
        self.0.iter().find(|shell| shell.name == name).cloned().ok_or_else(|| {
            let there = self.0.iter().map(|shell| (**shell).clone());
            Error::invalid(
                "shell_program",
                format!("{name:?} is no shell that may run commands here: {}", names(there)),
            )
        })
    }

    /// The names of all.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|shell| shell.name).collect()
    }
}

impl Shell {
    #[cfg(not(windows))]
    fn in_one_of(self, folders: &[PathBuf]) -> Option<Self> {
        let programs = folders.iter().map(|folder| folder.join(self.name));
        let program = programs.into_iter().find(|program| program.is_file())?;
        Some(Self { program, ..self })
    }

    #[cfg(windows)]
    fn in_one_of(self, _: &[PathBuf]) -> Option<Self> {
        (self.name == "cmd").then(|| Self { program: "cmd".into(), ..self })
    }
}

/// The list, and on Windows its one shell.
fn listed() -> impl Iterator<Item = Shell> {
    let lines = LIST.lines().filter(|line| !line.starts_with('#'));
    lines.chain(cfg!(windows).then_some("cmd either /C")).filter_map(|line| {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let reading = match words.next()? {
            "bash" => Reading::Bash,
            "posix" => Reading::Posix,
            "zsh" => Reading::Zsh,
            _ => Reading::Either,
        };
        Some(Shell { name, program: PathBuf::new(), arguments: words.collect(), reading })
    })
}

fn names(shells: impl Iterator<Item = Shell>) -> String {
    shells.map(|shell| shell.name).collect::<Vec<_>>().join(", ")
}

/// How the shell of this name reads lines.
pub(super) fn reading(name: &str) -> Reading {
    listed().find(|shell| shell.name == name).map_or(Reading::Either, |shell| shell.reading)
}
