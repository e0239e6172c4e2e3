//! What every handler can reach.

use crate::bridge::Bridge;
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// How often the log warns of it at most.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// What every handler can reach.
pub struct Shared {
    /// The bridge behind the face.
    pub bridge: Arc<Bridge>,
    /// When the server started.
    pub started: Instant,
    /// When the log last warned of a key in an address.
    pub last_warning: LastWarning,
}

impl Shared {
    /// Starts the clock.
    pub fn new(bridge: Arc<Bridge>) -> Arc<Self> {
        Arc::new(Self { bridge, started: Instant::now(), last_warning: LastWarning::default() })
    }
}

/// When the log last warned of a key in an address.
#[derive(Default)]
pub struct LastWarning(Mutex<Option<Instant>>);

impl LastWarning {
    /// Warns of one on the way to `path`, unless that was said a moment ago.
    pub(crate) fn warn(&self, path: &str) {
        let mut last = self.0.lock().expect("no one panics while holding it");
        if last.is_none_or(|last| last.elapsed() >= WARN_EVERY) {
            *last = Some(Instant::now());
            tracing::warn!(
                "a request to {path} has an API key in its address, where browsers and proxies keep it: \
                 send it in the header Authorization instead"
            );
        }
    }
}
