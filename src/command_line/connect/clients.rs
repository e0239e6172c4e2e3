//! Where each client keeps its servers, and how it writes them.

use super::{Bridge, Client, NAME, merge};
use crate::{agents::DEFAULT, settings::Settings};
use anyhow::{Context, Result};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// By what a client shows who it is.
pub(crate) enum Credential {
    /// The key of an agent.
    Key(String),
    /// The name of an agent: whoever starts the bridge itself needs no key.
    Agent(String),
}

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
    /// The field of it that holds the headers with the key; none where the client needs no key.
    headers: Option<&'static str>,
    /// Whether the file is TOML; otherwise it is JSON, perhaps with comments.
    is_toml: bool,
}

impl Form {
    fn json(parent: &'static str, entry: &Value) -> Self {
        let entry = entry.as_object().cloned().unwrap_or_default();
        let headers = ["headers", "http_headers"].into_iter().find(|name| entry.contains_key(*name));
        Self { parent, entry, headers, is_toml: false }
    }
}

impl Config {
    /// What a person would add by hand.
    pub(crate) fn snippet(&self) -> String {
        let Form { parent, entry, is_toml, .. } = &self.form;
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
        let Form { parent, entry, is_toml, .. } = &self.form;
        let merge = if *is_toml { merge::toml } else { merge::json };
        merge(text, parent, NAME, Some(entry).filter(|_| add))
    }
}

impl Config {
    /// Whether the client shows a key; otherwise it names its agent.
    pub(crate) fn needs_key(&self) -> bool {
        self.form.headers.is_some()
    }

    /// The list of tools that the client's file names, where it has this bridge.
    pub(crate) fn tools(&self, text: &str, bridge: &Bridge) -> Option<String> {
        let Form { parent, entry, is_toml, .. } = &self.form;
        let Some(field) = ADDRESSES.into_iter().find(|field| entry.contains_key(*field)) else {
            let arguments = merge::texts_at(text, &[parent, NAME, "args"])?;
            return arguments.iter().skip_while(|argument| *argument != TOOLS).nth(1).cloned();
        };
        bridge.tools_of(&merge::text_at(text, *is_toml, &[parent, NAME, field])?)
    }

    /// By what the client shows who it is, as its file has it now.
    pub(crate) fn credential(&self, text: &str) -> Option<Credential> {
        let Form { parent, headers, is_toml, .. } = &self.form;
        if let Some(headers) = headers {
            let sent = merge::text_at(text, *is_toml, &[parent, NAME, headers, "Authorization"])?;
            return Some(Credential::Key(sent.strip_prefix("Bearer ").unwrap_or(&sent).to_owned()));
        }
        let arguments = merge::texts_at(text, &[parent, NAME, "args"])?;
        let named = arguments.iter().skip_while(|argument| *argument != AGENT).nth(1);
        Some(Credential::Agent(named.cloned().unwrap_or_else(|| DEFAULT.to_owned())))
    }
}

/// A client's configuration; `None` for ChatGPT, which has no file.
///
/// # Errors
/// When the user's home is not known.
pub(crate) fn config(client: Client, bridge: &Bridge) -> Result<Option<Config>> {
    let home = std::env::home_dir().context("your home folder is not known: set HOME")?;
    let (url, headers) = (bridge.address(), bridge.authorization());
    let servers = |entry: Value| Form::json("mcpServers", &entry);
    let (path, form) = match client {
        Client::ClaudeCode => {
            (home.join(".claude.json"), servers(json!({"type": "http", "url": url, "headers": headers})))
        }
        Client::ClaudeDesktop => {
            let mut arguments = vec![json!("--directory"), json!(bridge.directory), json!("stdio")];
            if bridge.agent != DEFAULT {
                arguments.extend([json!(AGENT), json!(bridge.agent)]);
            }
            if let Some(tools) = &bridge.tools {
                arguments.extend([json!(TOOLS), json!(tools)]);
            }
            let entry = json!({"command": bridge.program, "args": arguments});
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

/// What comes before the name of an agent on the command line.
const AGENT: &str = "--agent";

/// What comes before the names of tools there.
const TOOLS: &str = "--tools";

/// What clients call the field that holds an address.
const ADDRESSES: [&str; 2] = ["url", "httpUrl"];

/// Where programs with windows keep their files.
fn application_data(home: &Path) -> PathBuf {
    match std::env::consts::OS {
        "macos" => home.join("Library/Application Support"),
        "windows" => home.join("AppData/Roaming"),
        _ => home.join(".config"),
    }
}

fn command(client: Client, bridge: &Bridge) -> Option<String> {
    let (url, key) = (bridge.address(), &bridge.key);
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
pub(crate) fn about_chatgpt(settings: &Settings, program: &str) -> String {
    let public = &settings.public_url;
    let name = if public.is_empty() { "https://YOUR.NAME" } else { public };
    let address = match public.is_empty() {
        true => format!(
            "a tunnel or a reverse proxy in front of {}:{}, and MCP_PUBLIC_URL=https://YOUR.NAME in .env",
            settings.host, settings.port.number
        ),
        false => format!("which MCP_PUBLIC_URL says is {public}"),
    };
    format!(
        "ChatGPT calls from OpenAI's machines, as claude.ai does from Anthropic's, so the bridge needs a public address with TLS: \
         {address}. Then:\n\n  \
         1. Add a connector (ChatGPT: developer mode): {name}/mcp, authentication OAuth\n  \
         2. On the page that it opens, choose what it may do, and type the code of `{program} open --code`\n\n\
         For a GPT of your own: Actions → Import from URL: {name}/openapi.json; Authentication: API Key, Auth Type Bearer,\n\
         the key that `{program} agent add chatgpt` prints. Keep the GPT private: whoever can use it can use this machine.\n\n\
         `{program} agent revoke NAME` takes back what you gave. Close the tunnel when you are done.\n",
    )
}
