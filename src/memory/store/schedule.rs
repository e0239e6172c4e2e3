//! When the index files are written.

use super::publisher::{Published, Publisher};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

/// Changes that come together are written together.
const EARLIEST: Duration = Duration::from_millis(50);

/// Writing takes at most one part in so many of the time. A writing of up to 0.2 s leaves room for the next within 2 s
/// of a change; a longer one, of some hundred thousand entries, comes as late as the share asks: what was acknowledged is
/// in the journal, so nothing hangs on the files but how fresh they look.
const SHARE: u32 = 10;

/// How long to wait before trying again what the disk refused.
const RETRY: Duration = Duration::from_secs(1);

/// The thread that writes them.
pub(crate) struct Schedule {
    publisher: Arc<Publisher>,
    pace: Pace,
    failing: bool,
}

impl Schedule {
    /// For a state.
    pub(crate) fn new(publisher: Arc<Publisher>) -> Self {
        Self { publisher, pace: Pace::new(Instant::now()), failing: false }
    }

    /// Writes after each change until nobody can tell of one, and then once more.
    pub(crate) fn run(mut self, changes: &Receiver<()>) {
        let mut open = true;
        while open {
            let failed = self.failing || self.publisher.is_behind();
            open = match if failed { changes.recv_timeout(RETRY) } else { changes.recv().map_err(Into::into) } {
                Ok(()) => self.gather(changes),
                Err(RecvTimeoutError::Timeout) => self.gather(changes),
                Err(RecvTimeoutError::Disconnected) => false,
            };
            self.write();
        }
    }

    /// Waits as long as is good for all; false when nobody can tell of a change any more.
    fn gather(&self, changes: &Receiver<()>) -> bool {
        let due = self.pace.due(Instant::now());
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
        self.pace = Pace { took: start.elapsed(), ended: Instant::now() };
    }
}

/// How long the last writing took, and when it was over.
struct Pace {
    took: Duration,
    ended: Instant,
}

impl Pace {
    /// Before the first writing.
    fn new(now: Instant) -> Self {
        Self { took: Duration::ZERO, ended: now }
    }

    /// When to write a change that is told of `now`.
    fn due(&self, now: Instant) -> Instant {
        (self.ended + self.took * (SHARE - 1)).max(now + EARLIEST)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, EARLIEST, Instant, Pace};

    /// Writes under changes without a pause, each taking `took`: the share of the time that writing takes, and the
    /// longest that a change waits until the files hold it.
    fn under_steady_changes(took: Duration) -> (f64, Duration) {
        let begin = Instant::now();
        let (mut pace, mut now, mut writing, mut longest) = (Pace::new(begin), begin, Duration::ZERO, Duration::ZERO);
        for _ in 0..100 {
            // The next change comes just when a writing has begun, too late for it.
            let due = pace.due(now);
            longest = longest.max(due + took - now.checked_sub(pace.took).unwrap());
            now = due + took;
            pace = Pace { took, ended: now };
            writing += took;
        }
        (writing.as_secs_f64() / (now - begin).as_secs_f64(), longest)
    }

    #[test]
    fn writing_takes_a_tenth_of_the_time_at_most_however_long_one_takes() {
        for milliseconds in [1, 20, 200, 900, 5000] {
            let (share, _) = under_steady_changes(Duration::from_millis(milliseconds));
            assert!(share < 0.102, "{milliseconds} ms take {share} of the time");
        }
    }

    #[test]
    fn the_files_follow_within_two_seconds_while_that_is_a_tenth() {
        for milliseconds in [1, 20, 180] {
            let (_, longest) = under_steady_changes(Duration::from_millis(milliseconds));
            assert!(longest <= Duration::from_secs(2), "{milliseconds} ms: {longest:?}");
        }
    }

    #[test]
    fn after_a_rest_a_change_is_written_at_once() {
        let ended = Instant::now();
        let pace = Pace { took: Duration::from_secs(1), ended };
        let now = ended + Duration::from_secs(20);
        assert_eq!(pace.due(now), now + EARLIEST);
    }
}
