//! One process, running or over.

use super::{
    log::{Log, Piece},
    running::Running,
    screen::Shown,
};
use crate::{
    blocking::blocking,
    clock,
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::sync::watch;

/// How long a process may take to end by itself once it was asked to.
pub(crate) const STOP_TIME: Duration = Duration::from_secs(3);

/// Where a process is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It runs.
    Running,
    /// It ended by itself; a negative exit code is the signal that ended it.
    Exited,
    /// It was stopped: by terminal_stop, or by the bridge's own end.
    Stopped,
    /// The bridge was killed while it ran; how it ended is not known.
    Lost,
}

/// What never changes of a process, as it is kept on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Record {
    /// Its number since the folder was made.
    pub number: u64,
    /// What was run, without the secrets in it.
    pub command: String,
    /// Where.
    pub cwd: String,
    /// Whether it has a terminal.
    pub pty: bool,
    /// Who started it.
    pub caller: String,
    /// Whether it runs since the person said yes: what is typed into it is judged as a command then.
    #[serde(skip)]
    pub is_approved: bool,
    /// When it began.
    pub started: String,
    /// Its process id.
    pub pid: u32,
}

impl Record {
    /// The name that callers use.
    pub fn id(&self) -> String {
        format!("proc_{}", self.number)
    }
}

/// How a process ended, as it is kept on disk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ending {
    /// Not [`Status::Running`].
    pub status: Status,
    /// Its exit code, negative for a signal, where it is known.
    pub exit_code: Option<i32>,
    /// Whether it, or a process of it, was ended for taking more memory than it may.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub memory_exceeded: bool,
    /// When, in local time.
    pub ended: String,
    /// When, in seconds since 1970: its age is reckoned from it.
    pub ended_at: u64,
}

impl Ending {
    /// An end that happens now.
    pub fn now(status: Status, exit_code: Option<i32>) -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { status, exit_code, memory_exceeded: false, ended: clock::timestamp(), ended_at: since.as_secs() }
    }

    /// How long ago it was.
    pub fn age(&self) -> Duration {
        let ended = SystemTime::UNIX_EPOCH + Duration::from_secs(self.ended_at);
        SystemTime::now().duration_since(ended).unwrap_or_default()
    }
}

/// What changes of a process; watchers are woken by each change.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The cursor of the next byte of output.
    pub end: u64,
    /// Columns and rows of its terminal.
    pub size: Option<(u16, u16)>,
    /// How it ended; `None` while it runs.
    pub ending: Option<Ending>,
}

impl State {
    /// Where it is in its life.
    pub fn status(&self) -> Status {
        self.ending.as_ref().map_or(Status::Running, |ending| ending.status)
    }

    /// Whether it was ended for taking more memory than it may.
    pub fn has_exceeded_memory(&self) -> bool {
        self.ending.as_ref().is_some_and(|ending| ending.memory_exceeded)
    }

    /// Its exit code, once it is over and where it is known.
    pub fn exit_code(&self) -> Option<i32> {
        self.ending.as_ref().and_then(|ending| ending.exit_code)
    }
}

/// One process.
pub struct Process {
    /// What never changes.
    pub record: Record,
    /// What it wrote.
    pub log: Arc<Log>,
    state: watch::Sender<State>,
    running: Mutex<Option<Arc<Running>>>,
    /// What was on its screen at its end.
    last_screen: OnceLock<Shown>,
    asked_to_stop: AtomicBool,
}

impl Process {
    /// A process that begins.
    pub fn begun(record: Record, log: Arc<Log>, state: watch::Sender<State>, running: Arc<Running>) -> Arc<Self> {
        let running = Mutex::new(Some(running));
        Arc::new(Self {
            record,
            log,
            state,
            running,
            last_screen: OnceLock::new(),
            asked_to_stop: AtomicBool::new(false),
        })
    }

    /// A process of an earlier server.
    pub fn past(record: Record, log: Arc<Log>, ending: Ending) -> Arc<Self> {
        let state = State { end: log.span().1, size: None, ending: Some(ending) };
        Arc::new(Self {
            record,
            log,
            state: watch::Sender::new(state),
            running: Mutex::new(None),
            last_screen: OnceLock::new(),
            asked_to_stop: AtomicBool::new(true),
        })
    }

