//! `mcp-server doctor`: what works, what does not, and how to fix it. It changes nothing and makes nothing.

use super::{
    connect::{self, Connection},
    mcp_client::{Failure, McpClient},
    target::{Target, http},
};
use crate::{
    bridge, key_file,
    sandbox::{self, Diagnosis},
    settings::{ConfinementMode, Settings},
};
use serde_json::{Value, json};
use std::path::Path;

/// What a check found.
pub enum Finding {
    /// It works.
    Well(String),
    /// It works without something.
    Lacking(String, String),
    /// It does not work; how to fix it.
    Broken(String, String),
}

use Finding::{Broken, Lacking, Well};

/// Looks at everything with the settings that the server has. Each finding is one line for a person; true when nothing
/// is broken.
pub async fn run(settings: &Settings, target: &Target, program: &str, mut show: impl FnMut(&str)) -> bool {
    let mut well = true;
    let mut tell = |finding: Finding| {
        let text = match finding {
            Well(what) => format!("ok      {what}"),
            Lacking(what, fix) => format!("note    {what}\n        {fix}"),
            Broken(what, fix) => {
                well = false;
                format!("BROKEN  {what}\n        {fix}")
            }
        };
        show(&text);
    };
    tell(key(settings));
    tell(memory(target));
    match health(&target.url).await {
        Ok(_) if target.owner.is_none() => {
            let fix =
                format!("Start the one of this folder: `{program}`. The server there may be of another --directory");
            tell(Broken(
                format!("No bridge of {} runs; another one answers at {}", target.directory.display(), target.url),
                fix,
            ));
        }
        Ok(health) => {
            tell(Well(format!("The server answers at {}, running for {} s", target.url, health["uptime_seconds"])));
            tell(confinement(&health));
            for finding in client(settings, &target.url).await {
                tell(finding);
            }
        }
        Err(finding) => {
            tell(finding);
            if settings.confinement == ConfinementMode::Off {
                tell(unconfined("MCP_CONFINEMENT is off"));
            }
        }
    }
    for finding in clients(target, program) {
        tell(finding);
    }
    tell(docker(settings).await);
    well
}

fn key(settings: &Settings) -> Finding {
    let Some(key) = &settings.api_key else {
        let fix = "Over HTTP one is needed: start mcp-server once, and it makes one. A client that starts `mcp-server stdio` \
                   needs none";
        return Lacking("There is no key yet".into(), fix.into());
    };
    match key_file::check(key.expose(), &settings.host) {
        Ok(()) if key.expose().chars().count() < 16 => {
            let fix = "Use at least 16 characters, or `mcp-server key rotate` for a new one";
            Lacking("The key is short and could be guessed".into(), fix.into())
        }
        Ok(()) => Well("The key is set (MCP_API_KEY)".into()),
        Err(error) => Broken("The key cannot be used".into(), format!("{error:#}")),
    }
}

fn memory(target: &Target) -> Finding {
    let folder = bridge::Bridge::folder_in(&target.directory);
    let shown = folder.display();
    if let Some(held) = &target.owner {
        let who = held.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
        return Well(format!("The memory folder {shown} is in use by a bridge{who}"));
    }
    let fix = "It must be a folder that this user may write".to_owned();
    if folder.is_dir() {
        return match is_writable(&folder) {
            true => Well(format!("The memory folder {shown} is there and can be written")),
            false => Broken(format!("The memory folder {shown} cannot be written"), fix),
        };
    }
    match !folder.exists() && is_writable(&target.directory) {
        true => Well(format!("The memory folder {shown} is not there yet: the first start makes it")),
        false => Broken(format!("The memory folder {shown} cannot be made or used"), fix),
    }
}

/// Asked, not tried: nothing is made.
#[cfg_attr(unix, expect(clippy::disallowed_methods, reason = "the bridge's own folder"))]
fn is_writable(folder: &Path) -> bool {
    #[cfg(unix)]
    return rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok();
    #[cfg(not(unix))]
    return folder.metadata().is_ok_and(|found| !found.permissions().readonly());
}

/// What this program says of itself there.
async fn health(url: &str) -> Result<Value, Finding> {
    let other = || {
        let fix = "Stop it, or choose another port: MCP_PORT in .env or --port";
        Broken(format!("Another program answers at {url}"), fix.into())
    };
    let reply = match http().get(format!("{url}/health")).send().await {
        Ok(reply) => reply,
        Err(error) if error.is_connect() => {
            let fix = "Start it with `mcp-server` in this directory, and leave it running";
            return Err(Broken(format!("No server listens at {url}"), fix.into()));
        }
        Err(_) => return Err(other()),
    };
    let health: Value = reply.json().await.unwrap_or_default();
    if health["status"] == "healthy" { Ok(health) } else { Err(other()) }
}

