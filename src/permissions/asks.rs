//! What the person is asked about, beside commands: each rule holds where all that it says holds.

use super::{
    base::Base,
    commands::CommandSet,
    decide::{Decision, Facts},
    draft::AskDraft,
    hosts::Hosts,
    mistakes::Mistake,
    needs::Needs,
    patterns::fits,
    places::{Places, written_out},
    rule::{Rule, Said},
    tools::check_name,
};
use crate::policy::paths::Intent;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// The rules.
#[derive(Debug)]
pub(crate) struct Asks {
    asks: Vec<Said<AskDraft>>,
    /// Those that name neither a place, a command nor a host.
    plain: Vec<usize>,
    paths: (Places, Vec<usize>),
    commands: (CommandSet, Vec<usize>),
    hosts: (Hosts, Vec<usize>),
}

impl Asks {
    pub(crate) fn of(asks: &[Said<AskDraft>], base: &Base<'_>, roots: &[PathBuf], mistakes: &mut Vec<Mistake>) -> Self {
        for ask in asks {
            if let Some(Err(why)) = ask.value.tool.as_ref().map(|tool| check_name(tool, base.tools)) {
                mistakes.push(Mistake::at(&ask.rule, why));
            }
        }
        let chosen = |text: fn(&AskDraft) -> Option<&String>| -> (Vec<Said<String>>, Vec<usize>) {
            let texts = asks.iter().enumerate().filter_map(|(at, ask)| Some((at, ask, text(&ask.value)?)));
            texts.map(|(at, ask, text)| (Said { value: text.clone(), rule: ask.rule.clone() }, at)).unzip()
        };
        let is_plain = |ask: &AskDraft| ask.path.is_none() && ask.command.is_none() && ask.host.is_none();
        let (mut texts, mut of_paths) = (Vec::new(), Vec::new());
        let (named, asking) = chosen(|ask| ask.path.as_ref());
        for (entry, ask) in named.iter().zip(asking) {
            let out = written_out(std::slice::from_ref(entry), base, mistakes);
            of_paths.extend(out.iter().map(|_| ask));
            texts.extend(out);
        }
        let paths = (Places::of(&texts, base.directory, roots, mistakes), of_paths);
        let (texts, of_commands) = chosen(|ask| ask.command.as_ref());
        let commands = (CommandSet::of(&texts, mistakes), of_commands);
        let (texts, of_hosts) = chosen(|ask| ask.host.as_ref());
        let hosts = (Hosts::of(&texts, mistakes), of_hosts);
        let plain = asks.iter().enumerate().filter(|(_, ask)| is_plain(&ask.value)).map(|(at, _)| at).collect();
        Self { asks: asks.to_vec(), plain, paths, commands, hosts }
    }

    /// Whether there are none.
    pub(crate) fn are_none(&self) -> bool {
        self.asks.is_empty()
    }

    /// What must be known of a call to tell whether the person is asked about it.
    pub(crate) fn needs(&self) -> Needs {
        let asks = || self.asks.iter().map(|ask| &ask.value);
        Needs {
            paths: asks().any(|ask| ask.path.is_some()),
            host: asks().any(|ask| ask.host.is_some()),
            command: asks().any(|ask| ask.command.is_some()),
            deletes: asks().filter_map(|ask| ask.deletes_more_than).max(),
            undo: asks().any(|ask| ask.irreversible),
            ..Needs::default()
        }
    }

    /// The first rule by which the person is asked about a call.
    pub(crate) fn decide(&self, facts: &Facts<'_>) -> Option<Decision<'_>> {
        let rule = self.holding(facts).next()?;
        Some(Decision::asked(Some(rule), format!("The person is asked before {} does this", facts.tool)))
    }

    /// Each rule by which the person is asked about a call, in their order.
    pub(crate) fn holding(&self, facts: &Facts<'_>) -> impl Iterator<Item = &Rule> {
        let mut paths: Vec<usize> = facts.paths.iter().flat_map(|(path, _)| self.paths.0.all_holding(path)).collect();
        if facts.is_of_trees {
            let anywhere = [(Path::new("/"), Intent::Read)];
            let trees = if facts.paths.is_empty() { &anywhere[..] } else { facts.paths };
            paths.extend(trees.iter().flat_map(|(path, _)| self.paths.0.all_within(path)));
        }
        let paths: Vec<usize> = paths.into_iter().map(|at| self.paths.1[at]).collect();
        let executions = facts.command.iter().flat_map(|line| &line.executions);
        let commands: Vec<usize> =
            executions.flat_map(|call| self.commands.0.mentioning(call)).map(|at| self.commands.1[at]).collect();
        let hosts = facts.host.iter().flat_map(|host| self.hosts.0.all_naming(host));
        let hosts: Vec<usize> = hosts.map(|at| self.hosts.1[at]).collect();
        let holds = |at: &usize| {
            let ask = &self.asks[*at].value;
            (ask.path.is_none() || paths.contains(at))
                && (ask.command.is_none() || commands.contains(at))
                && (ask.host.is_none() || hosts.contains(at))
                && ask.holds(facts)
        };
        let candidates = self.plain.iter().chain(&paths).chain(&commands).chain(&hosts);
        let holding: BTreeSet<usize> = candidates.copied().filter(holds).collect();
        holding.into_iter().map(|at| &self.asks[at].rule)
    }
}

impl AskDraft {
    /// Whether what it says of a call as a whole holds.
    fn holds(&self, facts: &Facts<'_>) -> bool {
        self.tool.as_ref().is_none_or(|tool| fits(tool, facts.tool))
            && self.access.is_none_or(|access| access == facts.access)
            && self.deletes_more_than.is_none_or(|most| facts.delete_more_than(most))
            && (!self.irreversible || !facts.can_be_undone)
    }
}
