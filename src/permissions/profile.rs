//! One profile, ready to decide.

use super::{
    asks::Asks,
    base::Base,
    commands::Commands,
    decide::{Decision, Effect, Facts},
    draft::Draft,
    files::Files,
    grants::{self, Grant},
    hosts::Hosts,
    list::List,
    mistakes::Mistake,
    patterns::fits,
    rule::{Rule, Said},
    tools::Tools,
};
use crate::policy::paths::{Intent, without_links};
use std::{collections::HashMap, path::PathBuf};

/// What begins the names of the tools that the sandbox has.
const SANDBOX: &str = "sandbox_";

/// What one profile says.
#[derive(Debug)]
pub struct Profile {
    name: String,
    tools: Tools,
    sandbox: Option<Said<bool>>,
    pub(super) files: Files,
    commands: Commands,
    fetch_allow: Option<(Hosts, Rule)>,
    fetch_deny: Hosts,
    /// Whether commands may use the network.
    pub(super) network: Option<Said<bool>>,
    pub(super) grants: Vec<&'static Grant>,
    memory: [Option<Tags>; 2],
    asks: Asks,
}

/// The tags of which entries may be read or changed.
#[derive(Debug)]
struct Tags {
    patterns: Vec<Said<String>>,
    rule: Rule,
}

impl Tags {
    fn of(list: Option<&List>) -> Option<Self> {
        list.map(|list| Self { patterns: list.entries.clone(), rule: list.rule.clone() })
    }

    fn fitting(&self, tag: &str) -> Option<&Rule> {
        self.patterns.iter().find(|pattern| fits(&pattern.value, tag)).map(|pattern| &pattern.rule)
    }
}

impl Profile {
    /// Makes it of a draft that has inherited.
    pub(crate) fn of(name: &str, draft: &Draft, base: &Base<'_>, mistakes: &mut Vec<Mistake>) -> Self {
        let files = Files::of(&draft.files, base, mistakes);
        let roots = files.read().map_or(&*base.settings.allowed_dirs, |read| read.texts());
        let mut known = HashMap::new();
        let roots: Vec<PathBuf> =
            roots.iter().map(|root| without_links(&base.directory.join(root), &mut known)).collect();
        let mut hosts = |list: &Option<List>| Hosts::of(List::entries(list.as_ref()), mistakes);
        let (fetch_allow, fetch_deny) = (hosts(&draft.fetch_allow), hosts(&draft.fetch_deny));
        Self {
            name: name.to_owned(),
            tools: Tools::of(draft.tools.as_ref(), base.tools, mistakes),
            sandbox: draft.sandbox.clone(),
            commands: Commands::of(&draft.commands, mistakes),
            fetch_allow: draft.fetch_allow.as_ref().map(|list| (fetch_allow, list.rule.clone())),
            fetch_deny,
            network: draft.network.clone(),
            grants: grants::named(List::entries(draft.grants.as_ref()), mistakes),
            memory: [&draft.memory_read, &draft.memory_write].map(|list| Tags::of(list.as_ref())),
            asks: Asks::of(&draft.asks, base, &roots, mistakes),
            files,
        }
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the things are that it opens, for people: their names, and a warning where one is worth the whole machine.
    pub fn grants(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
        self.grants.iter().map(|grant| (grant.name.as_str(), grant.warning.as_deref()))
    }

    /// What is to happen with a call: the strictest of what its parts say, and of those alike the first.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision<'_> {
        let mut strictest = self.tools.decide(facts.tool, facts.access).or_stricter(self.of_sandbox(facts));
        for (path, intent) in facts.paths {
            strictest = strictest.or_stricter(self.files.decide(path, *intent));
        }
        if let Some(host) = facts.host {
            strictest = strictest.or_stricter(self.of_host(host));
        }
        if let Some((tags, intent)) = facts.tags {
            strictest = strictest.or_stricter(self.of_tags(tags, intent));
        }
        if let Some(line) = facts.command {
            strictest = strictest.or_stricter(self.commands.decide(line));
        }
        match strictest.effect {
            Effect::Allow => self.asks.decide(facts).unwrap_or(strictest),
            _ => strictest,
        }
    }

    fn of_sandbox(&self, facts: &Facts<'_>) -> Decision<'_> {
        match &self.sandbox {
            Some(Said { value: false, rule }) if facts.tool.starts_with(SANDBOX) => {
                Decision::denied(Some(rule), "This profile does not have the sandbox".to_owned())
            }
            _ => Decision::allowed(None),
        }
    }

    fn of_host(&self, host: &str) -> Decision<'_> {
        if let Some(rule) = self.fetch_deny.naming(host) {
            return Decision::denied(Some(rule), format!("This profile does not fetch from {host}"));
        }
        let Some((allowed, list)) = &self.fetch_allow else { return Decision::allowed(None) };
        match allowed.naming(host) {
            Some(rule) => Decision::allowed(Some(rule)),
            None => {
                Decision::denied(Some(list), format!("{host} is not among the hosts that this profile fetches from"))
            }
        }
    }

    /// An entry may be read by one of its tags, and changed when all of them may be.
    fn of_tags(&self, tags: &[String], intent: Intent) -> Decision<'_> {
        let [read, write] = &self.memory;
        let (list, does) = if intent == Intent::Read { (read, "recall") } else { (write, "change") };
        let Some(list) = list else { return Decision::allowed(None) };
        let any_tag = list.fitting("");
        let fitting: Vec<&Rule> = tags.iter().filter_map(|tag| list.fitting(tag)).collect();
        let is_allowed = match intent {
            Intent::Read => !fitting.is_empty(),
            Intent::Write => !tags.is_empty() && fitting.len() == tags.len(),
        };
        match fitting.first().copied().filter(|_| is_allowed).or(any_tag) {
            Some(rule) => Decision::allowed(Some(rule)),
            None => {
                Decision::denied(Some(&list.rule), format!("This profile does not {does} memories with these tags"))
            }
        }
    }
}
