//! How to fix a path that is refused or not there: which rule refuses it, where it was looked for.
//!
//! What is said of a refusal is known from the settings and the text alone: it never tells whether something is there.

use super::{Denial, Intent, Workspace, places::OWN_FILES, secrets::SYSTEM, text};
use std::path::{Component, Path, PathBuf};

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
            None if self.allows(&real, Intent::Read) && intent == Intent::Write && !self.is_writable(&real) => {
                "It may be read and not changed: MCP_WRITABLE_PATHS does not name it".to_owned()
            }
            None if !self.allows(&real, intent) => "MCP_DENIED_PATHS denies it".to_owned(),
            None => format!(
                "A link or another name leads from there to a place that is denied{}",
                if self.roots().is_empty() { "" } else { ", or outside MCP_ALLOWED_DIRS" }
            ),
        }
    }

    fn rule_of(&self, denial: &Denial) -> &'static str {
        let own = self.directory().join("memory");
        let [environment, permissions] = OWN_FILES.map(|name| self.directory().join(name));
        if denial.path == environment {
            "It holds the bridge's own key and settings, which only the person changes, in an editor"
        } else if denial.path == permissions {
            "It says what each agent may do, which only the person changes, in an editor"
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