    /// Its state now.
    pub fn state(&self) -> State {
        self.state.borrow().clone()
    }

    /// Its state, to be woken by each change.
    pub fn subscribe(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Its living part.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it is over.
    pub fn running(&self) -> Result<Arc<Running>> {
        let running = self.running.lock().expect("no one panics while holding it").clone();
        running.ok_or_else(|| {
            let state = self.state();
            let code = state.exit_code().map(|code| format!(" with exit code {code}")).unwrap_or_default();
            Error::Conflict(format!("{} is over{code}: start it again", self.record.id()))
        })
    }

    /// Waits for the end of its program and notes it. To be awaited once, by the task that looks after it.
    pub async fn finish(&self) -> Option<Ending> {
        let running = self.running().ok()?;
        let code = running.finish().await;
        let stopped = self.asked_to_stop.load(Ordering::Relaxed);
        let ending = Ending::now(if stopped { Status::Stopped } else { Status::Exited }, code);
        let ending = Ending { memory_exceeded: running.has_exceeded_memory(), ..ending };
        if let Some(shown) = running.shown() {
            let _ = self.last_screen.set(shown);
        }
        self.running.lock().expect("no one panics while holding it").take();
        self.state.send_modify(|state| {
            state.end = self.log.span().1;
            state.ending = Some(ending.clone());
        });
        self.log.settle();
        Some(ending)
    }

    /// Asks the whole tree to end, and ends it after 3 s. Returns whether it had to be killed.
    pub async fn stop(&self) -> bool {
        let Ok(running) = self.running() else { return false };
        self.asked_to_stop.store(true, Ordering::Relaxed);
        running.terminate();
        if self.ends_within(STOP_TIME).await {
            return false;
        }
        running.kill().await;
        // Nothing outlives SIGKILL but a call that hangs in the kernel.
        self.ends_within(STOP_TIME).await;
        true
    }

    /// Changes the size of its terminal and tells the watchers.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it has none or is over.
    pub fn resize(&self, columns: u16, rows: u16) -> Result<()> {
        self.running()?.resize(columns, rows)?;
        self.state.send_modify(|state| state.size = Some((columns, rows)));
        Ok(())
    }

    /// What is on its screen, or was at its end.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it has no terminal, or its screen is not kept.
    pub fn shown(&self) -> Result<Shown> {
        if !self.record.pty {
            return Err(Error::Conflict("It has no screen: start it with pty: true".into()));
        }
        let running = self.running.lock().expect("no one panics while holding it").clone();
        let shown = running.and_then(|running| running.shown()).or_else(|| self.last_screen.get().cloned());
        shown.ok_or_else(|| {
            Error::Conflict("Its screen is not kept, only its output: it is too large, or of an earlier server".into())
        })
    }

    /// Waits until `condition` holds or `limit` is over; says whether it holds.
    pub async fn reaches(&self, limit: Duration, condition: impl FnMut(&State) -> bool) -> bool {
        let mut state = self.subscribe();
        matches!(tokio::time::timeout(limit, state.wait_for(condition)).await, Ok(Ok(_)))
    }

    async fn ends_within(&self, limit: Duration) -> bool {
        self.reaches(limit, |state| state.ending.is_some()).await
    }

    /// The cursor that a caller means: the oldest byte that is kept without one, from the end when it is negative.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a cursor that the process has not reached.
    pub fn cursor(&self, asked: Option<i64>) -> Result<u64> {
        let (start, end) = self.log.span();
        let cursor = match asked {
            None => start,
            Some(back) if back < 0 => end.saturating_sub(back.unsigned_abs()).max(start),
            Some(cursor) => cursor.unsigned_abs(),
        };
        if cursor > end {
            let message = format!("{cursor} is past the end of the output, {end}: give the cursor of the last reply");
            return Err(Error::invalid("cursor", message));
        }
        Ok(cursor)
    }

    /// Reads its output: the last of it from memory, else from the disk on a blocking thread.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn read(&self, cursor: u64, max: usize) -> Result<Piece> {
        if let Some(piece) = self.log.recent(cursor, max) {
            return Ok(piece);
        }
        let log = self.log.clone();
        Ok(blocking(move || log.read(cursor, max)).await??)
    }
}
