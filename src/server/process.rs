//! The server as a process: its log and the signals that stop it.

use crate::arguments::clean;
use std::{
    ffi::OsString,
    io::Write,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
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
    let terminal = shows_colours(&std::io::stderr());
    let (lines, waiting) = sync_channel::<Entry>(MAX_LINES);
    let (done, finished) = sync_channel(0);
    // What looks like a secret is taken out here, where nobody waits for it.
    std::thread::spawn(move || {
        for entry in waiting {
            let line = match entry {
                Entry::Line(line) => line,
                Entry::Mark(reached) => {
                    drop(reached);
                    continue;
                }
            };
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

/// Whether what is written there may have colours: a terminal that shows them, whose person has not declined them
/// (`NO_COLOR`, see no-color.org).
fn shows_colours(stream: &impl std::io::IsTerminal) -> bool {
    stream.is_terminal() && may_colour(std::env::var_os("NO_COLOR"), std::env::var_os("TERM"))
}

fn may_colour(no_color: Option<OsString>, term: Option<OsString>) -> bool {
    no_color.is_none_or(|value| value.is_empty()) && term.is_none_or(|term| term != "dumb")
}

/// What goes to the thread that writes.
enum Entry {
    Line(Vec<u8>),
    /// Dropped when all before it is written.
    Mark(SyncSender<()>),
}

type Lines = Arc<Mutex<Option<SyncSender<Entry>>>>;

/// Writes the last lines of the log when it is dropped, as far as someone takes them within a second.
pub struct LogGuard {
    lines: Lines,
    finished: Receiver<()>,
}

impl LogGuard {
    /// Waits until what was logged so far is written, as far as someone takes it within a second.
    pub fn settle(&self) {
        let (mark, reached) = sync_channel(0);
        if let Some(lines) = self.lines.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            let _ = lines.try_send(Entry::Mark(mark));
        }
        // Nothing is ever sent: the end of the mark ends the wait.
        let _ = reached.recv_timeout(LAST_LINES);
    }
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
            let _ = lines.try_send(Entry::Line(line.to_owned()));
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Gives large blocks back to the system as soon as they are free. The C library would otherwise raise the size from which
/// it does so to that of the largest block seen, and keep what was freed below it.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        /// In bytes; smaller blocks are reused quickly.
        const LARGE: libc::c_int = 2 * 1024 * 1024;
        /// How many separate heaps threads share. The usual eight for each processor keep what each of them once held: with two,
        /// 11 MiB less are kept after a load, at the same speed (docs/performance.md).
        const HEAPS: libc::c_int = 2;
        // SAFETY: it sets numbers of the allocator, and is called before there are other threads.
        #[expect(unsafe_code, reason = "no safe interface sets it")]
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
            libc::mallopt(libc::M_ARENA_MAX, HEAPS);
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

/// Two signals nearer to each other than this are one: what starts the bridge passes on the Ctrl-C that the terminal sent
/// to both.
const ECHO: Duration = Duration::from_millis(200);

/// What asks the process to stop.
#[derive(Clone, Debug, Default)]
pub struct StopSignals {
    /// Cancelled by the first SIGINT (Ctrl-C), SIGTERM or SIGHUP: what runs may finish.
    pub stop: CancellationToken,
    /// Cancelled by a second SIGINT or SIGTERM: everything ends.
    pub at_once: CancellationToken,
}

/// Listens from now on.
pub fn stop_signals() -> StopSignals {
    let signals = StopSignals::default();
    let (asked, mut system) = (signals.clone(), SystemSignals::listen());
    tokio::spawn(async move {
        system.first().await;
        tracing::info!("stopping: what runs has 10 s to finish; press Ctrl-C again to end it at once");
        asked.stop.cancel();
        tokio::time::sleep(ECHO).await;
        system.again().await;
        asked.at_once.cancel();
    });
    signals
}

#[cfg(unix)]
struct SystemSignals {
    interrupt: Signal,
    terminate: Signal,
    /// `None` where hanging up was ignored at the start: that is how `nohup` says that the bridge is to stay.
    hang_up: Option<Signal>,
}

#[cfg(unix)]
impl SystemSignals {
    fn listen() -> Self {
        let listen = |kind| signal(kind).expect("signals can be listened to");
        let hang_up = (!is_ignored(libc::SIGHUP)).then(|| listen(SignalKind::hangup()));
        Self { interrupt: listen(SignalKind::interrupt()), terminate: listen(SignalKind::terminate()), hang_up }
    }

    async fn first(&mut self) {
        let Self { interrupt, terminate, hang_up } = self;
        let hung_up = async {
            match hang_up {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = hung_up => {}
        }
    }

    /// What came since the first one and is its echo does not count.
    async fn again(&mut self) {
        let (interrupt, terminate) = (&mut self.interrupt, &mut self.terminate);
        for signal in [&mut *interrupt, &mut *terminate] {
            let _ = futures::FutureExt::now_or_never(signal.recv());
        }
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

/// Whether the process was started with a signal ignored.
#[cfg(unix)]
fn is_ignored(signal: libc::c_int) -> bool {
    // SAFETY: sigaction(2) with no new action only writes the present one to memory that is ours; zeroes are a valid one.
    #[expect(unsafe_code, reason = "no safe interface tells how a signal is handled")]
    unsafe {
        let mut present: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut present) == 0 && present.sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(not(unix))]
struct SystemSignals;

#[cfg(not(unix))]
impl SystemSignals {
    fn listen() -> Self {
        Self
    }

    async fn first(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }

    async fn again(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

#[cfg(test)]
mod tests {
    use super::may_colour;

    #[test]
    fn colours_are_left_out_for_no_color_and_a_dumb_terminal() {
        let may =
            |no_color: Option<&str>, term: Option<&str>| may_colour(no_color.map(Into::into), term.map(Into::into));
        assert!(may(None, Some("xterm")) && may(Some(""), Some("xterm")) && may(None, None));
        assert!(!may(Some("1"), Some("xterm")) && !may(None, Some("dumb")));
    }
}
