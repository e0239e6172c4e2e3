//! What the calls of each profile run on.

use crate::{
    agents::Agents,
    error::{Error, Result},
    permissions::{PRESETS, Permissions, Profile, Profiles},
    policy::{Workspace, confine::Level},
    services::Services,
    settings::Settings,
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The services of each profile that is in use, made when the first call needs them.
pub(super) struct Views {
    permissions: Arc<Permissions>,
    directory: PathBuf,
    settings: Arc<Settings>,
    whole: Arc<Services>,
    made: Mutex<Vec<View>>,
    /// Held while some are made, which takes a while: calls on others go on.
    making: Mutex<()>,
}

struct View {
    profile: Arc<Profile>,
    settings: Settings,
    services: Arc<Services>,
}

impl Views {
    /// Those of a directory's bridge, whose own services are `whole`.
    pub(super) fn new(
        permissions: Arc<Permissions>,
        directory: &Path,
        settings: Arc<Settings>,
        whole: Arc<Services>,
    ) -> Self {
        Self {
            permissions,
            directory: directory.to_owned(),
            settings,
            whole,
            made: Mutex::default(),
            making: Mutex::default(),
        }
    }

    /// The services of the bridge itself.
    pub(super) fn whole(&self) -> &Arc<Services> {
        &self.whole
    }

    /// What the person's file says.
    pub(super) fn permissions(&self) -> &Arc<Permissions> {
        &self.permissions
    }

    /// The services of a profile where they are made already.
    pub(super) fn known(&self, profile: &Arc<Profile>) -> Option<Arc<Services>> {
        self.find(|view| Arc::ptr_eq(&view.profile, profile))
    }

    fn find(&self, is_meant: impl Fn(&View) -> bool) -> Option<Arc<Services>> {
        self.lock().iter().find(|view| is_meant(view)).map(|view| view.services.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<View>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The services of a profile; blocks while they are made. Profiles that are held to the same share them.
    ///
    /// # Errors
    /// When something that it says cannot be used on this host.
    pub(super) fn of(&self, profile: &Arc<Profile>) -> Result<Arc<Services>> {
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(services) = self.known(profile) {
            return Ok(services);
        }
        let settings = profile.settings(&self.settings);
        let same = self.find(|view| view.settings == settings);
        let same = same.or_else(|| (settings == *self.settings).then(|| self.whole.clone()));
        let places = match same {
            Some(services) => services,
            None => Arc::new(self.whole.within(&settings, &self.directory).map_err(|why| unusable(profile, &why))?),
        };
        if settings != *self.settings && self.whole.terminal.confinement().level == Level::None {
            let name = profile.name();
            tracing::warn!(
                "commands of agents with the profile {name} are not held to its places: there is no confinement"
            );
        }
        let services = Arc::new(places.fetching(profile.host_check()).recalling(profile.recall_check()));
        // What the file said before is in nobody's use any more.
        let current = self.permissions.current();
        let mut made = self.lock();
        made.retain(|view| current.get(view.profile.name()).is_some_and(|profile| Arc::ptr_eq(profile, &view.profile)));
        made.push(View { profile: profile.clone(), settings, services: services.clone() });
        Ok(services)
    }
}

/// Says in the log which profiles cannot be held to on this machine, and which agents have none, before a call is refused for it.
pub(super) fn warn_of_unusable(profiles: &Profiles, agents: &Agents, settings: &Settings, directory: &Path) {
    for profile in profiles.all().filter(|profile| !PRESETS.contains(&profile.name())) {
        if let Err(why) = Workspace::open(&profile.settings(settings), directory) {
            let name = profile.name();
            tracing::warn!("the profile {name} cannot be used, so that the calls of its agents are refused: {why:#}");
        }
    }
    for agent in agents.all().iter().filter(|agent| agent.revoked.is_none() && profiles.get(&agent.profile).is_none()) {
        let (name, profile) = (&agent.name, &agent.profile);
        tracing::warn!(
            "the agent {name} has the profile {profile}, which is not in permissions.toml, so that its calls are refused"
        );
    }
}

fn unusable(profile: &Profile, why: &anyhow::Error) -> Error {
    tracing::error!("the profile {} cannot be held to: {why:#}", profile.name());
    Error::Refused(format!(
        "The profile {} cannot be held to on this machine, so nothing is done: the person finds the reason in the log of \
         the bridge",
        profile.name()
    ))
}
