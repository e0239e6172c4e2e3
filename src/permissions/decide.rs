//! What is to happen with a call.

use super::rule::Rule;
use crate::{caller::Access, policy::paths::Intent};
use command_guard::Reading;
use std::path::Path;

/// What is to happen, the strictest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It is done.
    Allow,
    /// The person is asked.
    Ask,
    /// It is refused.
    Deny,
}

/// What is known of a call before it is done.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// Its capability, by the name of its tool.
    pub tool: &'a str,
    /// What that needs.
    pub access: Access,
    /// The places that it reads or changes, absolute and without dots and links.
    pub paths: &'a [(&'a Path, Intent)],
    /// Whether it is about all that is in those places, too; without any, it may be about any file.
    pub is_of_trees: bool,
    /// The host that it talks to, as a URL has it.
    pub host: Option<&'a str>,
    /// What its command would run.
    pub command: Option<&'a Reading>,
    /// The tags of each of the memory's entries that it reads or changes, as far as they are known.
    pub tags: &'a [(Vec<String>, Intent)],
    /// How many files it deletes.
    pub deletes: u64,
    /// How many its agent deleted shortly before.
    pub deleted_before: u64,
    /// Whether the bridge can undo it, or there is nothing to undo.
    pub can_be_undone: bool,
}

impl<'a> Facts<'a> {
    /// Whether it is a delete by which more files than this many go, with those that went shortly before.
    pub(crate) fn delete_more_than(&self, most: u64) -> bool {
        self.deletes > 0 && self.deletes.saturating_add(self.deleted_before) > most
    }

    /// Of a call of which nothing else is known.
    pub fn of(tool: &'a str, access: Access) -> Self {
        Self {
            tool,
            access,
            paths: &[],
            is_of_trees: false,
            host: None,
            command: None,
            tags: &[],
            deletes: 0,
            deleted_before: 0,
            can_be_undone: true,
        }
    }
}

/// What is to happen with a call, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'a> {
    /// What is to happen.
    pub effect: Effect,
    /// The line that decides; none where no line says anything.
    pub rule: Option<&'a Rule>,
    /// Why, for the agent; empty where it is allowed.
    pub why: String,
}

impl<'a> Decision<'a> {
    pub(crate) fn allowed(rule: Option<&'a Rule>) -> Self {
        Self { effect: Effect::Allow, rule, why: String::new() }
    }

    pub(crate) fn asked(rule: Option<&'a Rule>, why: String) -> Self {
        Self { effect: Effect::Ask, rule, why }
    }

    pub(crate) fn denied(rule: Option<&'a Rule>, why: String) -> Self {
        Self { effect: Effect::Deny, rule, why }
    }

    /// The stricter of two; of two alike the first, or that which has a line.
    pub(crate) fn or_stricter(self, other: Self) -> Self {
        let is_said = self.rule.is_some() || other.rule.is_none();
        if self.effect > other.effect || self.effect == other.effect && is_said { self } else { other }
    }
}
