//! `mcp-server connect`: the configuration that makes a client use this bridge.

mod clients;
mod file;
mod identity;
mod merge;

use super::{person::Person, target::Target};
use crate::{
    agents::{Agents, DEFAULT},
    settings::{Secret, Settings},
    tool_list,
};
use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use clients::{Config, Credential};
use identity::Identity;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The name of the bridge in a client's configuration.
const NAME: &str = "skynet-bridge";

/// How much longer a file becomes by a key at most, in bytes.
const KEY_ROOM: usize = 256;

/// How often a client's file is read again that another program changes at the same time.
const MOST_TRIES: usize = 50;

/// What stands for a key that the person has to put there.
const PLACEHOLDER: &str = "YOUR_KEY";

/// Who can be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Client {
    /// Claude Code, over HTTP
    ClaudeCode,
    /// Claude Desktop, over stdio: its file takes no servers by address
    ClaudeDesktop,
    /// Cursor, over HTTP
    Cursor,
    /// Visual Studio Code, over HTTP
    Vscode,
    /// Gemini CLI, over HTTP
    Gemini,
    /// Codex, over HTTP
    Codex,
    /// ChatGPT: what it needs
    Chatgpt,
}

/// What to do with a client's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// Nothing: show what a person would put there.
    Show,
    /// Put the bridge there.
    Write,
    /// Take it out.
    Remove,
}

/// How the bridge is reached, and by whom.
#[derive(Clone)]
pub struct Bridge {
    /// `http://host:port/mcp`, where the client finds the default tools.
    pub url: String,
    /// The list of tools that the client is shown, where it is not the default.
    pub tools: Option<String>,
    /// The key.
    pub key: String,
    /// The agent, for a client that starts the bridge itself.
    pub agent: String,
    /// This program.
    pub program: PathBuf,
    /// The server's directory.
    pub directory: PathBuf,
}

impl Bridge {
    /// For a client that has no key yet.
    fn of(target: &Target, client: Client) -> Result<Self> {
        let program = std::env::current_exe().context("this program's own path is not known")?;
        let (url, key, agent) = (format!("{}/mcp", target.url), PLACEHOLDER.to_owned(), name(client));
        let tools = suitable(client).map(str::to_owned);
        Ok(Self { url, tools, key, agent, program, directory: target.directory.clone() })
    }

    /// For one whose file names other tools.
    fn showing(self, tools: Option<String>) -> Self {
        Self { tools, ..self }
    }

    /// The address, with the list of tools.
    fn address(&self) -> String {
        let Self { url, tools, .. } = self;
        match tools.as_deref() {
            None => url.clone(),
            Some(list) if tool_list::NAMED.contains(&list) => format!("{url}/{list}"),
            Some(names) => format!("{url}?tools={names}"),
        }
    }

    /// The list of tools that an address of this bridge names.
    fn tools_of(&self, address: &str) -> Option<String> {
        let named = address.strip_prefix(&self.url)?;
        let named = named.strip_prefix("?tools=").or_else(|| named.strip_prefix('/')).filter(|named| !named.is_empty());
        named.map(str::to_owned)
    }

    /// For one that shows this.
    fn presenting(&self, credential: Credential) -> Self {
        match credential {
            Credential::Key(key) => Self { key, ..self.clone() },
            Credential::Agent(agent) => Self { agent, ..self.clone() },
        }
    }

    fn authorization(&self) -> Value {
        json!({"Authorization": format!("Bearer {}", self.key)})
    }
}

/// The list of tools that suits a client, where it is not the default: one that lets its model find tools by itself has use for
/// all of them.
fn suitable(client: Client) -> Option<&'static str> {
    matches!(client, Client::ClaudeCode).then_some("all")
}

