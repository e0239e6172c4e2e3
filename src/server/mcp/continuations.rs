//! What remains of answers that were cut, kept for a while for whoever asks on.

use super::cut::{self, Remainder};
use crate::error::{Error, Result};
use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long the rest of a cut answer is kept after it was last asked for.
const KEPT_FOR: Duration = Duration::from_secs(15 * 60);

/// How much is kept of all cut answers together, in bytes of JSON; the oldest go first.
const KEPT_BYTES: usize = 64 * 1024 * 1024;

/// The answers that were cut.
#[derive(Default)]
pub(crate) struct ContinuationStore {
    kept: Mutex<VecDeque<Continuation>>,
}

/// One answer. A cursor is its id and the number of a part, so that a part can be asked for again: a client may have
/// missed the reply.
struct Continuation {
    id: String,
    /// Which tool and caller it is for: a cursor opens nothing for anyone else.
    owner: String,
    /// The parts that were asked for, each with how much there was before it was taken.
    parts: Vec<(Value, usize)>,
    rest: Remainder,
    size: usize,
    until: Instant,
}

/// A part of an answer.
pub(crate) struct Part {
    /// What is in it.
    pub json: Value,
    /// How much remained with it, in bytes of JSON.
    pub whole: usize,
    /// What asks for the next part, if there is one.
    pub next: Option<String>,
}

impl ContinuationStore {
    /// The first part of an answer; what remains is kept.
    ///
    /// # Errors
    /// When the system has no random numbers.
    pub(crate) fn first(&self, owner: &str, mut rest: Remainder, budget: usize) -> Result<Part> {
        let whole = rest.size();
        let json = rest.take(budget);
        let next = if rest.has_more() { Some(self.keep(owner, rest)?) } else { None };
        Ok(Part { json, whole, next })
    }

    fn keep(&self, owner: &str, rest: Remainder) -> Result<String> {
        let mut bits = [0; 12];
        getrandom::fill(&mut bits).map_err(Error::internal)?;
        let id: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        let first = cursor(&id, 0);
        let (owner, size, until) = (owner.to_owned(), rest.size(), Instant::now() + KEPT_FOR);
        let mut kept = self.kept.lock().expect("no one panics while holding it");
        kept.push_back(Continuation { id, owner, parts: Vec::new(), rest, size, until });
        while kept.len() > 1 && kept.iter().map(|one| one.size).sum::<usize>() > KEPT_BYTES {
            kept.pop_front();
        }
        Ok(first)
    }

    /// The part that a cursor stands for.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is not kept (any more) or was given to someone else.
    pub(crate) fn find(&self, owner: &str, asked: &str, budget: usize) -> Result<Part> {
        let mut kept = self.kept.lock().expect("no one panics while holding it");
        let now = Instant::now();
        kept.retain(|one| one.until > now);
        let named = asked.split_once('-').and_then(|(id, number)| Some((id, number.parse().ok()?)));
        let found = named.and_then(|(id, number)| {
            let one = kept.iter_mut().find(|one| one.id == id && one.owner == owner)?;
            one.until = now + KEPT_FOR;
            one.part(number, budget)
        });
        found.ok_or_else(|| {
            Error::NotFound("This result_cursor is not known (any more): call again without it".to_owned())
        })
    }
}

impl Continuation {
    fn part(&mut self, number: usize, budget: usize) -> Option<Part> {
        while self.parts.len() <= number && self.rest.has_more() {
            let before = self.rest.size();
            let part = self.rest.take(budget);
            self.size = (self.size + cut::size(&part)).saturating_sub(before.saturating_sub(self.rest.size()));
            self.parts.push((part, before));
        }
        let (json, whole) = self.parts.get(number)?.clone();
        let is_last = number + 1 == self.parts.len() && !self.rest.has_more();
        Some(Part { json, whole, next: (!is_last).then(|| cursor(&self.id, number + 1)) })
    }
}

fn cursor(id: &str, number: usize) -> String {
    format!("{id}-{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_nothing_for_anyone_else_and_the_same_part_again() {
        let store = ContinuationStore::default();
        let text = "0123456789".repeat(100);
        let first = store.first("owner/filesystem_read", Remainder::of(text.clone().into()), 300).unwrap();
        let next = first.next.expect("there is more");
        let part = store.find("owner/filesystem_read", &next, 300).unwrap();
        let again = store.find("owner/filesystem_read", &next, 300).unwrap();
        assert_eq!((&part.json, &part.next, part.whole), (&again.json, &again.next, again.whole));
        assert!(store.find("other/filesystem_read", &next, 300).is_err());
        for unknown in ["made-up", "", "-", &next.replace("-0", "-99"), &next[..24]] {
            assert!(store.find("owner/filesystem_read", unknown, 300).is_err(), "{unknown}");
        }
        let mut whole = first.json.as_str().unwrap().to_owned();
        let mut next = Some(next);
        while let Some(cursor) = next {
            let part = store.find("owner/filesystem_read", &cursor, 300).unwrap();
            whole.push_str(part.json.as_str().unwrap());
            next = part.next;
        }
        assert_eq!(whole, text);
    }
}