/// How firmly the running server holds commands.
fn confinement(health: &Value) -> Finding {
    let (level, why) = (&health["confinement"], health["confinement_reason"].as_str().unwrap_or_default());
    match level.as_str() {
        Some("none") => unconfined(why),
        Some(level) => Well(format!("Commands are confined ({level}): {why}")),
        None => Lacking("The server does not say whether commands are confined".into(), "Start the newest one".into()),
    }
}

fn unconfined(why: &str) -> Finding {
    let fix = "They can reach whatever this user can. MCP_CONFINEMENT=require runs none that is not confined";
    Lacking(format!("Commands are NOT confined: {why}"), fix.into())
}

/// The clients that know this bridge.
fn clients(target: &Target, program: &str) -> Vec<Finding> {
    let known = connect::connected(target);
    if known.is_empty() {
        let fix = format!("Connect one: `{program} connect claude-code --write`, or cursor, vscode, gemini, codex");
        return vec![Lacking("No client is connected".into(), fix)];
    }
    let finding = |(client, path, connection): (_, std::path::PathBuf, _)| {
        let name = connect::name(client);
        match connection {
            Connection::Good => Well(format!("{name} is connected ({})", path.display())),
            Connection::Stale => Lacking(
                format!("{name} has another address of this bridge, or no key of an agent ({})", path.display()),
                format!("Give it the right ones: `{program} connect {name} --write`"),
            ),
        }
    };
    known.into_iter().map(finding).collect()
}

/// What a client of the protocol meets: getting in, the list of tools, a call that changes nothing.
async fn client(settings: &Settings, url: &str) -> Vec<Finding> {
    let Some(key) = &settings.api_key else { return vec![] };
    let mut client = match McpClient::connect(url, key.expose()).await {
        Ok(client) => client,
        Err(failure) => return vec![kept_out(failure)],
    };
    let mut findings = vec![Well("An MCP client gets in with the key".into())];
    match client.tools().await {
        Ok(tools) => {
            findings.push(Well(format!("It lists {} tools", tools.len())));
            if let Some(tool) = harmless(&tools) {
                findings.push(called(tool, client.ask("tools/call", &json!({"name": tool, "arguments": {}})).await));
            }
        }
        Err(failure) => findings.push(Broken("It cannot list the tools".into(), said(failure))),
    }
    client.leave().await;
    findings
}

fn kept_out(failure: Failure) -> Finding {
    match failure {
        Failure::ShutOut => {
            let fix = "It was started with another key: MCP_API_KEY in its environment wins over .env. Restart it here";
            Broken("The server refuses this directory's key".into(), fix.into())
        }
        Failure::Silence => Broken("MCP does not answer".into(), "Restart the server and look at its log".into()),
        Failure::Other(error) => Broken("An MCP client does not get in".into(), error.chars().take(300).collect()),
    }
}

fn said(failure: Failure) -> String {
    match failure {
        Failure::ShutOut => "The key is refused".into(),
        Failure::Silence => "The server does not answer".into(),
        Failure::Other(error) => error.chars().take(300).collect(),
    }
}

/// A tool that only reads and needs nothing.
fn harmless(tools: &[Value]) -> Option<&str> {
    let fits = |tool: &&Value| {
        let needs_nothing = tool["inputSchema"]["required"].as_array().is_none_or(Vec::is_empty);
        tool["annotations"]["readOnlyHint"] == true && needs_nothing
    };
    let named = tools.iter().filter(fits).find(|tool| tool["name"] == "terminal_info");
    named.or_else(|| tools.iter().find(fits))?["name"].as_str()
}

fn called(tool: &str, result: Result<Value, Failure>) -> Finding {
    match result {
        Ok(result) if result["isError"] != true => Well(format!("It calls {tool}")),
        Ok(result) => {
            let text = result["content"][0]["text"].as_str().unwrap_or_default();
            Broken(format!("{tool} fails"), text.to_owned())
        }
        Err(failure) => Broken(format!("{tool} cannot be called"), said(failure)),
    }
}

/// Whether there is an engine, and the image on it.
async fn docker(settings: &Settings) -> Finding {
    match sandbox::diagnose(settings).await {
        Diagnosis::Ready { place } => {
            Well(format!("Docker answers ({place}) and has the image {}", settings.sandbox_image))
        }
        Diagnosis::NoImage { place } => {
            let fix = "Build it once: POST /sandbox/build, or the tool sandbox_build";
            Lacking(format!("Docker answers ({place}); the image {} is not there", settings.sandbox_image), fix.into())
        }
        Diagnosis::Refused { place } => {
            let fix = "This user may not use it: `sudo usermod -aG docker $USER`, then log in again (whoever is in that \
                       group can become root), or set up rootless Docker. Only the sandbox needs it";
            Lacking(format!("Docker is there and refuses this user its socket {place}"), fix.into())
        }
        Diagnosis::Absent { why } => {
            let fix = format!("Only the sandbox needs it. Install Docker or set DOCKER_HOST ({why})");
            Lacking("No Docker engine answers".into(), fix)
        }
    }
}
