//! When the index files are written.

use super::publisher::{Published, Publisher};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

/// The files follow a change within this, however busy the memory is.
const LATEST: Duration = Duration::from_secs(2);

/// Changes that come together are written together.
const EARLIEST: Duration = Duration::from_millis(50);

/// Writing takes at most one part in so many of the time.
const SHARE: u32 = 10;

/// How long to wait before trying again what the disk refused.
const RETRY: Duration = Duration::from_secs(1);

/// The thread that writes them.
pub struct Schedule {
    publisher: Arc<Publisher>,
    /// How long the last writing took, and when it was over.
    last: (Duration, Instant),
    failing: bool,
}

impl Schedule {
    /// For a state.
    pub fn new(publisher: Arc<Publisher>) -> Self {
        Self { publisher, last: (Duration::ZERO, Instant::now()), failing: false }
    }

    /// Writes after each change until nobody can tell of one, and then once more.
    pub fn run(mut self, changes: &Receiver<()>) {
        let mut open = true;
        while open {
            let failed = self.failing || self.publisher.is_behind();
            open = match if failed { changes.recv_timeout(RETRY) } else { changes.recv().map_err(Into::into) } {
                Ok(()) => self.gather(changes),
                Err(RecvTimeoutError::Timeout) => true,
                Err(RecvTimeoutError::Disconnected) => false,
            };
            self.write();
        }
    }

    /// Waits as long as is good for all; false when nobody can tell of a change any more.
    fn gather(&self, changes: &Receiver<()>) -> bool {
        let (took, ended) = self.last;
        let due = (ended + took * SHARE).max(Instant::now() + EARLIEST).min(Instant::now() + LATEST);
        loop {
            match changes.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return true,
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    fn write(&mut self) {
        let start = Instant::now();
        match self.publisher.publish() {
            // An edit lies there: the next request reads it, and tells of it here.
            Ok(Published::Done | Published::Edited) => self.failing = false,
            Err(error) => {
                if !self.failing {
                    tracing::warn!(%error, "memory/index_memory.json cannot be written now; the journal has every change");
                }
                self.failing = true;
            }
        }
        self.last = (start.elapsed(), Instant::now());
    }
}
