//! Sockets in the bridge's folder: who may open the files there may come in by them, and nobody else.
#![expect(clippy::disallowed_methods, reason = "the sockets are the bridge's own files, not paths that a caller names")]

use std::{
    fs::{File, Permissions},
    io,
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long accepting rests after the system refused a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Whether a client runs as the bridge's user, or as the superuser. The mode keeps other users out; this does so too where
/// a file system ignores modes.
fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

/// Knocks at the socket of this name.
///
/// # Errors
/// When nobody listens there.
pub(crate) async fn connect(folder: &Path, name: &str) -> io::Result<UnixStream> {
    let folder = Folder::open(folder)?;
    UnixStream::connect(folder.path(name)).await
}

/// Listens at the socket of this name, which takes the place of an older one. It is made under another name in a folder
/// that only we can enter, then moved: it is never there with another mode.
///
/// # Errors
/// When the file system has no sockets, or refuses.
pub(crate) fn listen(folder: &Path, name: &str) -> io::Result<UnixListener> {
    let workshop = tempfile::Builder::new().prefix(".socket-").tempdir_in(folder)?;
    let inside = Folder::open(workshop.path())?;
    let listener = UnixListener::bind(inside.path(name))?;
    std::fs::set_permissions(workshop.path().join(name), Permissions::from_mode(0o600))?;
    std::fs::rename(workshop.path().join(name), folder.join(name))?;
    Ok(listener)
}

/// Has each client of ours served until `stop` is cancelled, and returns when the last one is gone. `what` names the
/// socket in the log.
pub(crate) async fn accept<F>(
    listener: UnixListener,
    what: &str,
    stop: &CancellationToken,
    serve: impl Fn(UnixStream) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let clients = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) if is_ours(&stream) => drop(clients.spawn(serve(stream))),
            Ok(_) => tracing::warn!("another user knocked at the {what} socket and was sent away"),
            Err(error) => {
                tracing::warn!(%error, "the {what} socket could not accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    // Who knocks now is told at once that nobody is here.
    drop(listener);
    clients.close();
    clients.wait().await;
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
