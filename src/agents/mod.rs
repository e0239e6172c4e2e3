//! Who calls: an identity for each agent, with a key of its own, of which only the hash is kept.
//!
//! The agent `default` is whoever holds `MCP_API_KEY`. The person who owns the bridge is no agent: see `control`.

mod agent;
mod expiry;
mod key;
mod name;
mod record;

pub(crate) use agent::{Agent, DEFAULT, no_longer};
pub(crate) use expiry::parse as parse_expiry;
pub(crate) use key::{is_well_formed, make as make_key};
pub(crate) use name::check as check_name;
pub(crate) use record::{Bounds, Record};

use crate::{
    clock,
    error::{Error, Result},
    permissions::{PRESETS, Permissions},
    settings::Secret,
};
use record::File;
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, Ordering},
    },
};

/// The name of the file in the bridge's folder.
const FILE: &str = "agents.json";

/// More agents than any person has.
const MAX_AGENTS: usize = 1000;

/// The most agents listed in the error for an unknown name.
const MAX_NAMED: usize = 10;

/// All agents.
#[derive(Debug)]
pub struct Agents {
    path: PathBuf,
    known: RwLock<Known>,
    all_paused: Arc<AtomicBool>,
    /// The profiles that there are, where that is known.
    permissions: OnceLock<Arc<Permissions>>,
}

#[derive(Debug, Default)]
struct Known {
    by_name: BTreeMap<String, Arc<Agent>>,
    /// By the hash of the key.
    by_key: HashMap<String, Arc<Agent>>,
}

/// What a change is for. When the disk refuses, what gives more is given up, and what takes away holds anyway.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It gives something to an agent.
    Gives,
    /// It takes something away.
    Takes,
}

