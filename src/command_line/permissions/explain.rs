//! `mcp-server permissions explain`: what would happen if an agent did something, and which line decides.

use super::{
    judge::{By, Call, Command, Judge, Judged, Place, at_home},
    kernel::Kernel,
};
use crate::{
    agents::Agents,
    bridge::Bridge,
    caller::Access,
    catalog,
    permissions::{Effect, Permissions},
    policy::paths::Intent,
    settings::Settings,
};
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use std::{
    net::IpAddr,
    path::{Component, Path, PathBuf},
    sync::Arc,
};
use url::Url;

/// What an agent could do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Run a command line.
    Command,
    /// Read a path, or change what is there.
    Path,
    /// Fetch from a host.
    Host,
}

/// What a person wants to know.
pub(super) struct Question<'a> {
    pub(super) agent: &'a str,
    pub(super) what: &'a str,
    pub(super) kind: Option<Kind>,
    pub(super) write: bool,
    /// Instead of the agent's own.
    pub(super) profile: Option<&'a str>,
}

/// Answers it.
///
/// # Errors
/// When there is no such agent or profile, the permission file has mistakes, or it is not clear what is meant.
pub(super) fn explain(
    question: &Question<'_>,
    settings: &Settings,
    directory: &Path,
    mut show: impl FnMut(&str),
) -> Result<()> {
    let agents = Agents::open(&Bridge::folder_in(directory))?;
    let own = agents.named(question.agent)?.profile();
    let permissions = Permissions::open(directory, Arc::new(settings.clone()), catalog::tools())?;
    let judge = Judge::open(&permissions.current(), question.profile.unwrap_or(&own), settings, directory)?;
    let kind = question.kind.map_or_else(|| kind_of(question, judge.workspace.start()), Ok)?;
    let is_path = kind == Kind::Path && !question.what.contains("://");
    ensure!(!question.write || is_path, "--write goes with a path, and {:?} is none here", question.what);
    let kernel = Kernel::open(&judge)?;
    let call = call(question, kind, &judge)?;
    let about = judge.about(&call);
    let (subject, held) = match (kind, call.places.first()) {
        (Kind::Path, Some(place)) => {
            let real = about.paths.first().map_or(Path::new(&place.sent), |(real, _)| real);
            let doing = if question.write { "change" } else { "read" };
            (format!("{doing} {}", real.display()), kernel.of_place(real))
        }
        (Kind::Host, _) => (format!("fetch from {}", about.host.unwrap_or_default()), kernel.of_hosts()),
        _ => (format!("run {}", question.what), kernel.of_commands()),
    };
    let judged = judge.judge(&call);
    show(&format!("agent    {}, by the profile {}", question.agent, judge.profile().name()));
    show(&format!("would    {subject}"));
    show(&format!("verdict  {}", judged.verdict()));
    show(&format!("decided  {}", judged.by_whom()));
    show(&format!("kernel   {held}"));
    Ok(())
}

/// The call by which it would be done.
fn call(question: &Question<'_>, kind: Kind, judge: &Judge) -> Result<Call> {
    let text = question.what.to_owned();
    Ok(match (kind, question.write) {
        (Kind::Command, _) => {
            let command = Some(Command { text, is_line: true, shell: None, folder: None });
            Call { command, can_be_undone: false, ..Call::of("terminal_execute", Access::Execute) }
        }
        (Kind::Path, write) => {
            let (tool, access, intent) = match write {
                true => ("filesystem_write", Access::Write, Intent::Write),
                false => ("filesystem_read", Access::Read, Intent::Read),
            };
            let sent = place_of(&text, judge.workspace.start()).to_string_lossy().into_owned();
            Call { places: vec![Place { sent, intent, follows: true }], ..Call::of(tool, access) }
        }
        (Kind::Host, _) => {
            Call { url: Some(url_of(&text)?.to_string()), ..Call::of("internet_fetch", Access::Network) }
        }
    })
}

/// A path as a person writes it, from the root of the file system and without dots.
fn place_of(path: &str, start: &Path) -> PathBuf {
    at_home(path, start).components().fold(PathBuf::new(), |mut whole, part| {
        match part {
            Component::ParentDir => drop(whole.pop()),
            part => whole.push(part),
        }
        whole
    })
}

impl Judged {
    fn verdict(&self) -> String {
        match self.effect {
            Effect::Allow => "allowed".to_owned(),
            Effect::Ask => format!("asked: {}", self.why),
            Effect::Deny => format!("refused: {}", self.why),
        }
    }

    fn by_whom(&self) -> String {
        match &self.by {
            By::Rule(rule) => rule.to_string(),
            By::Boundary(reason) if reason.is_empty() => "the boundary, whatever the profile says".to_owned(),
            By::Boundary(reason) => format!("the boundary, whatever the profile says: {reason}"),
            By::Nobody => "no line says anything of it, and the settings let it through".to_owned(),
        }
    }
}

/// What a text is, where it can be only one thing.
///
/// # Errors
/// When it can be several.
fn kind_of(question: &Question<'_>, start: &Path) -> Result<Kind> {
    let what = question.what;
    if question.write {
        return Ok(Kind::Path);
    }
    let is_path = ["/", "~", "./", "../"].iter().any(|start| what.starts_with(start)) || what == "." || what == "..";
    let has_blank = what.contains(char::is_whitespace);
    let is_url = what.contains("://") || what.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    match (has_blank, is_path, is_url) {
        (false, true, _) => Ok(Kind::Path),
        (false, _, true) => Ok(Kind::Host),
        (true, false, _) => Ok(Kind::Command),
        (false, ..) if !what.contains(['.', '/']) && !what.is_empty() && !start.join(what).exists() => {
            Ok(Kind::Command)
        }
        _ => bail!("{what:?} can be read in several ways: add --as command, --as path or --as host"),
    }
}

/// A URL, or one of a host that stands alone.
fn url_of(what: &str) -> Result<Url> {
    let text = match what.parse::<std::net::Ipv6Addr>() {
        _ if what.contains("://") => what.to_owned(),
        Ok(address) => format!("https://[{address}]/"),
        Err(_) => format!("https://{what}/"),
    };
    let url = Url::parse(&text).ok().filter(|url| url.host_str().is_some());
    url.with_context(|| format!("{what:?} is no host and no URL"))
}
