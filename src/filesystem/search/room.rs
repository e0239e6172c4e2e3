//! What a search holds in memory: counted like what is read, and given back as the search lets go of it.

use crate::{
    caller::Holding,
    error::{Error, Result},
};
use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};
use tokio::runtime::Handle;

/// How many bytes are asked for at once; less than this is not counted.
const STEP: u64 = 256 * 1024;

/// How many bytes an entry of a list takes beside its text.
pub const ENTRY: u64 = 96;

/// The room that a search has; its threads share it.
pub struct Room {
    holding: Holding,
    runtime: Handle,
    state: Mutex<State>,
    is_full: AtomicBool,
}

#[derive(Default)]
struct State {
    used: u64,
    held: u64,
    refusal: Option<Error>,
}

impl Room {
    /// Room out of what a call may hold. Called within the runtime.
    pub fn new(holding: Holding) -> Self {
        let state = Mutex::new(State { held: STEP, ..State::default() });
        Self { holding, runtime: Handle::current(), state, is_full: AtomicBool::new(false) }
    }

    /// Takes this many bytes, and waits a while for other calls to give back theirs. Where there are none the search is
    /// over: [`Self::is_full`] says so to all its threads.
    pub fn take(&self, bytes: u64) {
        let mut state = self.lock();
        state.used += bytes;
        if state.used <= state.held || state.refusal.is_some() {
            return;
        }
        let more = STEP.max(state.used - state.held);
        let _within = self.runtime.enter();
        match self.holding.wait_for_more(more) {
            Ok(()) => state.held += more,
            Err(refusal) => {
                state.refusal = Some(refusal);
                self.is_full.store(true, Ordering::Relaxed);
            }
        }
    }

    /// Gives back what was taken.
    pub fn give_back(&self, bytes: u64) {
        let mut state = self.lock();
        state.used = state.used.saturating_sub(bytes);
    }

    /// Whether there was no room for all of it.
    pub fn is_full(&self) -> bool {
        self.is_full.load(Ordering::Relaxed)
    }

    /// Fails when there was no room for all of it.
    pub fn finish(self) -> Result<()> {
        let refusal = self.state.into_inner().expect("no one panics while holding it").refusal;
        refusal.map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no one panics while holding it")
    }
}

#[cfg(test)]
mod tests {
    use super::{Room, STEP};
    use crate::{
        caller::{Holding, Limits},
        error::Error,
        settings::Settings,
    };
    use std::sync::Arc;

    #[tokio::test]
    async fn what_is_given_back_can_be_taken_again_and_more_than_there_is_ends_the_search() {
        let settings = [("MCP_MAX_BUFFERED_MIB", "2"), ("MCP_MAX_REQUEST_MIB", "2")];
        let limits = Arc::new(Limits::new(&Settings::from_pairs(settings).unwrap()));
        let holding = Holding::of("a");
        holding.within(&limits);
        let done = tokio::task::spawn_blocking(move || {
            let room = Room::new(holding);
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
}
