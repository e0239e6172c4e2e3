//! Until when something holds.

use std::time::{Duration, SystemTime};
use tokio::time::Instant;

/// The end of a time, by both clocks: one that is set back makes nothing last longer, and the hours that a machine sleeps
/// count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    monotonic: Instant,
    wall: SystemTime,
}

impl Limit {
    /// So long from now.
    pub(crate) fn after(time: Duration) -> Self {
        Self { monotonic: Instant::now() + time, wall: SystemTime::now() + time }
    }

    /// Whether it is past.
    pub(crate) fn is_past(self) -> bool {
        Instant::now() >= self.monotonic || SystemTime::now() >= self.wall
    }

    /// When it is.
    pub(crate) fn wall(self) -> SystemTime {
        self.wall
    }
}
