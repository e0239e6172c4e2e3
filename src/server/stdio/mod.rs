//! The MCP face over standard input and output, for clients that start the bridge themselves.
//!
//! A folder has one owner. The first process on it opens the bridge and listens on a private socket there; the others
//! pass their client's lines to it. When the owner goes, one of the others opens the bridge in its place.

#[cfg_attr(not(unix), path = "absent.rs")]
mod ipc_listener;
mod relay;

pub use ipc_listener::IpcListener;

use super::mcp::Mcp;
use crate::{
    bridge::Bridge,
    caller::{Caller, Keys},
    catalog,
    owner::{AlreadyOwned, Claim, Owner},
    settings::{Secret, Settings},
};
use anyhow::{Result, bail};
use relay::Upstream;
use rmcp::{ServiceExt, transport::async_rw::AsyncRwTransport};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

/// How long an owner that starts or stops may keep the others waiting.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long who gave the folder away waits for the new owner before it undoes it.
const AFTER_HANDOVER: Duration = Duration::from_secs(5);

/// How often the folder is tried meanwhile.
const PAUSE: Duration = Duration::from_millis(50);

/// The name under which calls over standard input stand in the history.
const CALLER: &str = "stdio";

/// Serves the client at standard input and output until it goes or `stop` is cancelled.
///
/// # Errors
/// When the bridge can neither be opened nor reached.
pub async fn serve(settings: Settings, key: Secret, directory: &Path, stop: CancellationToken) -> Result<()> {
    let place = Place { settings, key, directory: directory.to_owned() };
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

/// What is needed to open the bridge, again and again where it must be.
struct Place {
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
        let started = Instant::now();
        loop {
            let yields = handed_over && started.elapsed() < AFTER_HANDOVER;
            if let Some(found) = self.connect().await {
                return Ok(found);
            }
            if !yields {
                match self.open() {
                    Ok(bridge) => return Ok(own(Arc::new(bridge))),
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
        let (reader, writer) = tokio::io::split(stream);
        Some(Upstream::new(reader, writer, None))
    }
}

/// A bridge of this process, with its listener for others.
fn own(bridge: Arc<Bridge>) -> Upstream {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let stop = CancellationToken::new();
    let listener = IpcListener::open(bridge.clone(), Some(stop.clone()));
    let (reader, writer) = tokio::io::split(far);
    let ended = stop.clone();
    let closed = tokio::spawn(async move {
        serve_lines(bridge.clone(), reader, writer, ended.clone()).await;
        if let Some(listener) = listener {
            listener.close().await;
        }
        bridge.close().await;
        ended.is_cancelled()
    });
    let (reader, writer) = tokio::io::split(near);
    Upstream::new(reader, writer, Some(closed))
}

/// Serves one client that writes and reads lines, until it goes or `stop` is cancelled.
async fn serve_lines<R, W>(bridge: Arc<Bridge>, reader: R, writer: W, stop: CancellationToken)
where
    R: AsyncRead + Send + Unpin + 'static,
    W: AsyncWrite + Send + Unpin + 'static,
{
    let limit = usize::try_from(bridge.settings.max_request_mib.saturating_mul(1024 * 1024)).unwrap_or(usize::MAX);
    let transport = AsyncRwTransport::new_server(reader, writer).with_max_line_length(limit);
    let face = Mcp::new(bridge, catalog::everything()).for_caller(Caller::owner(CALLER));
    // The SDK cancels the token that it is given when the client goes: it gets one of its own.
    match face.serve_with_ct(transport, stop.child_token()).await {
        Ok(running) => drop(running.waiting().await),
        // A client that goes before it said hello.
        Err(error) => tracing::debug!(%error, "a client over lines did not begin"),
    }
}
