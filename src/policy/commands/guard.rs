//! The guard as the rest of the bridge sees it: it judges, and permits.

use super::rules::RulesFile;
use super::shells::Shell;
use crate::error::{Error, Result};
use crate::policy::paths::Workspace;
use crate::settings::Settings;
use command_guard::{Context, Verdict, judge, judge_program};
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
        let own = denials.iter().find(|denial| denial.path.ends_with(".env")).map(|denial| denial.path.clone());
        let directory = own.as_deref().and_then(Path::parent).unwrap_or(workspace.start());
        let written_by_us = denials.iter().filter(|denial| !denial.reading_too).map(|denial| denial.path.clone());
        let mut protected: Vec<PathBuf> = written_by_us.chain(own.clone()).collect();
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
        self.judge(&line, directory, &environment).map_err(|refusal| {
            Error::Refused(refusal.to_string()).with_hint(|| refusal.can_be_allowed().then(|| REMEDY.to_owned()))
        })?;
        Ok(PermittedCommand { line, directory: directory.to_owned(), environment })
    }

    /// What the guard says of a command, which is not run.
    ///
    /// # Errors
    /// The first danger found, or that the line is not understood.
    pub fn judge(&self, line: &Line, directory: &Path, environment: &BTreeMap<String, String>) -> Verdict {
        let rules = self.rules.as_ref().map(RulesFile::current).unwrap_or_default();
        let context = Context {
            home: &self.home,
            directory: &directory.to_string_lossy(),
            roots: &self.roots,
            protected: &self.protected,
            environment,
            rules: &rules,
        };
        match line {
            Line::Shell { shell, text } => judge(text, shell.grammar(), &context),
            Line::Program(argv) => judge_program(argv, &context),
        }
    }
}
