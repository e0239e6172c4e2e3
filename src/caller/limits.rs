//! What all callers together, and each of them, may use at once: calls, calls a second, and bytes held in memory.
//!
//! Each limit has two levels: the caller's own share first, then what is left for all. So one caller can't take
//! everything, and all together can't take more than the machine has to spare.

use super::Caller;
use crate::{
    agents::Bounds,
    error::{Error, Result},
    settings::Settings,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long one who needs memory waits for others to give some back.
const TIMEOUT: Duration = Duration::from_secs(10);

/// When to come again after a refusal: a call takes a moment, rarely more.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Bytes are counted in units of this many, rounded up.
const UNIT: u64 = 1024;

/// How many refusals are recorded before their rate counts.
const REFUSALS: f64 = 120.0;

/// The name under which bytes are counted before the caller is known.
const UNKNOWN: &str = "";

/// The limits, and what is in use of them.
pub struct Limits {
    all: Share,
    each: Sizes,
    by_caller: Mutex<HashMap<String, (Bounds, Arc<Share>)>>,
    refusals: Mutex<Bucket>,
}

/// How large a share is.
#[derive(Clone, Copy)]
struct Sizes {
    calls: usize,
    /// In [`UNIT`]s.
    bytes: usize,
    /// 0 is no limit.
    calls_per_second: u32,
}

struct Share {
    calls: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    sizes: Sizes,
    rate: Mutex<Bucket>,
}

/// The right to one call; given back when it is dropped.
pub(crate) struct Running {
    _permits: [OwnedSemaphorePermit; 2],
}

/// The right to hold some bytes; given back when it is dropped.
#[derive(Default)]
pub struct MemoryPermit {
    units: u64,
    /// One of each share that it came from. A call whose key came in its body has three: the body was counted before its
    /// caller was known.
    permits: Vec<OwnedSemaphorePermit>,
}

impl MemoryPermit {
    fn new(units: u64, permits: [OwnedSemaphorePermit; 2]) -> Self {
        Self { units, permits: permits.into() }
    }

    /// How many bytes.
    pub fn bytes(&self) -> u64 {
        self.units * UNIT
    }

    /// Adds what else is held for the same purpose, from whichever share.
    pub fn join(&mut self, other: Self) {
        self.units += other.units;
        for more in other.permits {
            match self.permits.iter_mut().find(|own| Arc::ptr_eq(own.semaphore(), more.semaphore())) {
                Some(own) => own.merge(more),
                None => self.permits.push(more),
            }
        }
    }
}

impl Limits {
    /// The limits that the settings name.
    pub fn new(settings: &Settings) -> Self {
        // A request of the largest allowed size must fit.
        let all = settings.max_buffered_mib.max(settings.max_request_mib);
        let each = settings.max_buffered_mib_per_caller.clamp(settings.max_request_mib.min(all), all);
        Self {
            all: Share::new(Sizes {
                calls: settings.max_calls,
                bytes: units(all),
                calls_per_second: settings.max_calls_per_second,
            }),
            each: Sizes {
                calls: settings.max_calls_per_caller,
                bytes: units(each),
                calls_per_second: settings.max_calls_per_second_per_caller,
            },
            by_caller: Mutex::default(),
            refusals: Mutex::new(Bucket::full(REFUSALS)),
        }
    }

    /// Begins a call of `caller`.
    ///
    /// # Errors
    /// [`Error::TooMany`] when the caller has too many under way or is too fast, [`Error::Unavailable`] when all
    /// together do.
    pub(crate) fn begin(&self, caller: &Caller) -> Result<Running> {
        let own = self.share(caller.name(), Some(caller.bounds()));
        let now = Instant::now();
        own.acquire(now, |per_second| too_many(format!("more than {per_second} calls a second")))?;
        self.all.acquire(now, |_| busy())?;
        let max = own.sizes.calls;
        let mine = own.calls.clone().try_acquire_owned();
        let mine = mine.map_err(|_| too_many(format!("more than {max} calls at once")))?;
        let of_all = self.all.calls.clone().try_acquire_owned().map_err(|_| busy())?;
        Ok(Running { _permits: [mine, of_all] })
    }

    /// Lets `caller` hold `bytes` beside those it holds `already`, as soon as others have given enough back. `None` is
    /// one whose key is not known yet: all of them share half of what there is.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it is more than there ever is, [`Error::Unavailable`] when it was not there in time.
    pub async fn hold(&self, caller: Option<&str>, already: u64, bytes: u64) -> Result<MemoryPermit> {
        let own = self.share(caller.unwrap_or(UNKNOWN), None);
        let units = bytes.div_ceil(UNIT);
        let (Ok(count), true) = (u32::try_from(units), already.div_ceil(UNIT) + units <= own.sizes.bytes as u64) else {
            return Err(too_large(own.sizes.bytes, caller.is_none()));
        };
        let waited = tokio::time::timeout(TIMEOUT, async {
            let mine = own.bytes.clone().acquire_many_owned(count).await;
            let of_all = self.all.bytes.clone().acquire_many_owned(count).await;
            [mine, of_all].map(|permit| permit.expect("these are never closed"))
        });
        waited.await.map(|permits| MemoryPermit::new(units, permits)).map_err(|_| no_memory())
    }

    /// The same at once or not at all.
    pub fn try_hold(&self, caller: &str, bytes: u64) -> Option<MemoryPermit> {
        let own = self.share(caller, None);
        let units = bytes.div_ceil(UNIT);
        let count = u32::try_from(units).ok()?;
        let mine = own.bytes.clone().try_acquire_many_owned(count).ok()?;
        let of_all = self.all.bytes.clone().try_acquire_many_owned(count).ok()?;
        Some(MemoryPermit::new(units, [mine, of_all]))
    }

    /// Whether one more refusal of someone without a right key is worth its line in the history. Beyond 120, two a
    /// second are: whoever only knocks can't fill the disk.
    pub fn may_record_refusal(&self) -> bool {
        self.refusals.lock().expect("no one panics while holding it").take(Instant::now(), 2.0, REFUSALS)
    }

    /// What is the caller's own. With other bounds than before it gets another share; what is held of the old one is
    /// given back to that.
    fn share(&self, caller: &str, bounds: Option<Bounds>) -> Arc<Share> {
        let mut by_caller = self.by_caller.lock().expect("no one panics while holding it");
        let is_same = |(of, _): &&(Bounds, Arc<Share>)| bounds.is_none_or(|bounds| bounds == *of);
        if let Some((_, share)) = by_caller.get(caller).filter(is_same) {
            return share.clone();
        }
        let sizes = match caller {
            UNKNOWN => Sizes { bytes: self.all.sizes.bytes / 2, ..self.each },
            _ => self.each,
        };
        let bounds = bounds.unwrap_or_default();
        let share = Arc::new(Share::new(sizes.within(bounds)));
        by_caller.insert(caller.to_owned(), (bounds, share.clone()));
        share
    }
}

impl Sizes {
    fn within(self, bounds: Bounds) -> Self {
        let calls = bounds.calls_at_once.map_or(self.calls, |most| self.calls.min(most as usize));
        let calls_per_second = match (bounds.calls_per_second, self.calls_per_second) {
            (None, all) => all,
            (Some(own), 0) => own,
            (Some(own), all) => own.min(all),
        };
        Self { calls, calls_per_second, ..self }
    }
}

impl Share {
    fn new(sizes: Sizes) -> Self {
        Self {
            calls: Arc::new(Semaphore::new(sizes.calls.min(Semaphore::MAX_PERMITS))),
            bytes: Arc::new(Semaphore::new(sizes.bytes.min(Semaphore::MAX_PERMITS))),
            sizes,
            rate: Mutex::new(Bucket::full(f64::from(sizes.calls_per_second))),
        }
    }

    fn acquire(&self, now: Instant, refusal: impl FnOnce(u32) -> Error) -> Result<()> {
        let per_second = self.sizes.calls_per_second;
        let (speed, mut rate) = (f64::from(per_second), self.rate.lock().expect("no one panics while holding it"));
        if per_second == 0 || rate.take(now, speed, speed) { Ok(()) } else { Err(refusal(per_second)) }
    }
}

/// A token bucket: fills at a constant rate up to a size, and each event takes one.
struct Bucket {
    level: f64,
    last: Instant,
}

impl Bucket {
    fn full(size: f64) -> Self {
        Self { level: size, last: Instant::now() }
    }

    fn take(&mut self, now: Instant, per_second: f64, size: f64) -> bool {
        let gained = now.saturating_duration_since(self.last).as_secs_f64() * per_second;
        self.level = (self.level + gained).min(size);
        self.last = now;
        let enough = self.level >= 1.0;
        if enough {
            self.level -= 1.0;
        }
        enough
    }
}

fn units(mib: u64) -> usize {
    usize::try_from(mib.saturating_mul(1024 * 1024 / UNIT)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

fn too_many(what: String) -> Error {
    Error::TooMany { message: format!("Too many calls: {what}. Try again in a second"), retry_after: RETRY_AFTER }
}

fn busy() -> Error {
    Error::Unavailable {
        message: "The bridge is busy with as many calls as it may run at once. Try again in a second".into(),
        retry_after: Some(RETRY_AFTER),
    }
}

fn no_memory() -> Error {
    Error::Unavailable {
        message: "Other requests hold all the memory that there is for contents. Try again in a moment, or raise \
                  MCP_MAX_BUFFERED_MIB"
            .into(),
        retry_after: Some(RETRY_AFTER),
    }
}

fn too_large(units: usize, unknown: bool) -> Error {
    let mib = units as u64 * UNIT / (1024 * 1024);
    let fix = if unknown { "send the key in the header Authorization" } else { "raise MCP_MAX_BUFFERED_MIB" };
    Error::TooLarge(format!(
        "This is more than the {mib} MiB that may be held in memory at once: ask for less, or {fix}"
    ))
}

#[cfg(test)]
mod tests {
    use super::{Bucket, Limits};
    use crate::{
        agents::{Agent, Record},
        caller::Caller,
        error::Error,
        settings::Settings,
    };
    use std::{
        sync::Arc,
        time::{Duration, Instant},
    };

    fn caller(name: &str) -> Caller {
        Caller::agent(Agent::new(Record { name: name.to_owned(), ..Record::default() }, Arc::default()))
    }

    fn limits(settings: &[(&str, &str)]) -> Limits {
        Limits::new(&Settings::from_pairs(settings.iter().copied()).unwrap())
    }

    #[test]
    fn a_caller_runs_no_more_calls_than_its_share_and_all_no_more_than_the_whole() {
        let limits = limits(&[("MCP_MAX_CALLS", "3"), ("MCP_MAX_CALLS_PER_CALLER", "2")]);
        let [a, b] = ["a", "b"].map(caller);
        let (first, _second) = (limits.begin(&a).unwrap(), limits.begin(&a).unwrap());
        assert!(matches!(limits.begin(&a), Err(Error::TooMany { .. })));
        let _third = limits.begin(&b).unwrap();
        assert!(matches!(limits.begin(&b), Err(Error::Unavailable { .. })));
        drop(first);
        assert!(limits.begin(&b).is_ok());
    }

    #[test]
    fn a_caller_that_is_too_fast_is_told_so_and_others_are_not() {
        let limits = limits(&[("MCP_MAX_CALLS_PER_SECOND_PER_CALLER", "5")]);
        let [a, b] = ["a", "b"].map(caller);
        let refused = (0..50).filter(|_| matches!(limits.begin(&a), Err(Error::TooMany { .. }))).count();
        assert!(refused >= 44, "{refused}");
        assert!(limits.begin(&b).is_ok());
    }

    #[test]
    fn a_bucket_lets_through_as_many_a_second_as_it_says() {
        let start = Instant::now();
        let mut bucket = Bucket { level: 10.0, last: start };
        let times = (0..2000).map(|step| start + Duration::from_millis(5 * step));
        let passed = times.filter(|time| bucket.take(*time, 10.0, 10.0)).count();
        assert!((108..=110).contains(&passed), "{passed} in ten seconds and a full bucket");
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_are_waited_for_and_what_never_fits_is_refused_at_once() {
        let limits = limits(&[("MCP_MAX_BUFFERED_MIB", "4"), ("MCP_MAX_REQUEST_MIB", "4")]);
        let held = limits.hold(Some("a"), 0, 3 << 20).await.unwrap();
        assert!(limits.try_hold("a", 2 << 20).is_none());
        assert!(matches!(limits.hold(Some("a"), 0, 5 << 20).await, Err(Error::TooLarge(_))));
        assert!(matches!(limits.hold(Some("a"), held.bytes(), 2 << 20).await, Err(Error::TooLarge(_))));
        assert!(matches!(limits.hold(Some("a"), 0, 2 << 20).await, Err(Error::Unavailable { .. })));
        assert!(matches!(limits.hold(None, 0, 3 << 20).await, Err(Error::TooLarge(_))));
        drop(held);
        assert!(limits.hold(Some("a"), 0, 4 << 20).await.is_ok());
    }

    #[tokio::test]
    async fn what_was_held_before_the_caller_was_known_and_after_is_given_back_to_its_own_share() {
        let limits = limits(&[("MCP_MAX_BUFFERED_MIB", "8"), ("MCP_MAX_REQUEST_MIB", "4")]);
        let mut held = limits.hold(None, 0, 3 << 20).await.unwrap();
        for _ in 0..2 {
            held.join(limits.hold(Some("a"), 0, 1 << 20).await.unwrap());
        }
        assert_eq!(held.bytes(), 5 << 20);
        assert!(limits.try_hold("b", 4 << 20).is_none());
        drop(held);
        let (_unknown, _own) = (limits.hold(None, 0, 4 << 20).await.unwrap(), limits.try_hold("a", 4 << 20).unwrap());
    }
}
