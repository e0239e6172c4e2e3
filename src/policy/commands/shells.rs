//! The shells that may run command lines: those that the guard can read and this machine has.

use crate::error::{Error, Result};
use anyhow::bail;
use command_guard::{Grammar, KnownShell, known_shells};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The first of these that is there runs lines when nobody says.
const DEFAULTS: [&str; 2] = ["bash", "sh"];

/// Where shells are, whatever `PATH` says.
const FOLDERS: [&str; 3] = ["/bin", "/usr/bin", "/usr/local/bin"];

/// A shell of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    known: KnownShell,
    program: PathBuf,
}

impl Shell {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.known.name
    }

    /// How it reads lines.
    pub fn grammar(&self) -> Grammar {
        self.known.grammar
    }

    /// Its program file.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Whether this names it: its name, or the whole path of its program.
    #[expect(
        clippy::disallowed_methods,
        reason = "a path is only compared with a shell's own, and nothing is said of it"
    )]
    fn is_called(&self, name: &str) -> bool {
        let path = Path::new(name);
        let is_its_file = || std::fs::canonicalize(path).ok() == std::fs::canonicalize(&self.program).ok();
        let is_its_path = path.is_absolute() && path.file_name().is_some_and(|last| last == self.name());
        self.name() == name || (is_its_path && is_its_file())
    }

    /// What it is started with to run `line`, its own name first.
    pub fn command<'a>(&'a self, line: &'a str) -> Vec<&'a OsStr> {
        let arguments = self.known.arguments.iter().map(OsStr::new);
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
        let mut found: Vec<Shell> = listed().filter_map(|known| Shell::find(known, &folders)).collect();
        if !chosen.is_empty() {
            let place = Path::new(chosen);
            let name = place.file_name().unwrap_or(place.as_os_str());
            let Some(known) = listed().find(|shell| shell.name == name) else {
                bail!(
                    "MCP_SHELL: {chosen:?} is no shell that the guard can read: it must be one of {}",
                    names(listed().map(|shell| shell.name))
                );
            };
            let folders =
                if place.is_absolute() { place.parent().map(Path::to_owned).into_iter().collect() } else { folders };
            let Some(shell) = Shell::find(known, &folders).filter(|_| place.is_absolute() || place.as_os_str() == name)
            else {
                bail!(
                    "MCP_SHELL: there is no {chosen:?} on this machine; it has {}",
                    names(found.iter().map(Shell::name))
                );
            };
            found.retain(|other| other.name() != shell.name());
            found.insert(0, shell);
        } else if let Some(at) = DEFAULTS.iter().find_map(|name| found.iter().position(|shell| shell.name() == *name)) {
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
        self.0.iter().find(|shell| shell.is_called(name)).cloned().ok_or_else(|| {
            let there = self.0.iter().map(|shell| shell.name());
            Error::invalid(
                "shell_program",
                format!("{name:?} is no shell that may run commands here: send the name of one, {}", names(there)),
            )
        })
    }

    /// The names of all.
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|shell| shell.name()).collect()
    }
}

impl Shell {
    #[cfg(not(windows))]
    fn find(known: KnownShell, folders: &[PathBuf]) -> Option<Self> {
        let programs = folders.iter().map(|folder| folder.join(known.name));
        let program = programs.into_iter().find(|program| program.is_file())?;
        Some(Self { known, program })
    }

    #[cfg(windows)]
    fn find(known: KnownShell, _: &[PathBuf]) -> Option<Self> {
        (known.name == "cmd").then(|| Self { known, program: "cmd".into() })
    }
}

/// The list, and on Windows its one shell.
fn listed() -> impl Iterator<Item = KnownShell> {
    let cmd = KnownShell { name: "cmd", grammar: Grammar::BashOrPosix, arguments: vec!["/C"] };
    known_shells().chain(cfg!(windows).then_some(cmd))
}

fn names<'a>(shells: impl Iterator<Item = &'a str>) -> String {
    shells.collect::<Vec<_>>().join(", ")
}
