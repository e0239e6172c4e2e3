//! `memory/.control`: the socket by which the person's command line comes. Who comes by it shows the owner's token with each
//! request, and may then use every route of the bridge, as the person.

use super::not_the_person;
use crate::{
    bridge::Bridge,
    caller::Caller,
    control::{PASSPHRASE_HEADER, TOKEN_HEADER, passphrase_from_header},
    server::{auth::Proven, local_socket},
};
use axum::{Router, body::Body, extract::Request, response::IntoResponse};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{convert::Infallible, io, path::Path, sync::Arc, time::Duration};
use tokio::{net::UnixStream, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The socket's name in the folder.
const NAME: &str = ".control";

/// How long a client may take to send a request's head.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The open socket.
pub(crate) struct ControlSocket {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl ControlSocket {
    /// Serves `router` there. Where there can be no socket (a file system without them), this says so in the log, and the
    /// command line cannot rule a bridge that runs.
    pub(crate) fn open(bridge: &Arc<Bridge>, router: Router) -> Option<Self> {
        let listener = match local_socket::listen(bridge.folder(), NAME) {
            Ok(listener) => listener,
            Err(error) => {
                tracing::warn!(%error, "no control socket: `mcp-server pause` and the like cannot reach this bridge");
                return None;
            }
        };
        let stop = CancellationToken::new();
        let (bridge, ended) = (bridge.clone(), stop.clone());
        let task = tokio::spawn(async move {
            let welcome = |stream| serve(stream, bridge.clone(), router.clone(), ended.clone());
            tokio::select! {
                () = local_socket::accept(listener, "control", &ended, welcome) => {}
                () = notify(&bridge) => {}
            }
        });
        Some(Self { stop, task })
    }

    /// Sends those away who came in by it.
    pub(crate) async fn close(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

/// Tells the person that questions wait who could answer them here, where that is wanted.
#[cfg_attr(not(feature = "notifications"), expect(unused_variables, reason = "a lean build has none"))]
async fn notify(bridge: &Bridge) {
    #[cfg(feature = "notifications")]
    if bridge.settings.notifications {
        super::notifier::notify(&bridge.services().control.approvals).await;
    }
    std::future::pending::<()>().await;
}

async fn serve(stream: UnixStream, bridge: Arc<Bridge>, router: Router, stop: CancellationToken) {
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let (bridge, router) = (bridge.clone(), router.clone());
        async move {
            let mut request: Request = request.map(Body::new);
            let token = request.headers_mut().remove(TOKEN_HEADER);
            let token = token.as_ref().and_then(|token| token.to_str().ok()).unwrap_or_default();
            if !bridge.person.has_token(token) {
                return Ok::<_, Infallible>(not_the_person().into_response());
            }
            let passphrase = request.headers_mut().remove(PASSPHRASE_HEADER);
            let passphrase = passphrase.map(|header| passphrase_from_header(header.as_bytes()));
            request.extensions_mut().insert(Proven { person: Caller::person(), passphrase });
            router.oneshot(request).await
        }
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::select! {
        _ = http => {}
        () = stop.cancelled() => {}
    }
}

/// Knocks at the socket of a folder's bridge.
///
/// # Errors
/// When nobody listens there.
pub(crate) async fn connect(folder: &Path) -> io::Result<UnixStream> {
    local_socket::connect(folder, NAME).await
}
