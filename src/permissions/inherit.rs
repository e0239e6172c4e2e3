//! How a profile inherits from another.

use super::{draft::Draft, list::List, mistakes::Mistake, rule::Said};
use crate::near::nearest;
use std::collections::{BTreeMap, HashMap};

/// The longest chain of profiles that inherit from each other.
const MAX_CHAIN: usize = 32;

/// What the profiles of files say themselves, by name.
pub(crate) type Drafts = BTreeMap<String, (Said<String>, Draft)>;

/// Puts profiles together with what they inherit.
pub(crate) struct Family<'a> {
    drafts: &'a Drafts,
    /// Those that are whole.
    whole: HashMap<String, Draft>,
    /// Those that are being put together, the outermost first.
    way: Vec<String>,
    pub mistakes: Vec<Mistake>,
}

impl<'a> Family<'a> {
    pub(crate) fn new(drafts: &'a Drafts) -> Self {
        Self { drafts, whole: HashMap::new(), way: Vec::new(), mistakes: Vec::new() }
    }

    /// A profile with all that it inherits.
    pub(crate) fn whole(&mut self, name: &str) -> Draft {
        if let Some(whole) = self.whole.get(name) {
            return whole.clone();
        }
        let Some((_, own)) = self.drafts.get(name) else { return Draft::default() };
        let whole = match own.inherits.clone().filter(|parent| self.may_inherit(name, parent)) {
            Some(parent) => {
                self.way.push(name.to_owned());
                let inherited = self.whole(&parent.value);
                self.way.pop();
                own.clone().over(&inherited, &mut self.mistakes)
            }
            None => own.clone(),
        };
        self.whole.insert(name.to_owned(), whole.clone());
        whole
    }

    fn may_inherit(&mut self, name: &str, parent: &Said<String>) -> bool {
        let what = if !self.drafts.contains_key(&parent.value) {
            let names = || self.drafts.keys().map(String::as_str);
            match nearest(&parent.value, names()).first() {
                Some(near) => format!("there is no profile `{}`: did you mean `{near}`?", parent.value),
                None => format!(
                    "there is no profile `{}`: there are {}",
                    parent.value,
                    names().collect::<Vec<_>>().join(", ")
                ),
            }
        } else if parent.value == name || self.way.contains(&parent.value) {
            let circle = self.way.iter().skip_while(|it| **it != parent.value).map(String::as_str);
            let circle: Vec<&str> = circle.chain([name, &parent.value]).collect();
            format!("`{}` go in a circle: let one of them inherit from a preset", circle.join("` → `"))
        } else if self.way.len() >= MAX_CHAIN {
            format!(
                "more than {MAX_CHAIN} profiles inherit from each other: inherit from one that is nearer to a preset"
            )
        } else {
            return true;
        };
        self.mistakes.push(Mistake::at(&parent.rule, what));
        false
    }
}

impl Draft {
    /// This one where it says something, and what it inherits elsewhere.
    fn over(self, inherited: &Self, mistakes: &mut Vec<Mistake>) -> Self {
        let mut open = |own, from: &Option<List>| List::opened(own, from.as_ref(), mistakes);
        let tools = open(self.tools, &inherited.tools);
        let grants = open(self.grants, &inherited.grants);
        let read = open(self.files.read, &inherited.files.read);
        let write = open(self.files.write, &inherited.files.write);
        let allow = open(self.commands.allow, &inherited.commands.allow);
        let fetch_allow = open(self.fetch_allow, &inherited.fetch_allow);
        let memory_read = open(self.memory_read, &inherited.memory_read);
        let memory_write = open(self.memory_write, &inherited.memory_write);
        let mut close = |own, from: &Option<List>| List::closed(own, from.as_ref(), mistakes);
        let files = super::draft::FilesDraft { read, write, deny: close(self.files.deny, &inherited.files.deny) };
        let from = &inherited.commands;
        let commands = super::draft::CommandsDraft {
            default: self.commands.default.or_else(|| from.default.clone()),
            guard: self.commands.guard.or_else(|| from.guard.clone()),
            allow,
            ask: close(self.commands.ask, &from.ask),
            deny: close(self.commands.deny, &from.deny),
        };
        Self {
            inherits: self.inherits,
            tools,
            grants,
            sandbox: self.sandbox.or_else(|| inherited.sandbox.clone()),
            files,
            commands,
            fetch_allow,
            fetch_deny: close(self.fetch_deny, &inherited.fetch_deny),
            network: self.network.or_else(|| inherited.network.clone()),
            memory_read,
            memory_write,
            asks: inherited.asks.iter().cloned().chain(self.asks).collect(),
        }
    }
}
