//! A socket before the engine's: it forwards, remembers what was asked, and can be cut, so that an engine that goes away
//! is tried without stopping the one that others use.

use super::ENGINE;
use crate::server::scratch;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy},
    net::{UnixListener, UnixStream},
    sync::watch,
};

/// The engine's own socket.
pub(crate) fn socket() -> Option<PathBuf> {
    let path = ENGINE.as_deref()?.strip_prefix("unix://")?;
    Some(PathBuf::from(path))
}

/// Copies both ways, each until its end: half-closed connections stay half-closed.
pub(crate) async fn forward(client: impl AsyncRead + AsyncWrite, engine: PathBuf) {
    watched(client, engine, |_| {}).await;
}

async fn watched(client: impl AsyncRead + AsyncWrite, engine: PathBuf, saw: impl Fn(&[u8])) {
    let (mut from, mut to) = tokio::io::split(client);
    let (mut answers, mut requests) = UnixStream::connect(engine).await.unwrap().into_split();
    let there = async {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            saw(&buffer[..count]);
            if requests.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
        let _ = requests.shutdown().await;
    };
    let back = async {
        let _ = copy(&mut answers, &mut to).await;
        let _ = to.shutdown().await;
    };
    tokio::join!(there, back);
}

/// The socket.
pub(crate) struct Proxy {
    folder: TempDir,
    /// Counts the cuts; even: connections are taken.
    cuts: watch::Sender<u64>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// `None` without an engine on a Unix socket.
    pub(crate) fn start() -> Option<Self> {
        let engine = socket()?;
        let folder = scratch();
        let listener = UnixListener::bind(folder.path().join("engine.sock")).unwrap();
        let (cuts, seen) = watch::channel(0);
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut cut, engine, log) = (seen.clone(), engine.clone(), log.clone());
                if *cut.borrow_and_update() % 2 == 1 {
                    continue;
                }
                tokio::spawn(async move {
                    let saw = |bytes: &[u8]| log.lock().unwrap().extend(request_line(bytes));
                    tokio::select! {
                        () = watched(client, engine, saw) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Some(Self { folder, cuts, asked })
    }

    /// As DOCKER_HOST names it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.folder.path().join("engine.sock").display())
    }

    /// The engine is gone: its connections end, and no other is taken.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }

    /// The engine is there again.
    pub(crate) fn fix(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }

    /// Its connections end; others are taken.
    pub(crate) fn drop_connections(&self) {
        self.cuts.send_modify(|count| *count += 2);
    }

    /// How many requests were made whose first line holds this.
    pub(crate) fn requests(&self, part: &str) -> usize {
        self.asked.lock().unwrap().iter().filter(|line| line.contains(part)).count()
    }
}

fn request_line(bytes: &[u8]) -> Option<String> {
    let line = bytes.split(|byte| *byte == b'\r').next()?;
    line.ends_with(b" HTTP/1.1").then(|| String::from_utf8_lossy(line).into_owned())
}
