//! `mcp-server doctor`: what works, what does not, and how to mend it.

use crate::{
    bridge, first_start,
    owner::{Claim, Owner},
    settings::Settings,
};
use rmcp::{
    ServiceExt,
    model::{CallToolRequestParams, ClientConfig, Tool},
    service::ServiceError,
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

/// How long anything that is asked may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a check found.
pub enum Finding {
    /// It works.
    Well(String),
    /// It works without something.
    Lacking(String, String),
    /// It does not work; how to mend it.
    Broken(String, String),
}

use Finding::{Broken, Lacking, Well};

/// Looks at everything. Each finding is one line for a person; true when nothing is broken.
pub async fn run(settings: &Settings, directory: &Path, mut show: impl FnMut(&str)) -> bool {
    let mut well = true;
    let mut tell = |finding: Finding| {
        let text = match finding {
            Well(what) => format!("ok      {what}"),
            Lacking(what, mend) => format!("note    {what}\n        {mend}"),
            Broken(what, mend) => {
                well = false;
                format!("BROKEN  {what}\n        {mend}")
            }
        };
        show(&text);
    };
    tell(key(settings));
    tell(memory(directory));
    let url = format!("http://{}:{}", reachable(&settings.host), settings.port);
    match port(&url).await {
        Ok(found) => {
            tell(found);
            for finding in client(settings, &url).await {
                tell(finding);
            }
        }
        Err(finding) => tell(finding),
    }
    tell(docker(settings).await);
    well
}

fn reachable(host: &str) -> String {
    match host {
        "0.0.0.0" | "" => "127.0.0.1".to_owned(),
        "::" => "[::1]".to_owned(),
        host if host.contains(':') && !host.starts_with('[') => format!("[{host}]"),
        host => host.to_owned(),
    }
}

fn key(settings: &Settings) -> Finding {
    let Some(key) = &settings.api_key else {
        return Broken("There is no key yet".into(), "Start mcp-server once: it makes one and shows it".into());
    };
    match first_start::check(key.expose(), &settings.host) {
        Ok(()) if key.expose().chars().count() < 16 => {
            let mend = "Use at least 16 characters, or `mcp-server key rotate` for a new one";
            Lacking("The key is short and could be guessed".into(), mend.into())
        }
        Ok(()) => Well("The key is set (MCP_API_KEY)".into()),
        Err(error) => Broken("The key cannot be used".into(), format!("{error:#}")),
    }
}

fn memory(directory: &Path) -> Finding {
    let folder = bridge::Bridge::folder_in(directory);
    let shown = folder.display();
    match Owner::claim(&folder) {
        Ok(Claim::HeldBy(held)) => {
            let who = held.pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
            Well(format!("The memory folder {shown} is in use by a bridge{who}"))
        }
        Ok(Claim::Owned(_)) => match tempfile::tempfile_in(&folder) {
            Ok(_) => Well(format!("The memory folder {shown} is there and can be written")),
            Err(error) => Broken(format!("The memory folder {shown} cannot be written"), error.to_string()),
        },
        Err(error) => {
            let mend = format!("{error}: it must be a folder that this user may write");
            Broken(format!("The memory folder {shown} cannot be used"), mend)
        }
    }
}

/// Whether this program answers there.
async fn port(url: &str) -> Result<Finding, Finding> {
    let other = || {
        let mend = "Stop it, or choose another port: MCP_PORT in .env or --port";
        Broken(format!("Another program answers at {url}"), mend.into())
    };
    let reply = match http().get(format!("{url}/health")).send().await {
        Ok(reply) => reply,
        Err(error) if error.is_connect() => {
            let mend = "Start it with `mcp-server` in this directory, and leave it running";
            return Err(Broken(format!("No server listens at {url}"), mend.into()));
        }
        Err(_) => return Err(other()),
    };
    let health: Value = reply.json().await.unwrap_or_default();
    if health["status"] != "healthy" {
        return Err(other());
    }
    Ok(Well(format!("The server answers at {url}, running for {} s", health["uptime_seconds"])))
}

#[expect(clippy::disallowed_methods, reason = "asks this machine's own server, at the user's terminal")]
fn http() -> reqwest::Client {
    // A second call finds one in place.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a plain client can be made")
}

/// What a client of the protocol meets: getting in, the list of tools, a call that changes nothing.
async fn client(settings: &Settings, url: &str) -> Vec<Finding> {
    let Some(key) = &settings.api_key else { return vec![] };
    let config = StreamableHttpClientTransportConfig::with_uri(format!("{url}/mcp")).auth_header(key.expose());
    let transport = StreamableHttpClientTransport::with_client(http(), config);
    let client = match tokio::time::timeout(PATIENCE, ClientConfig::default().serve(transport)).await {
        Ok(Ok(client)) => client,
        Ok(Err(error)) => return vec![shut_out(&format!("{error:?}"))],
        Err(_) => return vec![Broken("MCP does not answer".into(), "Restart the server and look at its log".into())],
    };
    let mut findings = vec![Well("An MCP client gets in with the key".into())];
    match client.list_all_tools().await {
        Ok(tools) => {
            findings.push(Well(format!("It lists {} tools", tools.len())));
            findings.extend(match harmless(&tools) {
                Some(tool) => Some(called(tool, client.call_tool(CallToolRequestParams::new(tool.to_owned())).await)),
                None => None,
            });
        }
        Err(error) => findings.push(Broken("It cannot list the tools".into(), error.to_string())),
    }
    let _ = client.cancel().await;
    findings
}

fn shut_out(error: &str) -> Finding {
    if error.contains("403") || error.contains("401") || error.contains("Auth") {
        let mend = "It was started with another key: MCP_API_KEY in its environment wins over .env. Restart it here";
        return Broken("The server refuses this directory's key".into(), mend.into());
    }
    Broken("An MCP client does not get in".into(), error.chars().take(300).collect())
}

/// A tool that only reads and needs nothing.
fn harmless(tools: &[Tool]) -> Option<&str> {
    let fits = |tool: &&Tool| {
        let reads = tool.annotations.as_ref().and_then(|notes| notes.read_only_hint) == Some(true);
        reads && json!(tool.input_schema)["required"].as_array().is_none_or(Vec::is_empty)
    };
    let named = tools.iter().filter(fits).find(|tool| tool.name == "terminal_info");
    named.or_else(|| tools.iter().find(fits)).map(|tool| &*tool.name)
}

fn called(tool: &str, result: Result<rmcp::model::CallToolResult, ServiceError>) -> Finding {
    match result {
        Ok(result) if result.is_error != Some(true) => Well(format!("It calls {tool}")),
        Ok(result) => {
            let said = result.content.first().and_then(|block| block.as_text().map(|text| text.text.clone()));
            Broken(format!("{tool} fails"), said.unwrap_or_default())
        }
        Err(error) => Broken(format!("{tool} cannot be called"), error.to_string()),
    }
}

/// Whether there is an engine, and the image on it.
async fn docker(settings: &Settings) -> Finding {
    let absent = |error: String| {
        let mend = format!("Only the sandbox needs it. Install Docker or set DOCKER_HOST ({error})");
        Lacking("No Docker engine answers".into(), mend)
    };
    let engine = match bollard::Docker::connect_with_defaults() {
        Ok(engine) => engine,
        Err(error) => return absent(error.to_string()),
    };
    match tokio::time::timeout(PATIENCE, engine.ping()).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return absent(error.to_string()),
        Err(_) => return absent("it is silent".to_owned()),
    }
    match engine.inspect_image(&settings.sandbox_image).await {
        Ok(_) => Well(format!("Docker answers and has the image {}", settings.sandbox_image)),
        Err(_) => {
            let mend = "Build it once: POST /sandbox/build, or the tool sandbox_build";
            Lacking(format!("Docker answers; the image {} is not there", settings.sandbox_image), mend.into())
        }
    }
}
