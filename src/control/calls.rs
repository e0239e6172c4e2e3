//! The calls that run now: what the person sees of them, and by what they are stopped.

use crate::{
    caller::Caller,
    error::{Error, Result},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::SystemTime,
};
use tokio_util::sync::CancellationToken;

/// What ids begin with.
const PREFIX: &str = "call_";

/// All calls that run.
#[derive(Default)]
pub(crate) struct Calls {
    last: AtomicU64,
    running: Mutex<BTreeMap<u64, Arc<RunningCall>>>,
}

/// One call.
pub(crate) struct RunningCall {
    number: u64,
    /// The agent's name.
    pub(crate) agent: String,
    /// What is done: usually the capability's name.
    pub(crate) action: &'static str,
    /// What its history line will say of it, unless it says otherwise.
    pub(crate) details: Arc<Value>,
    /// When it began.
    pub(crate) began: SystemTime,
    /// Stops it.
    pub(crate) stop: CancellationToken,
}

impl RunningCall {
    /// Its name.
    pub(crate) fn id(&self) -> String {
        format!("{PREFIX}{}", self.number)
    }
}

/// A call's place among those that run; dropped when it is over.
pub(crate) struct Entered {
    calls: Arc<Calls>,
    number: u64,
    stop: CancellationToken,
}

impl Entered {
    /// Done when the person stops the call.
    pub(crate) fn stop(&self) -> &CancellationToken {
        &self.stop
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.number);
    }
}

impl Calls {
    /// Enters a call.
    pub(crate) fn enter(self: &Arc<Self>, caller: &Caller, action: &'static str, details: Arc<Value>) -> Entered {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let stop = caller.as_agent().map(|agent| agent.revocation().child_token()).unwrap_or_default();
        let call = RunningCall {
            number,
            agent: caller.name().to_owned(),
            action,
            details,
            began: SystemTime::now(),
            stop: stop.clone(),
        };
        self.lock().insert(number, Arc::new(call));
        Entered { calls: self.clone(), number, stop }
    }

    /// Those that run, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<RunningCall>> {
        self.lock().values().cloned().collect()
    }

    /// Stops one.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none of that name runs.
    pub(crate) fn stop(&self, id: &str) -> Result<()> {
        let number = id.strip_prefix(PREFIX).and_then(|number| number.parse().ok());
        let call = number.and_then(|number: u64| self.lock().get(&number).cloned());
        let call = call.ok_or_else(|| Error::NotFound(format!("No call {id} runs: it is over, or there was none")))?;
        call.stop.cancel();
        Ok(())
    }

    /// Stops those of an agent, or of all, but one's own; says how many.
    pub(crate) fn stop_all(&self, agent: Option<&str>) -> usize {
        let chosen = self.all().into_iter().filter(|call| agent.is_none_or(|agent| agent == call.agent));
        chosen.filter(|call| call.agent != Caller::PERSON).inspect(|call| call.stop.cancel()).count()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<RunningCall>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
