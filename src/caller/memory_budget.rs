//! What one call holds in memory, for those who work for it.

use super::{Limits, MemoryPermit};
use crate::error::Result;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// Counts the bytes that a call holds: files, output, answers. All who work for the call share it.
#[derive(Clone)]
pub struct MemoryBudget {
    caller: Arc<str>,
    limits: Arc<OnceLock<Arc<Limits>>>,
    held: Arc<Mutex<MemoryPermit>>,
}

impl MemoryBudget {
    /// Nothing yet, and without bounds until [`Self::within`].
    pub fn of(caller: &str) -> Self {
        Self { caller: caller.into(), limits: Arc::default(), held: Arc::default() }
    }

    /// Puts it within these limits; the first ones stay.
    pub fn within(&self, limits: &Arc<Limits>) {
        let _ = self.limits.set(limits.clone());
    }

    /// Says that this many bytes more are about to be held, and waits a while for other calls to give back theirs.
    /// They count until the answer is sent.
    ///
    /// # Errors
    /// [`crate::Error::TooLarge`] when it is more than there ever is, [`crate::Error::Unavailable`] when it was not
    /// there in time.
    pub async fn more(&self, bytes: u64) -> Result<()> {
        let Some(limits) = self.limits.get() else { return Ok(()) };
        let already = self.lock().bytes();
        let more = limits.hold(Some(&self.caller), already, bytes).await?;
        self.lock().join(more);
        Ok(())
    }

    /// The same for work on a blocking thread.
    ///
    /// # Errors
    /// As for [`Self::more`].
    pub fn wait_for_more(&self, bytes: u64) -> Result<()> {
        let Some(limits) = self.limits.get() else { return Ok(()) };
        match limits.try_hold(&self.caller, bytes) {
            Some(more) => self.lock().join(more),
            None => tokio::runtime::Handle::current().block_on(self.more(bytes))?,
        }
        Ok(())
    }

    /// Counts what was held for the same call before.
    pub fn join(&self, held: MemoryPermit) {
        self.lock().join(held);
    }

    /// How many bytes it holds.
    pub fn bytes(&self) -> u64 {
        self.lock().bytes()
    }

    /// Takes over what is held, to send the answer.
    pub fn take(&self) -> MemoryPermit {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, MemoryPermit> {
        self.held.lock().expect("no one panics while holding it")
    }
}
