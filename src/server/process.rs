//! The server as a process: its log and the signals that stop it.

use crate::settings::Settings;
use anyhow::Context;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Sends the log to standard error, at `level` for the bridge and at `warn` for its libraries.
pub fn log_to_stderr(level: &str) {
    let filter = EnvFilter::new(format!("warn,skynet_bridge={level}"));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    // A second call finds a subscriber in place: the first one stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(terminal)
        .with_writer(std::io::stderr)
        .try_init();
}

/// Takes the address and port of the settings.
///
/// # Errors
/// When they cannot be had; the message says what to do.
pub async fn listen(settings: &Settings) -> anyhow::Result<TcpListener> {
    let (host, port) = (settings.host.as_str(), settings.port);
    TcpListener::bind((host, port)).await.with_context(|| {
        format!("cannot listen on {host}:{port}: is another server running there? Choose another with --port")
    })
}

/// Cancelled by SIGINT or SIGTERM (Ctrl-C elsewhere).
pub fn stop_signal() -> CancellationToken {
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        wait().await;
        tracing::info!("stopping");
        token.cancel();
    });
    stop
}

#[cfg(unix)]
async fn wait() {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM can be listened to");
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

#[cfg(not(unix))]
async fn wait() {
    let _ = tokio::signal::ctrl_c().await;
}
