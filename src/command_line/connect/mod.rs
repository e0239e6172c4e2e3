//! `mcp-server connect`: the configuration that makes a client use this bridge.

mod clients;
mod file;
mod merge;

use super::target::Target;
use crate::settings::{Secret, Settings};
use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use clients::Config;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The name of the bridge in a client's configuration.
const NAME: &str = "skynet-bridge";

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

/// How the bridge is reached.
pub struct Bridge {
    /// `http://host:port/mcp`.
    pub url: String,
    /// The key.
    pub key: String,
    /// This program.
    pub program: PathBuf,
    /// The server's directory.
    pub directory: PathBuf,
}

impl Bridge {
    fn of(target: &Target, key: &Secret) -> Result<Self> {
        let program = std::env::current_exe().context("this program's own path is not known")?;
        let (url, key) = (format!("{}/mcp", target.url), key.expose().to_owned());
        Ok(Self { url, key, program, directory: target.directory.clone() })
    }

    fn authorization(&self) -> Value {
        json!({"Authorization": format!("Bearer {}", self.key)})
    }
}

/// Prints the client's configuration, or changes the client's own file.
///
/// # Errors
/// When there is no key yet, or the client's file cannot be read or written, or holds what cannot be merged into; it is
/// left as it was.
pub fn run(client: Client, doing: Doing, settings: &Settings, target: &Target) -> Result<String> {
    let bridge = Bridge::of(target, target.key()?)?;
    let about = format!("This is {}.\n", target.described());
    let Some(config) = clients::config(client, &bridge)? else {
        if doing != Doing::Show {
            bail!("ChatGPT is configured on its web pages, there is no file to change: run this without a flag");
        }
        return Ok(about + &clients::about_chatgpt(settings));
    };
    let text = match doing {
        Doing::Show => shown(&config),
        Doing::Write | Doing::Remove => apply(&config, doing == Doing::Write)?,
    };
    Ok(about + &text)
}

fn shown(config: &Config) -> String {
    let shortcut = config.command.as_ref().map(|command| format!("\nOr let its own command do that:\n\n  {command}\n"));
    format!(
        "Put this into {} (or run this again with --write, which merges it and keeps a backup):\n\n{}\n{}\n{}\n",
        config.path.display(),
        config.snippet(),
        shortcut.unwrap_or_default(),
        config.after
    )
}

fn apply(config: &Config, add: bool) -> Result<String> {
    let path = file::real_path(&config.path);
    let before = file::read(&path)?;
    let by_hand = || match add {
        true => format!("{} is left as it was: add this by hand instead\n\n{}\n", path.display(), config.snippet()),
        false => format!("{} is left as it was: take {NAME} out by hand", path.display()),
    };
    // The reason comes first: what is to be added by hand may be long.
    let after = config.merged(&before, add).map_err(|error| anyhow!("{error:#}. {}", by_hand()))?;
    if after == before {
        let has = if add { "knows this bridge already" } else { "does not know this bridge" };
        return Ok(format!("{} {has}: nothing was changed.\n", path.display()));
    }
    let backup = file::write(&path, &before, &after)?;
    let kept = backup.map(|backup| format!(" What it was before is in {}.", backup.display())).unwrap_or_default();
    Ok(match add {
        true => {
            let had_another = config.merged(&before, false).is_ok_and(|without| without != before);
            let instead = if had_another { " instead of the bridge or the key that it knew before" } else { "" };
            format!("{} now knows this bridge as {NAME}{instead}.{kept}\n{}\n", path.display(), config.after)
        }
        false => format!("{} no longer knows this bridge.{kept}\n", path.display()),
    })
}

/// How a client is with this bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// It has the bridge's address and key.
    Good,
    /// It has the bridge under another address or with another key.
    Stale,
}

/// The clients whose files name the bridge, with the file of each.
pub fn connected(target: &Target, key: &Secret) -> Vec<(Client, PathBuf, Connection)> {
    let look = |client: &Client| {
        let config = clients::config(*client, &Bridge::of(target, key).ok()?).ok()??;
        let text = file::read(&config.path).ok()?;
        let without = config.merged(&text, false).ok()?;
        if without == text {
            return None;
        }
        let is_good = config.merged(&text, true).is_ok_and(|merged| merged == text);
        Some((*client, config.path, if is_good { Connection::Good } else { Connection::Stale }))
    };
    Client::value_variants().iter().filter_map(look).collect()
}

/// The clients whose files hold `key`.
pub fn holders(target: &Target, key: &Secret) -> Vec<(Client, PathBuf)> {
    let look = |client: &Client| {
        let config = clients::config(*client, &Bridge::of(target, key).ok()?).ok()??;
        let holds = |path: &Path| file::read(path).is_ok_and(|text| text.contains(key.expose()));
        holds(&config.path).then_some((*client, config.path))
    };
    Client::value_variants().iter().filter_map(look).collect()
}

/// A client's name on the command line.
pub fn name(client: Client) -> String {
    client.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}
