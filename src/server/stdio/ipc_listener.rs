//! The owner's private socket: who may open the folder's files may come in by it, without a key.

use super::{Client, Guest, caller, serve_lines};
use crate::{agents::DEFAULT, bridge::Bridge, server::local_socket};
use std::{io, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

/// The socket's name in the folder.
const NAME: &str = ".socket";

/// The line by which a server that should run for all asks a process that runs for one client to let it.
const HANDOVER: &[u8] = b"handover\n";

/// What a guest says before its client's first message: which agent it is, and after a blank which tools it is shown, if it
/// names any.
const AGENT: &str = "agent ";

/// The answer of who does.
const GRANTED: &[u8] = b"granted\n";

/// How long an owner may take for that answer.
const ANSWER_TIME: Duration = Duration::from_secs(5);

/// An open socket.
pub struct IpcListener {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl IpcListener {
    /// Listens for others on the bridge's folder. With `gives_way`, that is cancelled when a server for all wants the
    /// folder. Where there can be no socket (a file system without them), this says so in the log and others stay out.
    pub fn open(bridge: Arc<Bridge>, gives_way: Option<CancellationToken>) -> Option<Self> {
        let listener = match local_socket::listen(bridge.folder(), NAME) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(%error, "no private socket: other processes cannot share this bridge over stdio");
                return None;
            }
        };
        let stop = CancellationToken::new();
        let ended = stop.clone();
        let task = tokio::spawn(async move {
            let welcome = |stream| welcome(stream, bridge.clone(), gives_way.clone(), ended.clone());
            local_socket::accept(listener, "private", &ended, welcome).await;
        });
        Some(Self { stop, task })
    }

    /// Sends those away who came in by it.
    pub async fn close(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

async fn welcome(
    stream: UnixStream,
    bridge: Arc<Bridge>,
    gives_way: Option<CancellationToken>,
    stop: CancellationToken,
) {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    let mut first = Vec::new();
    let read = tokio::select! {
        read = reader.read_until(b'\n', &mut first) => read,
        () = stop.cancelled() => return,
    };
    if read.is_err() || first != HANDOVER {
        let guest = std::str::from_utf8(&first).ok().and_then(said);
        // A program of before there were agents begins with its client's first message.
        let first = if guest.is_some() { Vec::new() } else { first };
        let guest = guest.unwrap_or_else(|| Guest { agent: DEFAULT.to_owned(), tools: None });
        match caller(&bridge.agents, &guest.agent).and_then(|caller| Ok((caller, guest.list()?))) {
            Ok((caller, list)) => {
                let client = Client { bridge, caller, list, is_guest: true };
                serve_lines(client, io::Cursor::new(first).chain(reader), writer, stop).await;
            }
            Err(error) => tracing::warn!("a client over standard input was sent away: {error:#}"),
        }
        return;
    }
    if let Some(gives_way) = gives_way {
        tracing::info!("giving the folder to a server that was started on it");
        let _ = writer.write_all(GRANTED).await;
        gives_way.cancel();
    }
}

/// The line by which a guest says who it is.
pub(super) fn hello(guest: &Guest) -> Vec<u8> {
    // No name of a tool or a list has a blank.
    let tools = guest.tools.iter().map(|tools| format!(" {}", tools.replace(char::is_whitespace, "")));
    format!("{AGENT}{}{}\n", guest.agent, tools.collect::<String>()).into_bytes()
}

/// Who a guest is by its line.
fn said(line: &str) -> Option<Guest> {
    let said = line.strip_prefix(AGENT)?.strip_suffix('\n')?;
    let (agent, tools) = said.split_once(' ').map_or((said, None), |(agent, tools)| (agent, Some(tools.to_owned())));
    Some(Guest { agent: agent.to_owned(), tools })
}

/// Asks the owner of `folder` to let this process have it. True when it will, at once.
pub(crate) async fn ask_for_handover(folder: &Path) -> bool {
    let ask = async {
        let mut stream = connect(folder).await?;
        stream.write_all(HANDOVER).await?;
        let mut answer = Vec::new();
        stream.take(GRANTED.len() as u64).read_to_end(&mut answer).await?;
        io::Result::Ok(answer == GRANTED)
    };
    matches!(tokio::time::timeout(ANSWER_TIME, ask).await, Ok(Ok(true)))
}

/// Knocks at the owner's socket.
///
/// # Errors
/// When nobody listens there.
pub(crate) async fn connect(folder: &Path) -> io::Result<UnixStream> {
    local_socket::connect(folder, NAME).await
}
