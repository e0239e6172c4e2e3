//! What a call is about, as the domain that does it states it.

use super::{
    decide::{Decision, Facts},
    profile::Profile,
    rule::Rule,
};
use crate::{caller::Access, policy::paths::Intent};
use command_guard::Reading;
use std::path::{Path, PathBuf};

/// What a call is about. The domain states it, and decides nothing by it.
#[derive(Clone, Debug)]
pub struct Subjects {
    /// The places that it reads or changes, absolute and without dots and links.
    pub paths: Vec<(PathBuf, Intent)>,
    /// Whether it is about all that is in those places, too; without any, it may be about any file.
    pub is_of_trees: bool,
    /// The host that it talks to, as a URL has it.
    pub host: Option<String>,
    /// What its command would run.
    pub command: Option<Reading>,
    /// The folder that its command runs in; none if it sets variables, since an answer may then hold for this call only.
    pub folder: Option<PathBuf>,
    /// The tags of each of the memory's entries that it reads or changes, as far as they are known.
    pub tags: Vec<(Vec<String>, Intent)>,
    /// How many files it deletes.
    pub deletes: u64,
    /// How many its agent deleted shortly before.
    pub deleted_before: u64,
    /// Whether the bridge can undo it, or there is nothing to undo.
    pub can_be_undone: bool,
    /// Of a call that brings what is not in its arguments, so that nobody can say yes to it: what to do instead.
    pub instead: Option<&'static str>,
    /// What it would change in a file, as a unified diff.
    pub diff: Option<String>,
    /// What an answer about it is bound to, beside its arguments: files as they are now.
    pub bound: Vec<String>,
}

impl Default for Subjects {
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            is_of_trees: false,
            host: None,
            command: None,
            folder: None,
            tags: Vec::new(),
            deletes: 0,
            deleted_before: 0,
            can_be_undone: true,
            instead: None,
            diff: None,
            bound: Vec::new(),
        }
    }
}

impl Subjects {
    /// What a profile says of the call of a tool that needs `access` and is about this.
    pub fn decide<'a>(&self, profile: &'a Profile, tool: &str, access: Access) -> Decision<'a> {
        self.with_facts(tool, access, |facts| profile.decide(facts))
    }

    /// The lines of the person's own file that say something of it.
    pub(crate) fn matching<'a>(&self, profile: &'a Profile, tool: &str, access: Access) -> Vec<&'a Rule> {
        self.with_facts(tool, access, |facts| profile.matching(facts))
    }

    fn with_facts<T>(&self, tool: &str, access: Access, then: impl FnOnce(&Facts<'_>) -> T) -> T {
        let paths: Vec<(&Path, Intent)> = self.paths.iter().map(|(path, intent)| (path.as_path(), *intent)).collect();
        then(&Facts {
            tool,
            access,
            paths: &paths,
            is_of_trees: self.is_of_trees,
            host: self.host.as_deref(),
            command: self.command.as_ref(),
            tags: &self.tags,
            deletes: self.deletes,
            deleted_before: self.deleted_before,
            can_be_undone: self.can_be_undone,
        })
    }
}
