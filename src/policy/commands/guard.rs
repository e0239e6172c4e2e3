//! The guard as the rest of the bridge sees it: it judges, and permits.

use super::judge::Judge;
use super::known::{Reading, Shell};
use super::rules::RulesFile;
use super::scope::Scope;
use super::syntax::Dialect;
use super::values::Field;
use super::{MAX_COMMAND_BYTES, Refusal, Surroundings, shells};
use crate::error::{Error, Result};
use crate::policy::paths::Workspace;
use crate::settings::Settings;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A command line as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// For a shell.
    Shell {
        /// Which one.
        shell: Arc<Shell>,
        /// What it runs.
        text: String,
    },
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
    rules: Option<Arc<RulesFile>>,
}

impl Guard {
    /// The guard over a workspace: its roots, the server's own files and what the settings deny, and the user's rules.
    ///
    /// # Errors
    /// When the file of MCP_COMMAND_RULES cannot be read or holds a line that is no rule.
    pub fn open(settings: &Settings, workspace: &Workspace) -> anyhow::Result<Self> {
        let denials = workspace.denials();
        let own = denials.iter().find(|denial| denial.path.ends_with(".env")).map(|denial| denial.path.clone());
        let directory = own.as_deref().and_then(Path::parent).unwrap_or(workspace.start());
        let written_by_us = denials.iter().filter(|denial| !denial.reading_too).map(|denial| denial.path.clone());
        let mut protected: Vec<PathBuf> = written_by_us.chain(own.clone()).collect();
        protected.extend(settings.denied_paths.iter().map(|text| directory.join(text)));
        let rules = Some(&*settings.command_rules).filter(|path| !path.is_empty()).map(|path| directory.join(path));
        let roots = workspace.roots();
        let mut guard = Self::new(&std::env::home_dir().unwrap_or_default(), roots, &protected);
        guard.rules = rules.map(RulesFile::open).transpose()?.map(Arc::new);
        Ok(guard)
    }

    /// `roots`: the directories in which commands may do as they like; when there are none, the working directory.
    /// `protected`: what no command may change.
    pub fn new(home: &Path, roots: &[PathBuf], protected: &[PathBuf]) -> Self {
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        Self {
            home: home.to_string_lossy().into_owned(),
            roots: roots.iter().map(text).collect(),
            protected: protected.iter().map(text).collect(),
            rules: None,
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
            Line::Shell { shell, text } => self.judge_for(shell, text, directory, &environment),
            Line::Program(argv) => self.judge_program(argv, directory, &environment),
        };
        judged.map_err(|refusal| Error::Refused(refusal.to_string()).with_hint(|| refusal.remedy()))?;
        Ok(PermittedCommand { line, directory: directory.to_owned(), environment })
    }

    /// Judges a line that some shell would run in `cwd` with `environment` on top of its own: bash or a POSIX shell.
    ///
    /// # Errors
    /// The first danger found, or that the line is not understood.
    pub fn judge(&self, command: &str, cwd: &Path, environment: &BTreeMap<String, String>) -> Result<(), Refusal> {
        self.judge_as(Reading::Either, command, cwd, environment)
    }

    /// Judges a line that `shell` would run, as that shell reads it.
    ///
    /// # Errors
    /// As [`Guard::judge`].
    pub fn judge_for(
        &self,
        shell: &Shell,
        command: &str,
        cwd: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        self.judge_as(shell.reading, command, cwd, environment)
    }

    fn judge_as(
        &self,
        reading: Reading,
        command: &str,
        cwd: &Path,
        environment: &BTreeMap<String, String>,
    ) -> Result<(), Refusal> {
        bounded(command)?;
        let surroundings = self.surroundings(cwd);
        let mut judge = Judge::new(&surroundings, environment, Dialect::Bash, command);
        let mut scope = Scope::at(&cwd.to_string_lossy());
        judge.inherited(&mut scope)?;
        shells::judge_as(&mut judge, reading, command, &mut scope).map(drop)
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
        judge.inherited(&mut scope)?;
        let argv: Vec<Field> = argv.iter().map(Field::text).collect();
        judge.run(&argv, &mut scope).map(drop)
    }

    fn surroundings(&self, cwd: &Path) -> Surroundings {
        let roots = if self.roots.is_empty() { vec![cwd.to_string_lossy().into_owned()] } else { self.roots.clone() };
        let rules = self.rules.as_ref().map(|rules| rules.current()).unwrap_or_default();
        Surroundings { home: self.home.clone(), roots, protected: self.protected.clone(), rules }
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
