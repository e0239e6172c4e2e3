//! How many commands run at once.

use crate::error::{Error, Result};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How long a command waits for its turn.
const TIMEOUT: Duration = Duration::from_secs(30);

/// When a caller that was sent away may try again.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The turns that there are.
pub(crate) struct Turns {
    free: Semaphore,
    count: usize,
}

impl Turns {
    /// Lets `count` commands run at once, and at least one.
    pub(crate) fn new(count: usize) -> Self {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        Self { free: Semaphore::new(count), count }
    }

    /// Waits for a turn, at most 30 s. First come, first served; who goes away leaves the queue.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none came free.
    pub(crate) async fn take(&self) -> Result<SemaphorePermit<'_>> {
        match tokio::time::timeout(TIMEOUT, self.free.acquire()).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_closed)) => Err(Error::Cancelled),
            Err(_elapsed) => Err(Error::Unavailable {
                message: format!(
                    "{} commands are running and none ended within 30 s: try again later, or raise \
                     MAX_CONCURRENT_COMMANDS",
                    self.count
                ),
                retry_after: Some(RETRY_AFTER),
            }),
        }
    }

    /// Gives no further turn.
    pub(crate) fn close(&self) {
        self.free.close();
    }
}