impl Agents {
    /// Reads the agents of a bridge's folder.
    ///
    /// # Errors
    /// When the file is damaged or cannot be read; the message says how to fix it.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let file = File::read(&path)?;
        let all_paused = Arc::new(AtomicBool::new(file.paused));
        let agents = Self { path, known: RwLock::default(), all_paused, permissions: OnceLock::new() };
        let mut known = agents.write();
        let others = Record { name: DEFAULT.to_owned(), ..Record::default() };
        for record in std::iter::once(others).chain(file.agents) {
            agents.enter(&mut known, record);
        }
        drop(known);
        Ok(agents)
    }

    /// From now on agents get only profiles that there are.
    pub(crate) fn follow_profiles(&self, permissions: Arc<Permissions>) {
        // Whoever opened them says so once.
        let _ = self.permissions.set(permissions);
    }

    /// The names of the profiles that there are, the presets first.
    pub(crate) fn profiles(&self) -> Vec<String> {
        let profiles = self.permissions.get().map(|permissions| permissions.current());
        let names = profiles.iter().flat_map(|profiles| profiles.all()).map(|profile| profile.name().to_owned());
        let own: Vec<String> = names.filter(|name| !PRESETS.contains(&name.as_str())).collect();
        PRESETS.iter().map(|name| (*name).to_owned()).chain(own).collect()
    }

    /// The profile of a name, for an agent.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub(crate) fn profile_named(&self, name: &str) -> Result<Arc<str>> {
        let Some(permissions) = self.permissions.get() else { return Ok(name.into()) };
        let profiles = permissions.current();
        if profiles.get(name).is_some() {
            return Ok(name.into());
        }
        let names: Vec<&str> = profiles.all().map(|profile| profile.name()).take(MAX_NAMED).collect();
        let more = match permissions.problem() {
            Some(problem) => format!("what permissions.toml has now is not in force: {problem}"),
            None => "permissions.toml can have more".to_owned(),
        };
        Err(Error::NotFound(format!("There is no profile {name}: there are {}; {more}", names.join(", "))))
    }

    /// The one whose key is `MCP_API_KEY`.
    pub(crate) fn default_agent(&self) -> Arc<Agent> {
        self.read().by_name[DEFAULT].clone()
    }

    /// Who holds a key, unless that is the default agent or nobody.
    pub(crate) fn holder(&self, key: &str) -> Option<Arc<Agent>> {
        let known = self.read();
        // Most bridges have one agent.
        if known.by_key.is_empty() || !is_well_formed(key, key::PREFIX) {
            return None;
        }
        known.by_key.get(&key::digest(key)).filter(|agent| !agent.has_expired()).cloned()
    }

    /// The agent of a name.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none.
    pub(crate) fn named(&self, name: &str) -> Result<Arc<Agent>> {
        let known = self.read();
        known.by_name.get(name).cloned().ok_or_else(|| {
            let names: Vec<&str> = known.by_name.keys().take(MAX_NAMED).map(String::as_str).collect();
            let more = if known.by_name.len() > MAX_NAMED { " and more" } else { "" };
            Error::NotFound(format!("There is no agent {name}: there are {}{more}", names.join(", ")))
        })
    }

    /// Whether all are paused.
    pub(crate) fn are_paused(&self) -> bool {
        self.all_paused.load(Ordering::Relaxed)
    }

    /// Writes when each was last seen, at a normal stop.
    pub(crate) fn close(&self) {
        if let Err(error) = self.save(&self.read(), None) {
            tracing::warn!(%error, "when agents were last seen is not kept");
        }
    }

    /// What is kept of all, by name.
    pub(crate) fn all(&self) -> Vec<Record> {
        self.read().by_name.values().map(|agent| agent.record()).collect()
    }

    /// Adds an agent of a new name, and gives its key.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the name is taken or there are too many, and when it cannot be written.
    pub(crate) fn add(&self, record: Record) -> Result<Secret> {
        name::check(&record.name)?;
        let (key, digest) = new_key()?;
        let record = Record { key_sha256: Some(digest), created: clock::timestamp(), ..record };
        let mut known = self.write();
        if known.by_name.contains_key(&record.name) {
            return Err(Error::Conflict(format!(
                "There is an agent {}: choose another name, or give that one a new key with agent rotate",
                record.name
            )));
        }
        if known.by_name.len() >= MAX_AGENTS {
            return Err(Error::Conflict(format!("There are {MAX_AGENTS} agents, which is the most")));
        }
        self.save(&known, Some(&record))?;
        self.enter(&mut known, record);
        Ok(key)
    }

    /// Gives an agent another key.
    ///
    /// # Errors
    /// As [`Self::edit`].
    pub(crate) fn rotate(&self, name: &str) -> Result<Secret> {
        let (key, digest) = new_key()?;
        self.edit(name, Effect::Gives, |record| {
            record.key_sha256 = Some(digest);
            record.revoked = None;
            record.expires = record.expires.filter(|expires| *expires > chrono::Utc::now().timestamp());
        })?;
        Ok(key)
    }

    /// Changes what is kept of an agent.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none; when it cannot be written, in which case what it takes away holds anyway.
    pub(crate) fn edit(&self, name: &str, effect: Effect, edit: impl FnOnce(&mut Record)) -> Result<Arc<Agent>> {
        let agent = self.named(name)?;
        let mut known = self.write();
        let before = agent.record();
        let mut record = before.clone();
        edit(&mut record);
        let saved = self.save(&known, Some(&record));
        if saved.is_err() && effect == Effect::Gives {
            return saved.map(|()| agent);
        }
        replace(&mut known, &agent, record, &before);
        saved.map(|()| agent).map_err(unsaved)
    }

    /// Pauses all, or no longer.
    ///
    /// # Errors
    /// When it cannot be written, in which case a pause holds anyway.
    pub(crate) fn pause_all(&self, paused: bool) -> Result<()> {
        let known = self.write();
        let before = self.all_paused.swap(paused, Ordering::Relaxed);
        match self.save(&known, None) {
            Err(error) if paused => Err(unsaved(error)),
            Err(error) => {
                self.all_paused.store(before, Ordering::Relaxed);
                Err(error)
            }
            Ok(()) => Ok(()),
        }
    }

    fn enter(&self, known: &mut Known, record: Record) {
        let agent = Agent::new(record, self.all_paused.clone());
        let record = agent.record();
        if let Some(key) = record.key_sha256 {
            known.by_key.insert(key, agent.clone());
        }
        known.by_name.insert(record.name, agent);
    }

    /// Writes all as they are, but one as it is to be.
    fn save(&self, known: &Known, changed: Option<&Record>) -> Result<()> {
        let mut all: BTreeMap<&str, Record> =
            known.by_name.iter().map(|(name, agent)| (name.as_str(), agent.record())).collect();
        if let Some(record) = changed {
            all.insert(&record.name, record.clone());
        }
        Ok(File::new(self.are_paused(), all.into_values().collect()).write(&self.path)?)
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn replace(known: &mut Known, agent: &Arc<Agent>, record: Record, before: &Record) {
    if record.key_sha256 != before.key_sha256 {
        before.key_sha256.as_ref().map(|old| known.by_key.remove(old));
        if let Some(new) = &record.key_sha256 {
            known.by_key.insert(new.clone(), agent.clone());
        }
        agent.end_validity();
    }
    let is_revoked = record.revoked.is_some();
    agent.set(record);
    if is_revoked {
        agent.end_work();
    }
}

/// What was taken away holds, and the person must know how long.
fn unsaved(error: Error) -> Error {
    let hint = "It holds as long as this bridge runs, and could not be written: fix that, and say it again";
    error.with_hint(|| Some(hint.to_owned()))
}

/// A key, and what is kept of it.
fn new_key() -> Result<(Secret, String)> {
    let key = key::make(key::PREFIX).map_err(Error::internal)?;
    let digest = key::digest(key.expose());
    Ok((key, digest))
}
