//! Containers that are started before they are asked for. Each waits for one plan, does it and is removed: none is ever
//! used twice.

use super::{
    container::{self, Spec, Started},
    engine::Engine,
    launcher,
    limits::Limits,
};
use crate::{error::Result, settings::Settings};
use futures::{FutureExt, StreamExt};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// How long a run can need its container beyond its timeout: making it, and bringing files in and out.
const MARGIN: Duration = Duration::from_secs(300);

/// How long a refill waits for runs to end.
const PAUSE_UNDER_LOAD: Duration = Duration::from_millis(500);

/// A container that waits for its plan.
pub(super) struct Waiting {
    pub started: Started,
    /// The line that ends its plan.
    pub end: String,
    since: Instant,
}

/// The containers that wait.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Arc<Engine>,
    limits: Limits,
    image: String,
    size: usize,
    idle: Duration,
    ready: Mutex<Ready>,
    /// Runs under way: the pool is refilled when there are none.
    busy: AtomicUsize,
    /// Told when a run takes a container and when it ends.
    changed: Notify,
}

#[derive(Default)]
struct Ready {
    waiting: VecDeque<Waiting>,
    /// Whether the task that fills the pool and empties it again is there.
    tended: bool,
    /// Whether a run has come since that task last looked: it must not end then.
    asked: bool,
    closed: bool,
}

/// A run under way.
pub(super) struct Busy(Arc<Shared>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_one();
    }
}

impl Pool {
    /// An empty pool: it fills after the first run, so that who never uses the sandbox never has containers.
    pub(crate) fn new(engine: &Arc<Engine>, limits: &Limits, settings: &Settings) -> Self {
        Self {
            shared: Arc::new(Shared {
                engine: engine.clone(),
                limits: limits.clone(),
                image: settings.sandbox_image.to_string(),
                size: settings.sandbox_pool_size,
                idle: Duration::from_secs(settings.sandbox_pool_idle_seconds),
                ready: Mutex::default(),
                busy: AtomicUsize::new(0),
                changed: Notify::new(),
            }),
        }
    }

    /// Announces a run: until it ends, the pool leaves the engine to it.
    pub(crate) fn enter(&self) -> Busy {
        self.shared.busy.fetch_add(1, Ordering::Relaxed);
        Busy(self.shared.clone())
    }

    /// A container for one run: one that waits, or else a new one.
    ///
    /// # Errors
    /// When none can be started.
    pub(crate) async fn take(&self, image: Option<&str>) -> Result<Waiting> {
        if image.is_some_and(|image| image != self.shared.image) {
            return self.shared.start(image.unwrap_or_default()).await;
        }
        let taken = match self.shared.pop() {
            Some(ready) => ready,
            None => self.shared.start(&self.shared.image).await?,
        };
        Shared::tend(&self.shared);
        Ok(taken)
    }

    /// Lets go of all that wait, for instance because their image has been built anew.
    pub(crate) fn clear(&self) {
        self.shared.ready.lock().expect("no one panics while holding it").waiting.clear();
    }

    /// Lets go of all for good.
    pub(crate) fn close(&self) {
        let mut ready = self.shared.ready.lock().expect("no one panics while holding it");
        ready.closed = true;
        ready.waiting.clear();
        drop(ready);
        self.shared.changed.notify_one();
    }
}

impl Shared {
    async fn start(&self, image: &str) -> Result<Waiting> {
        let (command, end) = launcher::waiting();
        let lifetime = self.idle + Duration::from_secs(super::limits::MAX_TIMEOUT) + MARGIN;
        let spec = Spec { image: image.to_owned(), purpose: "run", command, environment: vec![], lifetime };
        let started = container::start(&self.engine, &self.limits, spec).await?;
        Ok(Waiting { started, end, since: Instant::now() })
    }

    /// The newest that is still alive. One that died (the engine was restarted) has ended its stream.
    fn pop(&self) -> Option<Waiting> {
        let mut ready = self.ready.lock().expect("no one panics while holding it");
        while let Some(mut waiting) = ready.waiting.pop_back() {
            if waiting.started.output.next().now_or_never().is_none() {
                return Some(waiting);
            }
        }
        None
    }

    /// Sees to it that someone fills the pool, and empties it when nothing has run for the idle time.
    fn tend(shared: &Arc<Self>) {
        shared.changed.notify_one();
        let mut ready = shared.ready.lock().expect("no one panics while holding it");
        ready.asked = true;
        if shared.size > 0 && !ready.tended && !ready.closed {
            ready.tended = true;
            let keeper = shared.clone();
            shared.engine.tasks.spawn(async move { keeper.keep().await });
        }
    }

    /// Whether a container may be started now: no run is under way, or those that are have gone on for a while.
    async fn is_quiet(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0
            || tokio::time::timeout(PAUSE_UNDER_LOAD, self.changed.notified()).await.is_err()
    }

    /// Fills the pool until nothing runs any more or the engine is gone, and empties it then.
    async fn keep(&self) {
        loop {
            self.fill().await;
            let mut ready = self.ready.lock().expect("no one panics while holding it");
            if !ready.asked || ready.closed {
                ready.tended = false;
                ready.waiting.clear();
                break;
            }
        }
    }

    /// One container is started at a time, and runs come first: a refill never slows them down.
    async fn fill(&self) {
        let mut last_use = Instant::now();
        loop {
            let (count, closed) = {
                let mut ready = self.ready.lock().expect("no one panics while holding it");
                ready.asked = false;
                (ready.waiting.len(), ready.closed)
            };
            if closed {
                break;
            }
            if count < self.size {
                if self.is_quiet().await {
                    match self.start(&self.image).await {
                        Ok(waiting) => self.put(waiting),
                        // The image or the engine is gone: the next run will tell why, and wake another keeper.
                        Err(cause) => break tracing::debug!(%cause, "the pool is not filled"),
                    }
                }
                last_use = Instant::now();
                continue;
            }
            let wake = tokio::time::timeout_at(last_use + self.idle, self.changed.notified()).await;
            if wake.is_ok() || self.busy.load(Ordering::Relaxed) > 0 {
                last_use = Instant::now();
            } else {
                break;
            }
        }
    }

    fn put(&self, waiting: Waiting) {
        let mut ready = self.ready.lock().expect("no one panics while holding it");
        if !ready.closed && ready.waiting.len() < self.size {
            tracing::debug!(after = ?waiting.since.elapsed(), "a container waits");
            ready.waiting.push_back(waiting);
        }
    }
}
