//! Which tools a profile has: by names, in which `*` stands for any letters, or with an `@` by what they need.

use super::{base::Tool, decide::Decision, draft::ACCESS, list::List, mistakes::Mistake, patterns::fits, rule::Rule};
use crate::{caller::Access, near::nearest};

/// The tool by which an agent asks for more: whoever may less than others needs it.
const REQUEST: &str = "permissions_request";

/// The tools; none: all.
#[derive(Debug)]
pub(crate) struct Tools(Option<(Vec<(ToolPattern, Rule)>, Rule)>);

/// Which tools a word means.
#[derive(Clone, Debug)]
pub(crate) enum ToolPattern {
    /// Those of names that fit.
    Names(String),
    /// Those that need this.
    Needing(Access),
}

impl ToolPattern {
    /// The modules, and the names of the tools of each.
    pub(crate) const MODULES: [(&str, &str); 5] = [
        ("files", "filesystem_*"),
        ("terminal", "terminal_*"),
        ("memory", "memory_*"),
        ("internet", "internet_*"),
        ("sandbox", "sandbox_*"),
    ];

    /// Reads a module, a name, a pattern of names, or `@` and what tools need.
    ///
    /// # Errors
    /// When it means no tool of `all`; with one that may be meant.
    pub(crate) fn parse(text: &str, all: &[Tool]) -> Result<Self, String> {
        if let Some(access) = text.strip_prefix('@') {
            let found = ACCESS.iter().find(|(name, _)| *name == access);
            let names: Vec<String> = ACCESS.iter().map(|(name, _)| format!("@{name}")).collect();
            return found
                .map(|(_, access)| Self::Needing(*access))
                .ok_or_else(|| format!("there is no `{text}`: what a tool needs is one of {}", names.join(", ")));
        }
        let module = Self::MODULES.iter().find(|(module, _)| *module == text);
        let names = module.map_or(text, |(_, names)| names);
        check_name(names, all).map(|()| Self::Names(names.to_owned()))
    }

    /// Whether a tool is one of them.
    pub(crate) fn means(&self, name: &str, access: Access) -> bool {
        match self {
            Self::Names(pattern) => fits(pattern, name),
            Self::Needing(needed) => *needed == access,
        }
    }
}

impl Tools {
    /// The tools of a list, each of which must mean one of `all`.
    pub(crate) fn of(list: Option<&List>, all: &[Tool], mistakes: &mut Vec<Mistake>) -> Self {
        let Some(list) = list else { return Self(None) };
        let mut named = Vec::new();
        for entry in &list.entries {
            match ToolPattern::parse(&entry.value, all) {
                Ok(one) => named.push((one, entry.rule.clone())),
                Err(why) => mistakes.push(Mistake::at(&entry.rule, why)),
            }
        }
        if list.entries.is_empty() {
            let what = "a profile without any tool can do nothing: name some, or revoke the agent";
            mistakes.push(Mistake::at(&list.rule, what));
        }
        Self(Some((named, list.rule.clone())))
    }

    /// Whether it names tools; otherwise the profile has all.
    pub(crate) fn are_named(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a tool is there.
    pub(crate) fn decide(&self, name: &str, access: Access) -> Decision<'_> {
        let Some((named, list)) = self.0.as_ref().filter(|_| name != REQUEST) else { return Decision::allowed(None) };
        match named.iter().find(|(named, _)| named.means(name, access)) {
            Some((_, rule)) => Decision::allowed(Some(rule)),
            None => Decision::denied(Some(list), format!("This profile does not have {name}")),
        }
    }
}

/// Whether a name or a pattern means a tool.
///
/// # Errors
/// When it does not; with one that may be meant.
pub(crate) fn check_name(text: &str, all: &[Tool]) -> Result<(), String> {
    if all.iter().any(|tool| fits(text, tool.name)) {
        return Ok(());
    }
    let near = nearest(text, all.iter().map(|tool| tool.name));
    Err(match near.first() {
        Some(near) => format!("there is no tool `{text}`: did you mean `{near}`?"),
        None => format!("there is no tool `{text}`: /openapi.json and `tools/list` name all"),
    })
}
