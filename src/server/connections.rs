//! Connections: how many, how long they may be silent, and how they end at a stop.

use super::traffic::StallTimeout;
use axum::{
    Router,
    body::Body,
    extract::{ConnectInfo, Request},
    http::{Extensions, Method, header::CONTENT_TYPE},
    response::Response,
};
use futures::StreamExt;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How long a client may take to send a request's head, or stay silent between requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How much of a request's head is surely taken, in bytes; twice as much is 431. Also the most that is read ahead.
const MAX_HEAD: usize = 16 * 1024;

/// How long running requests may take to finish at a stop.
const STOP_TIME: Duration = Duration::from_secs(10);

/// How long accepting rests after the system refused a connection (out of descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How many connections are taken beyond the limit while all others are at work; more are closed at once.
const RESERVE: usize = 64;

/// Serves until `stop` is cancelled, then lets running requests finish, at most 10 s.
pub async fn serve(listener: TcpListener, router: Router, max_connections: usize, stop: CancellationToken) {
    let open = Open { max: max_connections.max(1), all: Mutex::default(), clock: AtomicU64::new(0) };
    let (tasks, give_up) = (TaskTracker::new(), CancellationToken::new());
    let server = Arc::new(Server { router, open, tasks, stop, give_up });
    for number in 0.. {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, peer)) => server.clone().start(number, stream, peer),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    server.tasks.close();
    if tokio::time::timeout(STOP_TIME, server.tasks.wait()).await.is_err() {
        tracing::warn!("stopping although {} connections are busy", server.tasks.len());
        // Dropping what still runs records it as cancelled.
        server.give_up.cancel();
        server.tasks.wait().await;
    }
}

struct Server {
    router: Router,
    open: Open,
    tasks: TaskTracker,
    stop: CancellationToken,
    give_up: CancellationToken,
}

/// The open connections, oldest first.
struct Open {
    max: usize,
    all: Mutex<BTreeMap<u64, Arc<Connection>>>,
    /// Counts what happens on any connection, to tell which has been idle longest.
    clock: AtomicU64,
}

#[derive(Default)]
struct Connection {
    /// Calls under way. One who is only sending a request, or slowly taking an answer, is not at work.
    working: AtomicUsize,
    /// When something last happened, by [`Open::clock`].
    last: AtomicU64,
    end: CancellationToken,
}

impl Open {
    /// Enters a connection. When there are too many, the one that has been idle longest ends: silent sockets can't lock
    /// others out. `None` when all are at work.
    fn enter(&self, number: u64) -> Option<Arc<Connection>> {
        let connection = Arc::new(Connection::default());
        self.note(&connection);
        let mut all = self.all.lock().expect("no one panics while holding it");
        if all.len() >= self.max {
            let idle = all.iter().filter(|(_, other)| other.working.load(Ordering::Relaxed) == 0);
            let longest = idle.min_by_key(|(_, other)| other.last.load(Ordering::Relaxed)).map(|(number, _)| *number);
            match longest.and_then(|number| all.remove(&number)) {
                Some(idle) => idle.end.cancel(),
                None if all.len() >= self.max + RESERVE => return None,
                None => {}
            }
        }
        all.insert(number, connection.clone());
        Some(connection)
    }

    fn leave(&self, number: u64) {
        self.all.lock().expect("no one panics while holding it").remove(&number);
    }

    fn note(&self, connection: &Connection) {
        connection.last.store(self.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Server {
    fn start(self: Arc<Self>, number: u64, stream: TcpStream, peer: SocketAddr) {
        let Some(connection) = self.open.enter(number) else { return };
        let server = self.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = server.run(stream, peer, &connection) => {}
                () = connection.end.cancelled() => {}
                () = server.give_up.cancelled() => {}
            }
            server.open.leave(number);
        });
    }

    async fn run(&self, stream: TcpStream, peer: SocketAddr, connection: &Arc<Connection>) {
        // Small answers go out at once instead of waiting for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request: hyper::Request<Incoming>| answer(self, request, peer, connection));
        let http = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(StallTimeout::new(stream)), service)
            .with_upgrades();
        tokio::pin!(http);
        tokio::select! {
            _ = http.as_mut() => return,
            () = self.stop.cancelled() => http.as_mut().graceful_shutdown(),
        }
        let _ = http.await;
    }
}

/// Answers one request. A stream that answers a POST keeps its connection at work to its end.
async fn answer(
    server: &Server,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    connection: &Arc<Connection>,
) -> Result<Response, Infallible> {
    server.open.note(connection);
    let mut request: Request = request.map(Body::new);
    let posts = request.method() == Method::POST;
    let extensions = request.extensions_mut();
    extensions.insert(ConnectInfo(peer));
    extensions.insert(Stopping(server.stop.clone()));
    extensions.insert(connection.clone());
    let response = server.router.clone().oneshot(request).await?;
    server.open.note(connection);
    let is_stream = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == "text/event-stream");
    if !(posts && is_stream) {
        return Ok(response);
    }
    let until_answered = Working::on(connection.clone());
    Ok(response.map(|body| {
        Body::from_stream(body.into_data_stream().map(move |part| {
            let _ = &until_answered;
            part
        }))
    }))
}

/// Cancelled when the server stops, for streams that would otherwise go on.
#[derive(Clone)]
struct Stopping(CancellationToken);

/// What is cancelled when the server of a request stops.
pub(crate) fn stopping(request: &Extensions) -> CancellationToken {
    request.get::<Stopping>().map(|Stopping(stop)| stop.clone()).unwrap_or_default()
}

/// Marks a request's connection as one that is at work, which is not closed to make room for others.
pub(crate) struct Working(Option<Arc<Connection>>);

impl Working {
    /// From now until it is dropped; to be made once the key was right and the body is there.
    pub(crate) fn of(request: &Extensions) -> Self {
        request.get::<Arc<Connection>>().cloned().map_or(Self(None), Self::on)
    }

    fn on(connection: Arc<Connection>) -> Self {
        connection.working.fetch_add(1, Ordering::Relaxed);
        Self(Some(connection))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(connection) = &self.0 {
            connection.working.fetch_sub(1, Ordering::Relaxed);
        }
    }
}
