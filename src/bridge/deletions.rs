//! How many files each agent deleted lately, over all its calls: many small deletes come to a large one.

use crate::permissions::{Decision, Effect};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a delete counts.
pub(super) const WINDOW: Duration = Duration::from_secs(10 * 60);

/// Deletes within so long are counted as one, so that an agent takes no more than [`WINDOW`] has of these.
const STEP: Duration = Duration::from_secs(10);

/// The deletes that count, by the agent. A restart forgets them.
#[derive(Default)]
pub(super) struct Deletions(Mutex<HashMap<String, Recent>>);

/// Until when so many files were deleted, oldest first.
type Recent = VecDeque<(Instant, u64)>;

impl Deletions {
    /// Decides about a call that deletes so many files by how many its agent deleted before. Those of a call that is allowed
    /// count from then on, so that calls at once are no way around.
    pub(super) fn decide<'a>(
        &self,
        agent: &str,
        deletes: u64,
        decide: impl FnOnce(u64) -> Decision<'a>,
    ) -> Decision<'a> {
        let (mut all, now) = (self.lock(), Instant::now());
        let decision = decide(sum(all.get_mut(agent), now));
        if decision.effect == Effect::Allow && deletes > 0 {
            add(all.entry(agent.to_owned()).or_default(), now, deletes);
        }
        decision
    }

    /// How many files an agent deleted within [`WINDOW`].
    pub(super) fn recent(&self, agent: &str) -> u64 {
        sum(self.lock().get_mut(agent), Instant::now())
    }

    /// The person said yes to a call that deletes: the count starts anew.
    pub(super) fn start_anew(&self, agent: &str) {
        self.lock().remove(agent);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Recent>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sum(recent: Option<&mut Recent>, now: Instant) -> u64 {
    let Some(recent) = recent else { return 0 };
    while recent.front().is_some_and(|(first, _)| now.saturating_duration_since(*first) >= WINDOW) {
        recent.pop_front();
    }
    recent.iter().fold(0, |sum, (_, files)| sum.saturating_add(*files))
}

/// What is added to deletes of a moment before is kept with the end of that step: nothing is forgotten too early.
fn add(recent: &mut Recent, now: Instant, files: u64) {
    match recent.back_mut().filter(|(last, _)| now < *last) {
        Some(last) => last.1 = last.1.saturating_add(files),
        None => recent.push_back((now + STEP, files)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Recent, STEP, WINDOW, add, sum};
    use std::time::{Duration, Instant};

    #[test]
    fn what_was_deleted_counts_for_ten_minutes_and_takes_little_memory() {
        let (mut recent, start) = (Recent::new(), Instant::now());
        let moment = |seconds: u64| start + Duration::from_secs(seconds);
        for second in 0..3000 {
            add(&mut recent, moment(second), 1);
            let counted = sum(Some(&mut recent), moment(second));
            let within = (second + 1).min(WINDOW.as_secs());
            assert!((within..within + 2 * STEP.as_secs()).contains(&counted), "{counted} after {second} s");
            assert!(recent.len() as u64 <= WINDOW.as_secs() / STEP.as_secs() + 2);
        }
        assert_eq!(sum(Some(&mut recent), moment(3000) + STEP + WINDOW), 0);
    }
}
