//! The MCP face over standard input and output, for clients that start the bridge themselves.
//!
//! A folder has one owner. The first process on it opens the bridge and listens on a private socket there; the others
//! pass their client's lines to it. When the owner goes, one of the others opens the bridge in its place.

#[cfg_attr(not(unix), path = "absent.rs")]
mod ipc_listener;
mod relay;

pub use ipc_listener::IpcListener;

use super::{control::ControlSocket, mcp::Mcp};
use crate::{
    agents::Agents,
    bridge::Bridge,
    caller::{Caller, Keys},
    catalog,
    owner::{AlreadyOwned, Claim, Owner},
    server,
    settings::{Secret, Settings},
    tool_list::ToolList,
};
use anyhow::{Result, anyhow, bail, ensure};
use relay::Upstream;
use rmcp::{ServiceExt, transport::async_rw::AsyncRwTransport};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

/// How long an owner that starts or stops may keep the others waiting.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long who gave the folder away waits for the new owner before it undoes it.
const AFTER_HANDOVER: Duration = Duration::from_secs(5);

/// How often the folder is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// The client at standard input and output.
#[derive(Clone, Debug)]
pub struct Guest {
    /// Which agent it is.
    pub agent: String,
    /// The tools that it is shown, as it names them.
    pub tools: Option<String>,
}

impl Guest {
    fn list(&self) -> Result<Option<ToolList>> {
        let list = self.tools.as_deref().map(ToolList::parse).transpose();
        list.map_err(|why| anyhow!("--tools is not understood: {why}"))
    }
}

/// Serves the client at standard input and output until it goes or `stop` is cancelled.
///
/// # Errors
/// When there is no such agent or list of tools, and when the bridge can neither be opened nor reached.
pub async fn serve(
    settings: Settings,
    key: Secret,
    directory: &Path,
    guest: Guest,
    stop: CancellationToken,
) -> Result<()> {
    guest.list()?;
    let place = Place { settings, key, directory: directory.to_owned(), guest };
    let (input, output) = rmcp::transport::io::stdio_pipes();
    relay::run(&place, input, output, stop).await
}

/// Makes way for a server that is for all: a process that serves one client gives the folder away when asked, and
/// becomes a guest. Returns when the folder is free or will not become so; who then opens the bridge finds out.
pub async fn hand_over(directory: &Path) {
    let folder = Bridge::folder_in(directory);
    if is_free(&folder) || !ipc_listener::ask_for_handover(&folder).await {
        return;
    }
    let started = Instant::now();
    while !is_free(&folder) && started.elapsed() < TIMEOUT {
        tokio::time::sleep(PAUSE).await;
    }
}

fn is_free(folder: &Path) -> bool {
    !matches!(Owner::claim(folder), Ok(Claim::HeldBy(_)))
}

/// The agent of a name, unless its key was taken away.
fn caller(agents: &Agents, name: &str) -> Result<Caller> {
    let agent = agents.named(name)?;
    ensure!(
        !agent.is_revoked(),
        "the key of the agent {name} was revoked: `mcp-server agent rotate {name}` gives a new one"
    );
    Ok(Caller::agent(agent))
}

/// What is needed to open the bridge, again and again where it must be.
struct Place {
    guest: Guest,
    settings: Settings,
    key: Secret,
    directory: PathBuf,
}

