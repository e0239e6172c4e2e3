//! How to fix a path that is refused or not there: which rule refuses it, where it was looked for, what is near.
//!
//! What is said of a refusal is known from the settings and the text alone: it never tells whether something is there.

use super::{Denial, Directory, Intent, SafePath, Workspace, secrets::SYSTEM, text};
use crate::near::nearest;
use std::{
    ffi::OsStr,
    path::{Component, Path, PathBuf},
};

/// So many names of a folder are looked at for one that is near.
const MAX_NAMES: usize = 5000;

const OF_THE_SYSTEM: &str = "/etc, /root, /sys and /proc are out of reach of the file routes, whatever the settings";

impl Workspace {
    /// Which rule refuses a path, and its setting.
    pub fn why_refused(&self, sent: &str, intent: Intent) -> String {
        if let Some(rule) = self.refusal_of_text(sent) {
            return rule;
        }
        let real = text::absolute(self.start(), sent);
        if !self.is_in_roots(&real) {
            return self.roots_in_words();
        }
        if self.denials.are_of_homes(&real) {
            return "Keys, passwords and other secrets of homes are always denied, whatever the settings".to_owned();
        }
        match self.denials.covering(&real, intent) {
            Some(denial) => self.rule_of(denial).to_owned(),
            None if !self.allows(&real, intent) => "MCP_DENIED_PATHS denies it".to_owned(),
            None => format!(
                "A link or another name leads from there to a place that is denied{}",
                if self.roots().is_empty() { "" } else { ", or outside MCP_ALLOWED_DIRS" }
            ),
        }
    }

    fn rule_of(&self, denial: &Denial) -> &'static str {
        let own = self.environment.parent().unwrap_or(Path::new("/")).join("memory");
        if denial.path == self.environment {
            "It holds the bridge's own key and settings, which only the person changes, in an editor"
        } else if denial.path.starts_with(&own) {
            "It is the bridge's own: the memory tools change the memory, and undo is a tool of its own"
        } else if SYSTEM.iter().any(|place| denial.path == Path::new(place)) {
            OF_THE_SYSTEM
        } else if denial.reading_too {
            "MCP_DENIED_PATHS denies it"
        } else {
            "It holds the rules that MCP_COMMAND_RULES names, which callers may read and not change"
        }
    }

    /// Where a path was looked for that is not there.
    pub fn where_looked(&self, real: &Path) -> String {
        format!("It was looked for at {}; relative paths start at {}", real.display(), self.start().display())
    }

    fn refusal_of_text(&self, sent: &str) -> Option<String> {
        if sent.contains('\0') {
            return Some("A path has no NUL character in it".to_owned());
        }
        if let Some(rest) = sent.strip_prefix('~') {
            let home = std::env::home_dir().filter(|_| rest.is_empty() || rest.starts_with('/'));
            let whole = home.map(|home| home.join(rest.trim_start_matches('/')));
            return Some(self.suggesting("`~` stands for no folder here: send the whole path", whole));
        }
        if Path::new(sent).components().any(|part| part == Component::ParentDir) {
            let whole = without_parents(&self.start().join(sent));
            return Some(self.suggesting("A path has no `..` in it: send where it leads", Some(whole)));
        }
        text::is_unsafe(sent).then(|| OF_THE_SYSTEM.to_owned())
    }

    /// A path that would be refused as well is no suggestion.
    fn suggesting(&self, rule: &str, whole: Option<PathBuf>) -> String {
        let whole =
            whole.filter(|whole| !text::is_unsafe(&whole.to_string_lossy()) && self.allows(whole, Intent::Write));
        whole.map_or_else(|| rule.to_owned(), |whole| format!("{rule}, {}", whole.display()))
    }

    fn roots_in_words(&self) -> String {
        let roots: Vec<String> = self.roots().iter().map(|root| root.display().to_string()).collect();
        format!("It lies outside MCP_ALLOWED_DIRS, which allows only {}", roots.join(" and "))
    }
}

fn without_parents(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut whole, part| {
        match part {
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
        whole
    })
}

/// Where something was looked for that is not there, and which names are near.
pub(super) fn of_missing(path: &SafePath) -> String {
    let names = path.missing.iter().map(std::ffi::OsString::as_os_str).chain([path.name.as_os_str()]);
    let names: Vec<&OsStr> = names.collect();
    let folder: PathBuf = path.real.ancestors().nth(names.len()).unwrap_or(Path::new("/")).to_owned();
    let missing = names[0].to_string_lossy();
    let known = names_in(path, &folder);
    let near = nearest(&missing, known.iter().map(String::as_str));
    let mut hint = path.workspace.where_looked(&path.real);
    if names.len() > 1 {
        hint.push_str(&format!(". There is no {}", folder.join(names[0]).display()));
    }
    if !near.is_empty() {
        let near: Vec<String> = near.iter().map(|name| folder.join(name).display().to_string()).collect();
        hint.push_str(&format!(". Did you mean {}?", near.join(" or ")));
    }
    hint
}

/// What the caller may see in the folder where the first missing name should be.
fn names_in(path: &SafePath, folder: &Path) -> Vec<String> {
    let holder: &Directory = &path.holder;
    let may_see = |name: &OsStr| {
        let found = holder.look(name);
        path.workspace.allows(&folder.join(name), Intent::Read)
            && found.is_ok_and(|found| !path.workspace.is_denied_place(found.identity, Intent::Read))
    };
    let entries = holder.entries().into_iter().flatten().take(MAX_NAMES);
    let names = entries.filter_map(|entry| entry.ok()?.0.into_string().ok());
    names.filter(|name| may_see(OsStr::new(name))).collect()
}
