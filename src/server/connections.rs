//! Connections: how many, how long they may be silent, and how they end at a stop.

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{Method, header::CONTENT_TYPE},
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
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// How long a client may take to send a request's head, or stay silent between requests.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long running requests may take to finish at a stop.
const STOP_TIME: Duration = Duration::from_secs(10);

/// How long accepting rests after the system refused a connection (out of descriptors).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is cancelled, then lets running requests finish, at most 10 s.
pub async fn serve(listener: TcpListener, router: Router, max_connections: usize, stop: CancellationToken) {
    let open = Open { max: max_connections.max(1), all: Mutex::default() };
    let server = Arc::new(Server { router, open, tasks: TaskTracker::new(), stop });
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
    }
}

struct Server {
    router: Router,
    open: Open,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// The open connections, oldest first.
struct Open {
    max: usize,
    all: Mutex<BTreeMap<u64, Arc<Connection>>>,
}

#[derive(Default)]
struct Connection {
    /// Requests under way.
    busy: AtomicUsize,
    end: CancellationToken,
}

impl Open {
    /// Enters a connection. When there are too many, the oldest that serves no request ends: silent sockets can't
    /// lock others out.
    fn enter(&self, number: u64) -> Arc<Connection> {
        let connection = Arc::new(Connection::default());
        let mut all = self.all.lock().expect("no one panics while holding it");
        if all.len() >= self.max {
            let idle = all.iter().find(|(_, other)| other.busy.load(Ordering::Relaxed) == 0).map(|(number, _)| *number);
            if let Some(oldest) = idle.and_then(|number| all.remove(&number)) {
                oldest.end.cancel();
            }
        }
        all.insert(number, connection.clone());
        connection
    }

    fn leave(&self, number: u64) {
        self.all.lock().expect("no one panics while holding it").remove(&number);
    }
}

impl Server {
    fn start(self: Arc<Self>, number: u64, stream: TcpStream, peer: SocketAddr) {
        let connection = self.open.enter(number);
        let server = self.clone();
        self.tasks.spawn(async move {
            server.run(stream, peer, &connection).await;
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
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::pin!(http);
        tokio::select! {
            _ = http.as_mut() => return,
            () = connection.end.cancelled() => return,
            () = self.stop.cancelled() => http.as_mut().graceful_shutdown(),
        }
        let _ = http.await;
    }
}

/// Answers one request. A stream that answers a POST keeps its connection busy to its end: it is work under way.
async fn answer(
    server: &Server,
    request: hyper::Request<Incoming>,
    peer: SocketAddr,
    connection: &Arc<Connection>,
) -> Result<Response, Infallible> {
    connection.busy.fetch_add(1, Ordering::Relaxed);
    let until_answered = Busy(connection.clone());
    let mut request: Request = request.map(Body::new);
    let posts = request.method() == Method::POST;
    request.extensions_mut().insert(axum::extract::ConnectInfo(peer));
    request.extensions_mut().insert(Stopping(server.stop.clone()));
    let response = server.router.clone().oneshot(request).await?;
    let is_stream = response.headers().get(CONTENT_TYPE).is_some_and(|value| value == "text/event-stream");
    if !(posts && is_stream) {
        return Ok(response);
    }
    Ok(response.map(|body| {
        Body::from_stream(body.into_data_stream().map(move |part| {
            let _ = &until_answered;
            part
        }))
    }))
}

/// Cancelled when the server stops, for streams that would else go on.
#[derive(Clone)]
pub struct Stopping(pub CancellationToken);

struct Busy(Arc<Connection>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}
