//! How long nothing is tried after wrong passphrases: longer each time, and never for good.

use crate::error::{Error, Result};
use std::time::{Duration, Instant};

/// After the first wrong one.
const FIRST: Duration = Duration::from_secs(1);

/// The longest: 2,880 tries a day.
const LONGEST: Duration = Duration::from_secs(30);

/// The wrong ones since the last right one.
#[derive(Debug, Default)]
pub(super) struct Delay {
    wrong: u32,
    until: Option<Instant>,
}

impl Delay {
    /// Whether one may be tried now.
    ///
    /// # Errors
    /// [`Error::TooMany`] with how long not.
    pub(super) fn check(&self, now: Instant) -> Result<()> {
        let left = self.until.map(|until| until.saturating_duration_since(now)).unwrap_or_default();
        if left.is_zero() {
            return Ok(());
        }
        // Rounded up, so that who waits as long as told is let in.
        let retry_after = Duration::from_secs(left.as_secs() + 1);
        let message = format!(
            "The passphrase was wrong {} in a row, so this one was not tried. Wait {} s; deny, pause, revoke and stop need none",
            match self.wrong {
                1 => "once".to_owned(),
                wrong => format!("{wrong} times"),
            },
            retry_after.as_secs()
        );
        Err(Error::TooMany { message, retry_after })
    }

    /// Counts a wrong one.
    pub(super) fn add(&mut self, now: Instant) {
        let delay = FIRST.saturating_mul(2_u32.saturating_pow(self.wrong)).min(LONGEST);
        self.wrong = self.wrong.saturating_add(1);
        self.until = Some(now + delay);
    }
}

#[cfg(test)]
mod tests {
    use super::{Delay, LONGEST};
    use crate::error::Error;
    use std::time::{Duration, Instant};

    #[test]
    fn each_wrong_one_makes_the_next_wait_longer_up_to_a_bound() {
        let (mut delay, mut now) = (Delay::default(), Instant::now());
        assert!(delay.check(now).is_ok());
        for seconds in [1, 2, 4, 8, 16, 30, 30] {
            delay.add(now);
            let almost = now + Duration::from_millis(seconds * 1000 - 1);
            assert!(matches!(delay.check(almost), Err(Error::TooMany { .. })), "{seconds}");
            now += Duration::from_secs(seconds);
            assert!(delay.check(now).is_ok(), "{seconds}");
        }
        (0..100).for_each(|_| delay.add(now));
        assert!(delay.check(now + LONGEST).is_ok());
    }

    #[test]
    fn who_waits_as_long_as_told_is_let_in() {
        let (mut delay, now) = (Delay::default(), Instant::now());
        delay.add(now);
        let Err(Error::TooMany { retry_after, .. }) = delay.check(now + Duration::from_millis(300)) else {
            panic!("it is let through")
        };
        assert!(delay.check(now + Duration::from_millis(300) + retry_after).is_ok());
    }
}
