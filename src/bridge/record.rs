//! The history line of a call.

use super::Bridge;
use crate::{
    arguments,
    caller::Keys,
    capability::{Context, Recorded},
    control::Entered,
    error::{Error, Result},
    history::{Entry, History},
};
use serde_json::Value;
use std::{sync::Arc, time::Instant};
use tokio_util::sync::CancellationToken;

/// Writes the history line of a call when it is over, however it ends: it is dropped then.
pub struct Record {
    history: Arc<History>,
    keys: Arc<Keys>,
    action: Option<&'static str>,
    arguments: Arc<Value>,
    /// Its place among the calls that run.
    entered: Option<Entered>,
    said: Recorded,
    caller: String,
    started: Instant,
    pub(super) outcome: &'static str,
}

impl Record {
    pub(super) fn begin(
        bridge: &Bridge,
        context: &Context,
        action: Option<&'static str>,
        arguments: impl FnOnce() -> Value,
    ) -> Self {
        let arguments = Arc::new(action.map_or(Value::Null, |_| arguments()));
        Self {
            history: bridge.history.clone(),
            keys: bridge.keys.clone(),
            action,
            entered: action.map(|action| bridge.calls.enter(&context.caller, action, arguments.clone())),
            arguments,
            said: context.recorded(),
            caller: context.caller.name().to_owned(),
            started: Instant::now(),
            outcome: "cancelled",
        }
    }

    /// Cancelled when the person stops the call.
    pub(crate) fn stop(&self) -> CancellationToken {
        self.entered.as_ref().map(|entered| entered.stop().clone()).unwrap_or_default()
    }

    /// Notes how the call ends. What nobody noted was cancelled.
    pub fn ends<T>(&mut self, result: &Result<T>) {
        if let Err(Error::Internal(cause)) = result {
            tracing::error!(action = self.action, "{cause:#}");
        }
        self.outcome = result.as_ref().map_or_else(Error::outcome, |_| "ok");
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let Some(action) = self.action else { return };
        // Whatever a capability says of its call is cleaned here, so that none has to think of it.
        let said = self.said.lock().expect("no one panics while holding it").take();
        let said = said.map(|said| arguments::details(said, &self.keys.secrets()));
        self.entered = None;
        self.history.record(Entry {
            action,
            details: said.unwrap_or_else(|| Arc::unwrap_or_clone(std::mem::take(&mut self.arguments))),
            caller: std::mem::take(&mut self.caller),
            outcome: self.outcome,
            duration_ms: self.started.elapsed().as_secs_f64() * 1000.0,
        });
    }
}
