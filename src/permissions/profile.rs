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
    lines,
    list::List,
    mistakes::Mistake,
    needs::Needs,
    patterns::fits,
    rule::{Rule, Said},
    tools::Tools,
    words,
};
use crate::{
    caller::Access,
    policy::paths::{Intent, without_links},
};
use std::{collections::HashMap, path::PathBuf, sync::Arc};

/// What begins the names of the tools that the sandbox has.
const SANDBOX: &str = "sandbox_";

/// Says why nothing is fetched from a host without asking first.
pub(crate) type HostCheck = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Says whether entries of the memory with a tag are recalled.
pub(crate) type TagCheck = Box<dyn Fn(&str) -> bool + Send + Sync>;

/// What one profile says.
#[derive(Debug)]
pub struct Profile {
    name: String,
    tools: Tools,
    sandbox: Option<Said<bool>>,
    pub(super) files: Files,
    pub(super) commands: Commands,
    fetch_allow: Option<(Hosts, Rule)>,
    fetch_deny: Hosts,
    /// Whether commands may use the network.
    pub(super) network: Option<Said<bool>>,
    pub(super) grants: Vec<&'static Grant>,
    memory: [Option<Tags>; 2],
    pub(super) asks: Asks,
    words: Vec<String>,
    lines: Vec<Rule>,
    /// Asked for at each call: found out once.
    needs: Needs,
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
        let mut profile = Self {
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
            words: words::of(draft),
            lines: lines::of(draft),
            needs: Needs::default(),
        };
        profile.needs = profile.find_needs();
        profile
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the things are that it opens, for people: their names, and a warning where one is worth the whole machine.
    pub fn grants(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
        self.grants.iter().map(|grant| (grant.name.as_str(), grant.warning.as_deref()))
    }

    /// What it lets its agents do, refuses them and asks the person about, in words; nothing where nothing bounds them.
    pub fn in_words(&self) -> &[String] {
        &self.words
    }

    /// What it lists in the person's own file, with what it inherits from there.
    pub fn lines(&self) -> &[Rule] {
        &self.lines
    }

    /// Whether it names the tools of its agents; otherwise they have all.
    pub fn names_tools(&self) -> bool {
        self.tools.are_named()
    }

    /// What must be known of a call to decide.
    pub fn needs(&self) -> Needs {
        self.needs
    }

    fn find_needs(&self) -> Needs {
        let asks = self.asks.needs();
        let lists_files = self.files.read().is_some() || self.files.write().is_some();
        let is_open = self.fetch_allow.is_none() && self.fetch_deny.is_empty();
        Needs {
            paths: asks.paths || lists_files || !self.files.deny().texts().is_empty(),
            host: asks.host || !is_open,
            command: asks.command || !self.commands.are_plain(),
            tags: self.memory.iter().any(Option::is_some),
            ..asks
        }
    }

    /// Whether it reaches some memories alone.
    pub(super) fn bounds_memory(&self) -> bool {
        self.memory.iter().flatten().any(|tags| tags.patterns.iter().all(|pattern| pattern.value != "*"))
    }

    /// Whether the person is asked about some calls.
    pub fn may_ask(&self) -> bool {
        self.commands.may_ask() || !self.asks.are_none()
    }

    /// Whether the profile has a tool at all, whatever is done with it.
    pub fn has(&self, tool: &str, access: Access) -> bool {
        let facts = Facts::of(tool, access);
        self.tools.decide(tool, access).or_stricter(self.of_sandbox(&facts)).effect != Effect::Deny
    }

    /// Says why a host is not fetched from, or not without asking; none where every host is.
    pub(crate) fn host_check(self: &Arc<Self>) -> Option<HostCheck> {
        if !self.needs().host && self.asks.are_none() {
            return None;
        }
        let profile = self.clone();
        Some(Box::new(move |host| {
            let facts = Facts { host: Some(host), ..Facts::of("internet_fetch", Access::Network) };
            let decision = profile.of_host(host);
            match decision.effect {
                Effect::Deny => Err(decision.why),
                // A yes to where the call began is none to where that leads.
                _ if profile.asks.decide(&facts).is_some() => {
                    Err(format!("It leads to {host}, about which the person is asked: fetch from there itself"))
                }
                _ => Ok(()),
            }
        }))
    }

    /// Says which entries of the memory are recalled; none where all are.
    pub(crate) fn recall_check(self: &Arc<Self>) -> Option<TagCheck> {
        let [read, _] = &self.memory;
        read.as_ref().filter(|list| list.fitting("").is_none())?;
        let profile = self.clone();
        Some(Box::new(move |tag| profile.memory[0].as_ref().is_none_or(|list| list.fitting(tag).is_some())))
    }

    /// What is to happen with a call: the strictest of what its parts say, and of those alike the first.
    pub fn decide(&self, facts: &Facts<'_>) -> Decision<'_> {
        let line = facts.command.map(|line| self.commands.decide(line));
        let strictest = self.parts(facts).chain(line).fold(Decision::allowed(None), Decision::or_stricter);
        match strictest.effect {
            Effect::Allow => self.asks.decide(facts).unwrap_or(strictest),
            _ => strictest,
        }
    }

    /// What is to happen with each part of a call but its command, and what the person is asked about.
    pub(super) fn parts<'a>(&'a self, facts: &Facts<'_>) -> impl Iterator<Item = Decision<'a>> {
        let tool = [self.tools.decide(facts.tool, facts.access), self.of_sandbox(facts)];
        let paths = facts.paths.iter().map(|(path, intent)| self.files.decide(path, *intent));
        let host = facts.host.map(|host| self.of_host(host));
        let tags = facts.tags.iter().map(|(tags, intent)| self.of_tags(tags, *intent));
        tool.into_iter().chain(paths).chain(host).chain(tags)
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

    /// An entry may be changed when all of its tags may be. What is read is what [`Self::recall_check`] leaves of it.
    fn of_tags(&self, tags: &[String], intent: Intent) -> Decision<'_> {
        let [read, write] = &self.memory;
        // What changes any entry changes those that it does not recall, too.
        if intent == Intent::Write
            && tags.is_empty()
            && let Some(read) = read.as_ref().filter(|read| read.fitting("").is_none())
        {
            let why = "This profile recalls some memories alone, and this is about any: say in `tags` which you mean";
            return Decision::denied(Some(&read.rule), why.to_owned());
        }
        let Some(list) = (if intent == Intent::Read { read } else { write }) else { return Decision::allowed(None) };
        let fitting: Vec<&Rule> = tags.iter().filter_map(|tag| list.fitting(tag)).collect();
        let is_whole = !tags.is_empty() && fitting.len() == tags.len();
        let rule = fitting.first().copied().filter(|_| is_whole || intent == Intent::Read);
        match rule.or_else(|| list.fitting("")) {
            Some(rule) => Decision::allowed(Some(rule)),
            None if intent == Intent::Read => Decision::allowed(Some(&list.rule)),
            None => Decision::denied(
                Some(&list.rule),
                "This profile does not change memories with these tags: say in `tags` which you mean".to_owned(),
            ),
        }
    }
}