/// Prints the client's configuration, or changes the client's own file, for which it gets an agent of its own.
///
/// # Errors
/// When the client's file cannot be read or written, or holds what cannot be merged into, and when its agent may not come in;
/// it is left as it was.
pub(crate) async fn run(
    client: Client,
    doing: Doing,
    settings: &Settings,
    target: &Target,
    person: &Person<'_>,
    program: &str,
) -> Result<String> {
    let bridge = Bridge::of(target, client)?;
    let about = format!("This is {}.\n", target.described());
    let Some(config) = clients::config(client, &bridge)? else {
        if doing != Doing::Show {
            bail!("ChatGPT is configured on its web pages, there is no file to change: run this without a flag");
        }
        return Ok(about + &clients::about_chatgpt(settings, program));
    };
    let agents = || Agents::open(&crate::bridge::Bridge::folder_in(&target.directory));
    let text = match doing {
        Doing::Show => shown(&config, &of_agent(&agents()?, &config, &bridge, program)),
        Doing::Write => write(client, &bridge, &config, person, program).await?,
        Doing::Remove => remove(&config, &agents()?, program)?,
    };
    Ok(about + &text)
}

/// What a person does who adds the configuration by hand: nothing was made for it.
fn of_agent(agents: &Agents, config: &Config, bridge: &Bridge, program: &str) -> String {
    let agent = &bridge.agent;
    let is_there = agents.named(agent).is_ok();
    match (config.needs_key(), is_there) {
        (true, false) => format!(
            "{PLACEHOLDER} stands for the key of an agent: `{program} agent add {agent}` makes one and prints its key, this once.\n"
        ),
        (true, true) => format!(
            "{PLACEHOLDER} stands for the key of the agent {agent}: `{program} agent rotate {agent}` gives it another one and \
             prints that, this once.\n"
        ),
        (false, false) => format!("`{program} agent add {agent}` makes the agent that it names.\n"),
        (false, true) => String::new(),
    }
}

fn shown(config: &Config, of_agent: &str) -> String {
    let shortcut = config.command.as_ref().map(|command| format!("\nOr let its own command do that:\n\n  {command}\n"));
    format!(
        "Put this into {} (or run this again with --write, which makes the client an agent of its own, merges this and keeps a \
         backup):\n\n{}\n{of_agent}{}\n{}\n",
        config.path.display(),
        config.snippet(),
        shortcut.unwrap_or_default(),
        config.after
    )
}

/// Puts the bridge into the client's file, with the agent that the client is.
async fn write(client: Client, bridge: &Bridge, config: &Config, person: &Person<'_>, program: &str) -> Result<String> {
    let folder = crate::bridge::Bridge::folder_in(&bridge.directory);
    let _alone = file::lock(&bridge.directory);
    let path = file::real_path(&config.path)?;
    let before = file::read(&path)?;
    // Whoever chose tools for the client chose well.
    let bridge = &bridge.clone().showing(config.tools(&before, bridge).or_else(|| bridge.tools.clone()));
    // First whether it can be merged at all: no key is made in vain. The reason comes first: what is to be added by hand may
    // be long.
    let merged = config.merged(&before, true).map_err(|error| {
        let (shown, snippet) = (path.display(), config.snippet());
        anyhow!("{error:#}. {shown} is left as it was: add this by hand instead\n\n{snippet}\n")
    })?;
    let try_out = || file::try_out(&path, 2 * (merged.len() + KEY_ROOM));
    let Identity { credential, said } =
        identity::of(&name(client), &folder, config, &before, person, program, try_out).await?;
    let Some(config) = clients::config(client, &bridge.presenting(credential))? else { return Ok(String::new()) };
    if config.merged(&before, true)? == before {
        return Ok(format!("{} knows this bridge already: nothing was changed. {said}\n", path.display()));
    }
    let (before, backup) = put(&config, &path, before, true).with_context(|| {
        format!("the client's file does not say so yet, and is to be written by saying this again. {said}")
    })?;
    let had_another = config.merged(&before, false).is_ok_and(|without| without != before);
    let instead = if had_another { " instead of the bridge or the agent that it knew before" } else { "" };
    let (path, kept, after) = (path.display(), kept(backup), config.after);
    Ok(format!("{path} now knows this bridge as {NAME}{instead}. {said}{kept}\n{after}\n"))
}

