//! The server as a process: its log and the signals that stop it.

use crate::arguments::clean;
use std::{
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// How many lines may wait for whoever reads the log; more are dropped.
const MAX_LINES: usize = 4096;

/// How long the end of the process waits for the log's last lines to be taken.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Sends the log to standard error, at `level` for the bridge and at `warn` for its libraries. The MCP library warns of
/// each request that is refused; the caller has been told. Nobody waits for who
/// reads it: a pipe that is full, or a terminal that is paused, must not stop the bridge. Keep the guard to the end.
pub fn log_to_stderr(level: &str) -> LogGuard {
    let filter = EnvFilter::new(format!("warn,rmcp=error,skynet_bridge={level}"));
    let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let (lines, waiting) = sync_channel::<Vec<u8>>(MAX_LINES);
    let (done, finished) = sync_channel(0);
    // What looks like a secret is taken out here, where nobody waits for it.
    std::thread::spawn(move || {
        for line in waiting {
            // A log that nobody can read is no reason to stop.
            let _ = std::io::stderr().write_all(clean(&String::from_utf8_lossy(&line), &[]).as_bytes());
        }
        drop(done);
    });
    let lines = Arc::new(Mutex::new(Some(lines)));
    // A second call finds a subscriber in place: the first one stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(terminal)
        .with_writer({
            let lines = lines.clone();
            move || LogLine { lines: lines.clone() }
        })
        .try_init();
    LogGuard { lines, finished }
}

type Lines = Arc<Mutex<Option<SyncSender<Vec<u8>>>>>;

/// Writes the last lines of the log when it is dropped, as far as someone takes them within a second.
pub struct LogGuard {
    lines: Lines,
    finished: Receiver<()>,
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        *self.lines.lock().unwrap_or_else(PoisonError::into_inner) = None;
        // Nothing is ever sent: the end of the writer ends the wait.
        let _ = self.finished.recv_timeout(LAST_LINES);
    }
}

/// Hands one line over to the thread that writes.
struct LogLine {
    lines: Lines,
}

impl Write for LogLine {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        if let Some(lines) = self.lines.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // Dropped when too many wait.
            let _ = lines.try_send(line.to_owned());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Gives large blocks back to the system as soon as they are free. The C library would else raise the size from which
/// it does so to that of the largest block seen, and keep what was freed below it.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// In bytes; smaller blocks are reused quickly.
        const LARGE: libc::c_int = 2 * 1024 * 1024;
        // SAFETY: it sets a number of the allocator, and is called before there are other threads.
        #[expect(unsafe_code, reason = "no safe interface sets it")]
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        }
    }
}

/// Lets the process have as many open files as the system allows it: each connection is one, and the usual 1024 are
/// fewer than the connections that are allowed.
pub fn raise_open_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
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