impl Place {
    /// A way to the folder's bridge: a new one of this process, or the socket of its owner.
    ///
    /// # Errors
    /// When neither can be had in time; the message says what is in the way.
    async fn reach(&self, handed_over: bool) -> Result<Upstream> {
        // A client whose agent lost its key meanwhile gets in nowhere.
        caller(&Agents::open(&Bridge::folder_in(&self.directory))?, &self.guest.agent)?;
        let started = Instant::now();
        loop {
            let yields = handed_over && started.elapsed() < AFTER_HANDOVER;
            if let Some(found) = self.connect().await {
                return Ok(found);
            }
            if !yields {
                match self.open() {
                    Ok(bridge) => return own(Arc::new(bridge), &self.guest),
                    Err(error) if !error.is::<AlreadyOwned>() => return Err(error),
                    Err(error) if started.elapsed() > TIMEOUT => bail!("{error}; it does not answer on its socket"),
                    Err(_) => {}
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn open(&self) -> Result<Bridge> {
        Bridge::open(self.settings.clone(), Keys::new(self.key.expose()), &self.directory)
    }

    async fn connect(&self) -> Option<Upstream> {
        let stream = ipc_listener::connect(&Bridge::folder_in(&self.directory)).await.ok()?;
        let (reader, mut writer) = tokio::io::split(stream);
        writer.write_all(&ipc_listener::hello(&self.guest)).await.ok()?;
        Some(Upstream::new(reader, writer, None))
    }
}

/// A bridge of this process, with its listener for others.
fn own(bridge: Arc<Bridge>, guest: &Guest) -> Result<Upstream> {
    let (caller, list) = (caller(&bridge.agents, &guest.agent)?, guest.list()?);
    let (near, far) = tokio::io::duplex(64 * 1024);
    let stop = CancellationToken::new();
    let listener = IpcListener::open(bridge.clone(), Some(stop.clone()));
    let control = ControlSocket::open(&bridge, server::router(bridge.clone()));
    let (reader, writer) = tokio::io::split(far);
    let ended = stop.clone();
    let closed = tokio::spawn(async move {
        let client = Client { bridge: bridge.clone(), caller, list, is_guest: false };
        serve_lines(client, reader, writer, ended.clone()).await;
        if let Some(listener) = listener {
            listener.close().await;
        }
        if let Some(control) = control {
            control.close().await;
        }
        bridge.close().await;
        ended.is_cancelled()
    });
    let (reader, writer) = tokio::io::split(near);
    Ok(Upstream::new(reader, writer, Some(closed)))
}

/// A client that writes and reads lines.
struct Client {
    bridge: Arc<Bridge>,
    caller: Caller,
    list: Option<ToolList>,
    /// Whether it came to the bridge of another client.
    is_guest: bool,
}

/// Serves one client that writes and reads lines, until it goes or `stop` is cancelled.
async fn serve_lines<R, W>(client: Client, reader: R, writer: W, stop: CancellationToken)
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let Client { bridge, caller, list, is_guest } = client;
    let limit = usize::try_from(bridge.settings.max_request_mib.saturating_mul(1024 * 1024)).unwrap_or(usize::MAX);
    let transport = AsyncRwTransport::new_server(reader, writer).with_max_line_length(limit);
    let face = Mcp::new(bridge.clone(), catalog::everything()).for_caller(caller.clone()).showing(list);
    // The SDK cancels the token that it is given when the client goes: it gets one of its own.
    let served = async {
        match face.serve_with_ct(transport, stop.child_token()).await {
            Ok(running) => drop(running.waiting().await),
            // A client that goes before it said hello.
            Err(error) => tracing::debug!(%error, "a client over lines did not begin"),
        }
    };
    // Who opened the bridge for others, too, stays with them: its own calls are refused.
    let ends = async {
        match is_guest {
            true => until_revoked(&bridge, &caller).await,
            false => std::future::pending().await,
        }
    };
    tokio::select! {
        () = served => {}
        () = ends => {}
    }
}

/// Waits until an agent's key is taken away. One that is only replaced is none of this client's, which needed no key.
async fn until_revoked(bridge: &Bridge, caller: &Caller) {
    let mut caller = caller.clone();
    loop {
        bridge.keys.lapse_for(&caller).await;
        match bridge.agents.named(caller.name()) {
            Ok(agent) if !agent.is_revoked() && !agent.has_expired() => caller = Caller::agent(agent),
            _ => return,
        }
    }
}
