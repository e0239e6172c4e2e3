//! The guard as the rest of the bridge sees it: it judges, and permits.

use super::rules::RulesFile;
use super::shells::Shell;
use crate::error::{Error, Result};
use crate::policy::paths::{OWN_FILES, Workspace};
use crate::settings::Settings;
use command_guard::{Context, Reading, Refusal, Verdict, judge, judge_program};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the owner can decide otherwise.
const REMEDY: &str =
    "The bridge's owner can allow such a call with an `allow` line in the file that MCP_COMMAND_RULES names";

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
    is_approved: bool,
}

impl PermittedCommand {
    /// Whether it runs since the person said yes to it.
    pub(crate) fn is_approved(&self) -> bool {
        self.is_approved
    }

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
#[derive(Debug)]
pub struct Guard {
    home: String,
    /// Empty: the directory of each command is its workspace.
    roots: Vec<String>,
    protected: Vec<String>,
    rules: Option<RulesFile>,
}

impl Guard {
    /// The guard over a workspace: its roots, the server's own files and what the settings deny, and the user's rules.
    ///
    /// # Errors
    /// When the file of MCP_COMMAND_RULES cannot be read or holds a line that is no rule.
    pub fn open(settings: &Settings, workspace: &Workspace) -> anyhow::Result<Self> {
        let denials = workspace.denials();
        let directory = workspace.directory();
        let written_by_us = denials.iter().filter(|denial| !denial.reading_too).map(|denial| denial.path.clone());
        let mut protected: Vec<PathBuf> = written_by_us.chain(OWN_FILES.map(|name| directory.join(name))).collect();
        protected.extend(settings.denied_paths.iter().map(|text| directory.join(text)));
        let rules = Some(&*settings.command_rules).filter(|path| !path.is_empty()).map(|path| directory.join(path));
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        Ok(Self {
            home: text(&std::env::home_dir().unwrap_or_default()),
            roots: workspace.changeable().iter().map(text).collect(),
            protected: protected.iter().map(text).collect(),
            rules: rules.map(RulesFile::open).transpose()?,
        })
    }

    /// Judges a command before it runs. What is dangerous may be run where the person said yes to it.
    ///
    /// # Errors
    /// [`Error::Refused`] with the rule and the reason.
    pub fn permit(
        &self,
        line: Line,
        directory: &Path,
        environment: BTreeMap<String, String>,
        is_approved: bool,
    ) -> Result<PermittedCommand> {
        let judged = self.judge(&line, directory, &environment);
        if let Err(refusal) = judged
            && !(is_approved && self.can_be_approved(&line, directory, &environment))
        {
            let hint = || refusal.can_be_allowed().then(|| REMEDY.to_owned());
            return Err(Error::Refused(refusal.to_string()).with_hint(hint));
        }
        Ok(PermittedCommand { line, directory: directory.to_owned(), environment, is_approved })
    }

    /// Whether the person may say yes to all that is dangerous in a command.
    fn can_be_approved(&self, line: &Line, directory: &Path, environment: &BTreeMap<String, String>) -> bool {
        self.read(line, directory, environment).refusals.iter().all(Refusal::can_be_allowed)
    }

    /// What a command would run, whatever dangers are in it.
    pub(crate) fn read(&self, line: &Line, directory: &Path, environment: &BTreeMap<String, String>) -> Reading {
        self.with_context(directory, environment, |context| match line {
            Line::Shell { shell, text } => command_guard::read(text, shell.grammar(), context),
            Line::Program(argv) => command_guard::read_program(argv, context),
        })
    }

    /// What the guard says of a command, which is not run.
    ///
    /// # Errors
    /// The first danger found, or that the line is not understood.
    pub fn judge(&self, line: &Line, directory: &Path, environment: &BTreeMap<String, String>) -> Verdict {
        self.with_context(directory, environment, |context| match line {
            Line::Shell { shell, text } => judge(text, shell.grammar(), context),
            Line::Program(argv) => judge_program(argv, context),
        })
    }

    fn with_context<T>(
        &self,
        directory: &Path,
        environment: &BTreeMap<String, String>,
        ask: impl FnOnce(&Context<'_>) -> T,
    ) -> T {
        let rules = self.rules.as_ref().map(RulesFile::current).unwrap_or_default();
        ask(&Context {
            home: &self.home,
            directory: &directory.to_string_lossy(),
            roots: &self.roots,
            protected: &self.protected,
            environment,
            rules: &rules,
        })
    }
}
