//! The owner's private socket: who may open the folder's files may come in by it, without a key.
#![expect(clippy::disallowed_methods, reason = "the socket is the bridge's own file, not a path that a caller names")]

use super::serve_lines;
use crate::bridge::Bridge;
use std::{
    fs::{File, Permissions},
    io,
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The socket's name in the folder.
const NAME: &str = ".socket";

/// The line by which a server that should run for all asks a process that runs for one client to let it.
const HANDOVER: &[u8] = b"handover\n";

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
        let listener = match listen(bridge.folder()) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(%error, "no private socket: other processes cannot share this bridge over stdio");
                return None;
            }
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(listener, bridge, gives_way, stop.clone()));
        Some(Self { stop, task })
    }

    /// Sends those away who came in by it.
    pub async fn close(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

async fn accept(
    listener: UnixListener,
    bridge: Arc<Bridge>,
    gives_way: Option<CancellationToken>,
    stop: CancellationToken,
) {
    let guests = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) if is_ours(&stream) => {
                guests.spawn(welcome(stream, bridge.clone(), gives_way.clone(), stop.clone()));
            }
            Ok(_) => tracing::warn!("another user knocked at the private socket and was sent away"),
            Err(error) => {
                tracing::warn!(%error, "the private socket could not accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    // Who knocks now is told at once that nobody is here.
    drop(listener);
    guests.close();
    guests.wait().await;
}

/// The mode keeps other users out; this does so too where a file system ignores modes.
fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
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
        return serve_lines(bridge, io::Cursor::new(first).chain(reader), writer, stop).await;
    }
    if let Some(gives_way) = gives_way {
        tracing::info!("giving the folder to a server that was started on it");
        let _ = writer.write_all(GRANTED).await;
        gives_way.cancel();
    }
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
    let folder = Folder::open(folder)?;
    UnixStream::connect(folder.path(NAME)).await
}

/// Made under another name in a folder that only we can enter, then moved: it is never there with another mode.
fn listen(folder: &Path) -> io::Result<UnixListener> {
    let workshop = tempfile::Builder::new().prefix(".socket-").tempdir_in(folder)?;
    let inside = Folder::open(workshop.path())?;
    let listener = UnixListener::bind(inside.path(NAME))?;
    std::fs::set_permissions(workshop.path().join(NAME), Permissions::from_mode(0o600))?;
    std::fs::rename(workshop.path().join(NAME), folder.join(NAME))?;
    Ok(listener)
}

/// A folder by its descriptor: a socket's path may have 108 bytes, and a folder's is often longer.
struct Folder {
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux names it by its descriptor"))]
    open: File,
    #[cfg(not(target_os = "linux"))]
    path: PathBuf,
}

impl Folder {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            open: File::open(path)?,
            #[cfg(not(target_os = "linux"))]
            path: path.to_owned(),
        })
    }

    #[cfg(target_os = "linux")]
    fn path(&self, name: &str) -> PathBuf {
        format!("/proc/self/fd/{}/{name}", self.open.as_raw_fd()).into()
    }

    #[cfg(not(target_os = "linux"))]
    fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}
