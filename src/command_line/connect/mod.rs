//! `mcp-server connect`: the configuration that makes a client use this bridge.

mod clients;
mod merge;

use crate::settings::Settings;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use clients::{Config, Form};
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
    fn of(settings: &Settings, key: String, directory: &Path) -> Result<Self> {
        let host = match &*settings.host {
            "0.0.0.0" | "" => "127.0.0.1".to_owned(),
            "::" => "[::1]".to_owned(),
            host if host.contains(':') && !host.starts_with('[') => format!("[{host}]"),
            host => host.to_owned(),
        };
        let program = std::env::current_exe().context("this program's own path is not known")?;
        let url = format!("http://{host}:{}/mcp", settings.port);
        Ok(Self { url, key, program, directory: directory.to_owned() })
    }

    fn authorization(&self) -> Value {
        json!({"Authorization": format!("Bearer {}", self.key)})
    }
}

/// Prints the client's configuration, or with `write` puts it into the client's file.
///
/// # Errors
/// When the client's file cannot be read or written, or holds what cannot be merged into; it is left as it was.
pub fn run(client: Client, write: bool, settings: &Settings, key: &str, directory: &Path) -> Result<String> {
    let bridge = Bridge::of(settings, key.to_owned(), directory)?;
    let Some(config) = clients::config(client, &bridge)? else {
        if write {
            bail!("ChatGPT is configured on its web pages, there is no file to write: run this without --write");
        }
        return Ok(clients::about_chatgpt(settings));
    };
    if write { apply(&config) } else { Ok(shown(&config)) }
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

fn apply(config: &Config) -> Result<String> {
    let path = merge::real_path(&config.path);
    let before = merge::read(&path)?;
    let after = match &config.form {
        Form::Json { parent, entry } => merge::json(&before, parent, NAME, entry),
        Form::Toml { section } => Ok(merge::toml(&before, NAME, section)),
    };
    let after = after.with_context(|| {
        format!("{} is left as it was: add this by hand instead\n\n{}\n", path.display(), config.snippet())
    })?;
    let backup = merge::write(&path, &before, &after)?;
    let kept = backup.map(|backup| format!(" What it was before is in {}.", backup.display())).unwrap_or_default();
    Ok(format!("{} now knows this bridge as {NAME}.{kept}\n{}\n", path.display(), config.after))
}
