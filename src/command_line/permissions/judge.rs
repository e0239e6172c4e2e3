//! What would be done of what an agent could ask for: by its profile, and by the boundary that the settings of this profile
//! make on this machine. It is the bridge's own code that says so.

use crate::{
    caller::Access,
    error::Error,
    permissions::{Decision, Effect, Profile, Profiles, Rule, Subjects},
    policy::{
        Guard, Line, Shells, UrlPolicy, Workspace,
        paths::{Intent, Named},
    },
    settings::Settings,
};
use anyhow::{Context, Result};
use futures::FutureExt;
use std::{
    collections::BTreeMap,
    future::ready,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use url::Url;

/// Judges by one profile.
pub(super) struct Judge {
    profile: Arc<Profile>,
    pub(super) settings: Settings,
    pub(super) workspace: Arc<Workspace>,
    guard: Guard,
    shells: Shells,
    urls: UrlPolicy,
}

/// What an agent could ask for.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// By the name of its tool.
    pub(super) tool: &'static str,
    pub(super) access: Access,
    pub(super) places: Vec<Place>,
    /// Whether it is about all that is in those places, too.
    pub(super) is_of_trees: bool,
    pub(super) command: Option<Command>,
    pub(super) url: Option<String>,
    pub(super) tags: Vec<(Vec<String>, Intent)>,
    pub(super) deletes: u64,
    pub(super) can_be_undone: bool,
}

impl Call {
    /// One of which nothing else is known.
    pub(super) fn of(tool: &'static str, access: Access) -> Self {
        let (places, tags) = (Vec::new(), Vec::new());
        Self {
            tool,
            access,
            places,
            is_of_trees: false,
            command: None,
            url: None,
            tags,
            deletes: 0,
            can_be_undone: true,
        }
    }
}

/// A place, as it would be sent.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) sent: String,
    pub(super) intent: Intent,
    /// Whether a link at its end stands for what it leads to.
    pub(super) follows: bool,
}

/// A command, as it would be sent.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) text: String,
    /// False: a program and its arguments.
    pub(super) is_line: bool,
    /// The shell's name; the one that runs lines when nobody says.
    pub(super) shell: Option<String>,
    /// Where it starts; where commands start when nobody says.
    pub(super) folder: Option<String>,
}

/// What would be done.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) effect: Effect,
    /// Why, where it is not allowed.
    pub(super) why: String,
    pub(super) by: By,
}

/// What decides.
#[derive(Debug)]
pub(super) enum By {
    /// A line of the profile.
    Rule(Rule),
    /// The boundary, for this reason, whatever the profile says.
    Boundary(String),
    /// Nothing: no line says anything of it.
    Nobody,
}

impl Judge {
    /// By the profile of a name.
    ///
    /// # Errors
    /// When there is none, or its places cannot be used on this disk.
    pub(super) fn open(profiles: &Profiles, name: &str, base: &Settings, directory: &Path) -> Result<Self> {
        let names = || profiles.all().map(|profile| profile.name()).collect::<Vec<_>>().join(", ");
        let profile =
            profiles.get(name).with_context(|| format!("there is no profile {name}: there are {}", names()))?;
        let settings = profile.settings(base);
        let unusable = || format!("the profile {name} cannot be used on this machine");
        let workspace = Workspace::open(&settings, directory).with_context(unusable)?;
        Ok(Self {
            profile: profile.clone(),
            guard: Guard::open(&settings, &workspace).with_context(unusable)?,
            shells: Shells::find(&settings.shell, &std::env::var_os("PATH").unwrap_or_default())?,
            urls: UrlPolicy::new(settings.fetch_allow_private.clone()),
            workspace,
            settings,
        })
    }

    /// The profile.
    pub(super) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// What would be done of a call: the profile decides by what it is about, and the boundary refuses what it refuses.
    pub(super) fn judge(&self, call: &Call) -> Judged {
        let decision = self.about(call).decide(&self.profile, call.tool, call.access);
        let refused = || {
            let places = call.places.iter().filter_map(|place| self.refused_at(place));
            places.chain(call.url.iter().filter_map(|url| self.refused_from(url))).next()
        };
        match decision.effect {
            Effect::Deny => Judged::of(decision),
            _ => refused().map_or_else(|| Judged::of(decision), |error| Judged::by_boundary(&error)),
        }
    }

    /// The lines of the person's own file that say something of a call.
    pub(super) fn matching(&self, call: &Call) -> Vec<&Rule> {
        self.about(call).matching(&self.profile, call.tool, call.access)
    }

    /// What a call is about, as the bridge finds it out.
    pub(super) fn about(&self, call: &Call) -> Subjects {
        let real = |place: &Place| Some((self.workspace.leads_to(&place.sent, place.follows)?, place.intent));
        let host = call.url.as_ref().and_then(|url| Some(Url::parse(url).ok()?.host_str()?.to_owned()));
        Subjects {
            // What has none is refused for its text.
            paths: call.places.iter().filter_map(real).collect(),
            is_of_trees: call.is_of_trees,
            host,
            command: call.command.as_ref().and_then(|command| self.reading(command)),
            tags: call.tags.clone(),
            deletes: call.deletes,
            can_be_undone: call.can_be_undone,
            ..Subjects::default()
        }
    }

    /// What a command would run; none of what cannot be run whatever there is.
    fn reading(&self, command: &Command) -> Option<command_guard::Reading> {
        let line = match command.is_line {
            true => {
                Line::Shell { shell: self.shells.named(command.shell.as_deref()).ok()?, text: command.text.clone() }
            }
            false => Line::Program(shlex::split(&command.text).filter(|words| !words.is_empty())?),
        };
        let start = self.workspace.start();
        let folder = command.folder.as_ref().map_or_else(|| start.to_owned(), |folder| at_home(folder, start));
        Some(self.guard.read(&line, &folder, &BTreeMap::new()))
    }

    fn refused_at(&self, place: &Place) -> Option<Error> {
        let Place { sent, intent, follows } = place;
        let resolved = match follows {
            true => self.workspace.resolve(sent, Named::File, *intent),
            false => self.workspace.resolve_link(sent, Named::File, *intent),
        };
        // What is not there yet may come to be.
        resolved.err().filter(|error| !matches!(error.kind(), Error::NotFound(_)))
    }

    /// A name is not looked up: where it leads is judged when it is fetched.
    fn refused_from(&self, url: &str) -> Option<Error> {
        let mut is_name = false;
        let checked = self.urls.check(url, |_| {
            is_name = true;
            ready(Err(io::ErrorKind::NotConnected.into()))
        });
        let refused = checked.now_or_never().expect("nothing is waited for").err();
        refused.filter(|_| !is_name)
    }
}

/// A path that may begin in the home folder, or else in another one.
pub(super) fn at_home(path: &str, otherwise: &Path) -> PathBuf {
    let in_home = path.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    let at_home = in_home.and_then(|rest| Some(std::env::home_dir()?.join(rest.trim_start_matches('/'))));
    at_home.unwrap_or_else(|| otherwise.join(path))
}

impl Judged {
    fn of(decision: Decision<'_>) -> Self {
        let by = decision.rule.map_or(By::Nobody, |rule| By::Rule(rule.clone()));
        Self { effect: decision.effect, why: decision.why, by }
    }

    fn by_boundary(error: &Error) -> Self {
        let by = By::Boundary(error.hint().unwrap_or_default().to_owned());
        Self { effect: Effect::Deny, why: error.to_string(), by }
    }
}
