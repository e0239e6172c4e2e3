//! The guard against dangerous commands: structural, and against accidents rather than attackers.
//!
//! A line is parsed as a shell would parse it, followed as far as constants reach (variables, `cd`, pipes,
//! here-documents, wrappers, code given to interpreters), and judged on the program and the places that its
//! operands mean. It is no boundary: a program in the workspace can do what the guard would refuse, and
//! only the confinement of the kernel holds that.

mod braces;
mod builtins;
mod effects;
mod expand;
mod judge;
mod options;
mod outputs;
mod parameters;
mod parser;
mod patterns;
mod places;
mod programs;
mod scope;
mod shells;
mod simple;
mod syntax;
mod targets;
mod values;
mod wrappers;

use crate::error::{Error, Result};
use judge::Judge;
use scope::Scope;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use syntax::Dialect;
use values::Field;

/// Longer command lines cannot be run anyway: Linux takes at most 128 KiB in one argument
/// (`MAX_ARG_STRLEN` in `include/uapi/linux/binfmts.h`).
pub const MAX_COMMAND_BYTES: usize = 128 * 1024;

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule, by a name that stays: `rm-root`, `disk`, `unparsable`.
    pub rule: &'static str,
    /// A sentence for the person or the model that sent the command.
    pub reason: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Dangerous command blocked: {}: {}", self.rule, self.reason)
    }
}

impl Refusal {
    fn new(rule: &'static str, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }
}

/// What a command is judged against.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The home directory of the user that commands run as.
    pub home: String,
    /// Directories in which commands may do as they like.
    pub roots: Vec<String>,
    /// Places that no command may change, wherever they lie.
    pub protected: Vec<String>,
}

impl Surroundings {
    /// The roots that can be workspaces: not the whole system, nor one of its top directories.
    fn workspaces(&self) -> Vec<Vec<&str>> {
        let is_whole = |names: &Vec<&str>| names.is_empty() || names.len() == 1 && places::is_system(names[0]);
        self.roots.iter().map(|root| targets::names(root)).filter(|names| !is_whole(names)).collect()
    }

    /// The user's name, as the home directory says it.
    fn user(&self) -> &str {
        self.home.rsplit('/').next().unwrap_or_default()
    }
}

/// A command line as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// For `/bin/sh -c`.
    Shell(String),
    /// A program and its arguments, run without a shell.
    Program(Vec<String>),
}

/// A command that was judged and may run, where and with what it was judged. Only [`Guard::permit`] makes one.
#[derive(Clone, Debug)]
pub struct PermittedCommand {
    line: Line,
    directory: PathBuf,
    environment: BTreeMap<String, String>,
}

impl PermittedCommand {
    /// What to run.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Where to run it.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Variables on top of the server's own, without its secrets.
    pub fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }
}

/// Judges command lines.
#[derive(Clone, Debug)]
pub struct Guard {
    home: String,
    /// Empty: the directory of each command is its workspace.
    roots: Vec<String>,
    protected: Vec<String>,
}

impl Guard {
    /// `roots`: the directories in which commands may do as they like; when there are none, the working directory.
    /// `protected`: what no command may change.
    pub fn new(home: &Path, roots: &[PathBuf], protected: &[PathBuf]) -> Self {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        Self {
            home: home.to_string_lossy().into_owned(),
            roots: roots.iter().map(text).collect(),
            protected: protected.iter().map(text).collect(),
        }
    }

    /// Judges a command before it runs.
    ///
    /// # Errors
    /// [`Error::Refused`] with the rule and the reason.
    pub fn permit(
        &self,
        line: Line,
        directory: &Path,
        environment: BTreeMap<String, String>,
    ) -> Result<PermittedCommand> {
        let judged = match &line {
            Line::Shell(command) => self.judge(command, directory, &environment),
            Line::Program(argv) => self.judge_program(argv, directory, &environment),
        };
        judged.map_err(|refusal| Error::Refused(refusal.to_string()))?;
        Ok(PermittedCommand { line, directory: directory.to_owned(), environment })
    }

    /// Judges a line that `/bin/sh -c` would run in `cwd` with `environment` on top of its own.
    ///
    /// # Errors
    /// The first danger found, or that the line is not understood.
    pub fn judge(&self, command: &str, cwd: &Path, environment: &BTreeMap<String, String>) -> Result<(), Refusal> {
        bounded(command)?;
        let surroundings = self.surroundings(cwd);
        let read = |dialect| {
            let mut judge = Judge::new(&surroundings, environment, dialect, command);
            let mut scope = Scope::at(&cwd.to_string_lossy());
            judge.text(command, dialect, &mut scope)
        };
        if shells::differs(command) {
            shells::combine(read(Dialect::Bash), read(Dialect::Posix)).map(drop)
        } else {
            read(Dialect::Bash).map(drop)
        }
    }

    /// Judges a program that is run without a shell.
    ///
    /// # Errors
    /// As [`Guard::judge`].
    pub fn judge_program(
        &self,
        argv: &[String],
        cwd: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        let line = argv.join(" ");
        bounded(&line)?;
        let surroundings = self.surroundings(cwd);
        let mut judge = Judge::new(&surroundings, environment, Dialect::Bash, &line);
        let mut scope = Scope::at(&cwd.to_string_lossy());
        let argv: Vec<Field> = argv.iter().map(Field::text).collect();
        judge.run(&argv, &mut scope).map(drop)
    }

    fn surroundings(&self, cwd: &Path) -> Surroundings {
        let roots = if self.roots.is_empty() { vec![cwd.to_string_lossy().into_owned()] } else { self.roots.clone() };
        Surroundings { home: self.home.clone(), roots, protected: self.protected.clone() }
    }
}

fn bounded(command: &str) -> Result<(), Refusal> {
    if command.len() > MAX_COMMAND_BYTES {
        return Err(Refusal::new(
            "too-complex",
            "the command is longer than 128 KiB; put it into a script file and run that",
        ));
    }
    if command.contains('\0') {
        return Err(Refusal::new("unparsable", "the command holds a NUL character"));
    }
    Ok(())
}
