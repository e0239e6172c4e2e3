//! What a search holds in memory: counted like what is read, and given back as the search lets go of it.

use crate::{
    caller::MemoryBudget,
    error::{Error, Result},
};
use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// How many bytes are asked for at once; less than this is not counted.
const STEP: u64 = 256 * 1024;

/// How many bytes an entry of a list takes beside its text.
pub(crate) const ENTRY: u64 = 96;

/// The room that a search has; its threads share it.
pub(crate) struct Budget {
    holding: MemoryBudget,
    runtime: Handle,
    cancelled: CancellationToken,
    used: AtomicU64,
    /// What is held, and what a thread still waits for.
    asked: AtomicU64,
    /// Why there was no more, the last time.
    refusal: Mutex<Option<Error>>,
    is_full: AtomicBool,
}

impl Budget {
    /// Room out of what a call may hold. Called within the runtime.
    pub(crate) fn new(holding: MemoryBudget, cancelled: &CancellationToken) -> Self {
        Self {
            holding,
            runtime: Handle::current(),
            cancelled: cancelled.clone(),
            used: AtomicU64::new(0),
            asked: AtomicU64::new(STEP),
            refusal: Mutex::default(),
            is_full: AtomicBool::new(false),
        }
    }

    /// Takes this many bytes, and waits a while for other calls to give back theirs. Where there are none the search is
    /// over: [`Self::is_full`] says so to all its threads. Not to be called with a lock that others need.
    pub(crate) fn take(&self, bytes: u64) {
        if !self.may_take(bytes) {
            self.used.fetch_add(bytes, Ordering::Relaxed);
            self.is_full.store(true, Ordering::Relaxed);
        }
    }

    /// The same for what the search can do without; false where there is no room for it, and then nothing is taken.
    pub(crate) fn may_take(&self, bytes: u64) -> bool {
        let used = self.used.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let has_room = used <= self.asked.load(Ordering::Relaxed) || self.ask();
        if !has_room {
            self.give_back(bytes);
        }
        has_room
    }

    /// Asks for what is lacking and no other thread asks for yet, and waits for it without holding up the others.
    fn ask(&self) -> bool {
        let mut more = 0;
        let claim = |asked: u64| {
            let lacking = self.used.load(Ordering::Relaxed).saturating_sub(asked);
            more = STEP.max(lacking);
            (lacking > 0).then_some(asked + more)
        };
        if self.asked.fetch_update(Ordering::Relaxed, Ordering::Relaxed, claim).is_err() {
            return true;
        }
        // Without success once, there is none.
        let got = if self.is_full() { Ok(false) } else { self.wait_for(more).map(|()| true) };
        if matches!(got, Ok(true)) {
            return true;
        }
        self.asked.fetch_sub(more, Ordering::Relaxed);
        if let Err(error) = got {
            tracing::debug!(%error, "a search has no room for {more} bytes more");
            *self.refusal.lock().expect("no one panics while holding it") = Some(error);
        }
        false
    }

    fn wait_for(&self, bytes: u64) -> Result<()> {
        self.runtime.block_on(async {
            tokio::select! {
                asked = self.holding.more(bytes) => asked,
                () = self.cancelled.cancelled() => Err(Error::Cancelled),
            }
        })
    }

    /// Gives back what was taken.
    pub(crate) fn give_back(&self, bytes: u64) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Whether there was no room for all of it.
    pub(crate) fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Fails when there was no room for all of it.
    pub(crate) fn finish(self) -> Result<()> {
        let refusal = self.refusal.into_inner().expect("no one panics while holding it");
        refusal.filter(|_| self.is_full.into_inner()).map_or(Ok(()), Err)
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, STEP};
    use crate::{
        caller::{Limits, MemoryBudget},
        error::Error,
        settings::Settings,
    };
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn what_is_given_back_can_be_taken_again_and_more_than_there_is_ends_the_search() {
        let settings = [("MCP_MAX_BUFFERED_MIB", "2"), ("MCP_MAX_REQUEST_MIB", "2")];
        let limits = Arc::new(Limits::new(&Settings::from_pairs(settings).unwrap()));
        let holding = MemoryBudget::of("a");
        holding.within(&limits);
        let done = tokio::task::spawn_blocking(move || {
            let room = Budget::new(holding, &CancellationToken::new());
            for _ in 0..100 {
                room.take(4 * STEP);
                room.give_back(4 * STEP);
            }
            assert!(!room.is_full());
            room.take(3 << 20);
            assert!(room.is_full());
            assert!(matches!(room.finish(), Err(Error::TooLarge(_))));
        });
        done.await.unwrap();
    }

    #[tokio::test]
    async fn who_waits_for_room_holds_up_nobody_who_has_some_and_ends_with_the_call() {
        let settings = [("MCP_MAX_BUFFERED_MIB", "2"), ("MCP_MAX_REQUEST_MIB", "2")];
        let limits = Arc::new(Limits::new(&Settings::from_pairs(settings).unwrap()));
        let _all_of_it = limits.hold(Some("b"), 0, 2 << 20).await.unwrap();
        let holding = MemoryBudget::of("a");
        holding.within(&limits);
        let done = tokio::task::spawn_blocking(move || {
            let cancelled = CancellationToken::new();
            let room = Budget::new(holding, &cancelled);
            let started = Instant::now();
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| room.take(4 * STEP));
                while room.used.load(std::sync::atomic::Ordering::Relaxed) == 0 {
                    std::thread::yield_now();
                }
                room.give_back(4 * STEP);
                room.take(STEP / 2);
                // Also who needs more than there ever is hears so at once.
                assert!(!room.may_take(3 << 20));
                assert!(!room.is_full() && !waiting.is_finished());
                assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
                cancelled.cancel();
            });
            assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
            assert!(matches!(room.finish(), Err(Error::Cancelled)));
        });
        done.await.unwrap();
    }
}
