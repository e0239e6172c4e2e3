//! Where each client keeps its servers, and how it writes them.

use super::{Bridge, Client, NAME, merge};
use crate::settings::Settings;
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// A client's configuration of this bridge.
pub(crate) struct Config {
    /// Its file.
    pub path: PathBuf,
    /// What goes there.
    pub form: Form,
    /// The client's own command for it, where it has one.
    pub command: Option<String>,
    /// What to do then.
    pub after: &'static str,
}

/// How a client writes its servers: `{parent: {name: entry}}`.
pub(crate) struct Form {
    /// The field that holds all servers.
    parent: &'static str,
    /// This one.
    entry: Map<String, Value>,
    /// Whether the file is TOML; otherwise it is JSON, perhaps with comments.
    is_toml: bool,
}

impl Form {
    fn json(parent: &'static str, entry: &Value) -> Self {
        Self { parent, entry: entry.as_object().cloned().unwrap_or_default(), is_toml: false }
    }
}

impl Config {
    /// What a person would add by hand.
    pub(crate) fn snippet(&self) -> String {
        let Form { parent, entry, is_toml } = &self.form;
        if *is_toml {
            return self.merged("", true).expect("a server can be added to an empty file");
        }
        let whole = json!({*parent: {NAME: entry}});
        serde_json::to_string_pretty(&whole).expect("a configuration is plain data")
    }

    /// The text of the client's file with this bridge in it, or without it.
    ///
    /// # Errors
    /// When the text is not what the client reads.
    pub(crate) fn merged(&self, text: &str, add: bool) -> Result<String> {
        let Form { parent, entry, is_toml } = &self.form;
        let merge = if *is_toml { merge::toml } else { merge::json };
        merge(text, parent, NAME, Some(entry).filter(|_| add))
    }
}

/// A client's configuration; `None` for ChatGPT, which has no file.
///
/// # Errors
/// When the user's home is not known.
pub(crate) fn config(client: Client, bridge: &Bridge) -> Result<Option<Config>> {
    let home = std::env::home_dir().context("your home folder is not known: set HOME")?;
    let (url, headers) = (&bridge.url, bridge.authorization());
    let servers = |entry: Value| Form::json("mcpServers", &entry);
    let (path, form) = match client {
        Client::ClaudeCode => {
            (home.join(".claude.json"), servers(json!({"type": "http", "url": url, "headers": headers})))
        }
        Client::ClaudeDesktop => {
            let entry = json!({"command": bridge.program, "args": ["--directory", bridge.directory, "stdio"]});
            (application_data(&home).join("Claude/claude_desktop_config.json"), servers(entry))
        }
        Client::Cursor => (home.join(".cursor/mcp.json"), servers(json!({"url": url, "headers": headers}))),
        Client::Vscode => {
            let entry = json!({"type": "http", "url": url, "headers": headers});
            (application_data(&home).join("Code/User/mcp.json"), Form::json("servers", &entry))
        }
        Client::Gemini => (home.join(".gemini/settings.json"), servers(json!({"httpUrl": url, "headers": headers}))),
        Client::Codex => {
            let entry = json!({"url": url, "http_headers": headers});
            let form = Form { is_toml: true, ..Form::json("mcp_servers", &entry) };
            (home.join(".codex/config.toml"), form)
        }
        Client::Chatgpt => return Ok(None),
    };
    Ok(Some(Config { path, form, command: command(client, bridge), after: after(client) }))
}

/// Where programs with windows keep their files.
fn application_data(home: &Path) -> PathBuf {
    match std::env::consts::OS {
        "macos" => home.join("Library/Application Support"),
        "windows" => home.join("AppData/Roaming"),
        _ => home.join(".config"),
    }
}

fn command(client: Client, bridge: &Bridge) -> Option<String> {
    let (url, key) = (&bridge.url, &bridge.key);
    match client {
        Client::ClaudeCode => Some(format!(
            "claude mcp add --scope user --transport http {NAME} {url} --header \"Authorization: Bearer {key}\""
        )),
        Client::Gemini => Some(format!(
            "gemini mcp add --scope user --transport http --header \"Authorization: Bearer {key}\" {NAME} {url}"
        )),
        Client::Vscode => {
            let entry = json!({"name": NAME, "type": "http", "url": url, "headers": bridge.authorization()});
            Some(format!("code --add-mcp '{entry}'"))
        }
        _ => None,
    }
}

fn after(client: Client) -> &'static str {
    match client {
        Client::ClaudeDesktop => {
            "Quit Claude Desktop entirely and start it again; it starts the bridge by itself and needs no key."
        }
        Client::ClaudeCode => "In a new session, /mcp shows the bridge. The server must be running.",
        Client::Cursor => "Its settings show the bridge under MCP. The server must be running.",
        Client::Vscode => "Start it from the Extensions view, MCP Servers. The server must be running.",
        Client::Gemini => "In a new session, /mcp shows the bridge. The server must be running.",
        Client::Codex => "In a new session, /mcp shows the bridge. The server must be running.",
        Client::Chatgpt => "",
    }
}

/// What ChatGPT needs: it calls from its own machines, not from this one.
pub(crate) fn about_chatgpt(settings: &Settings) -> String {
    format!(
        "ChatGPT calls from OpenAI's machines, so the bridge needs a public address with TLS: a tunnel or a reverse \
         proxy in front of {}:{}, and its name in MCP_ALLOWED_HOSTS. Then, for a GPT of your own:\n\n  \
         1. Actions → Import from URL: https://YOUR.NAME/openapi.json\n  \
         2. Authentication: API Key, Auth Type Bearer; the key is MCP_API_KEY in .env\n  \
         3. Keep the GPT private: whoever can use it can use this machine\n\n\
         As a connector (developer mode), the address is https://YOUR.NAME/mcp; it must be able to send the header\n\
         Authorization: Bearer KEY. Whoever knows the key can do what you can do here: close the tunnel when you are done.\n",
        settings.host, settings.port.number
    )
}