/// Takes the bridge out of the client's file.
fn remove(config: &Config, agents: &Agents, program: &str) -> Result<String> {
    let path = file::real_path(&config.path)?;
    let before = file::read(&path)?;
    let by_hand = || format!("{} is left as it was: take {NAME} out by hand", path.display());
    let after = config.merged(&before, false).map_err(|error| anyhow!("{error:#}. {}", by_hand()))?;
    if after == before {
        return Ok(format!("{} does not know this bridge: nothing was changed.\n", path.display()));
    }
    let (before, backup) = put(config, &path, before, false)?;
    let agent = identity::live(agents, None, config.credential(&before)).map(|(name, _)| name);
    let stays = agent
        .filter(|name| name != DEFAULT)
        .map(|name| format!(" Its agent {name} stays: `{program} agent revoke {name}` takes its key away."));
    Ok(format!("{} no longer knows this bridge.{}{}\n", path.display(), stays.unwrap_or_default(), kept(backup)))
}

/// Writes a client's file with the bridge in it, or without; anew when another program changed it meanwhile. What it held
/// right before, and where that is kept.
fn put(config: &Config, path: &Path, mut before: String, with: bool) -> Result<(String, Option<PathBuf>)> {
    for _ in 0..MOST_TRIES {
        match file::write(path, &before, &config.merged(&before, with)?)? {
            file::Written::With(backup) => return Ok((before, backup)),
            file::Written::Changed(now) => before = now,
        }
    }
    bail!("{} is changed by another program all the time: close the client, and say this again", path.display())
}

fn kept(backup: Option<PathBuf>) -> String {
    backup.map(|backup| format!(" What it was before is in {}.", backup.display())).unwrap_or_default()
}

/// How a client is with this bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It has the bridge's address, and is an agent that may come in.
    Good,
    /// It has the bridge under another address or with another key.
    Stale,
}

/// The clients whose files name the bridge, with the file of each.
pub(crate) fn connected(target: &Target) -> Vec<(Client, PathBuf, Connection)> {
    let agents = Agents::open(&crate::bridge::Bridge::folder_in(&target.directory)).ok();
    let main_key = target.key().ok().map(Secret::expose);
    let look = |client: &Client| {
        let bridge = Bridge::of(target, *client).ok()?;
        let config = clients::config(*client, &bridge).ok()??;
        let text = file::read(&config.path).ok()?;
        if config.merged(&text, false).ok()? == text {
            return None;
        }
        let found = identity::live(agents.as_ref()?, main_key, config.credential(&text));
        let is_good = found.is_some_and(|(_, credential)| {
            let bridge = bridge.presenting(credential).showing(config.tools(&text, &bridge));
            let same = clients::config(*client, &bridge).ok().flatten();
            same.is_some_and(|config| config.merged(&text, true).is_ok_and(|merged| merged == text))
        });
        Some((*client, config.path, if is_good { Connection::Good } else { Connection::Stale }))
    };
    Client::value_variants().iter().filter_map(look).collect()
}

/// The clients whose files hold `key`.
pub fn holders(target: &Target, key: &Secret) -> Vec<(Client, PathBuf)> {
    let look = |client: &Client| {
        let config = clients::config(*client, &Bridge::of(target, *client).ok()?).ok()??;
        let holds = |path: &Path| file::read(path).is_ok_and(|text| text.contains(key.expose()));
        holds(&config.path).then_some((*client, config.path))
    };
    Client::value_variants().iter().filter_map(look).collect()
}

/// A client's name on the command line, which is also that of the agent that is made for it.
pub fn name(client: Client) -> String {
    client.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
