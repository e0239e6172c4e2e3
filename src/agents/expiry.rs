//! When a key ends, as people say it.

use crate::{
    clock,
    error::{Error, Result},
};
use chrono::{Local, TimeDelta, Utc};

/// Reads `30d`, `12h`, `45m`, a day or a moment of local time; `never` is none. In seconds since 1970.
///
/// # Errors
/// [`Error::Invalid`] for anything else, and for what is over.
pub(crate) fn parse(text: &str) -> Result<Option<i64>> {
    let text = text.trim();
    if text == "never" {
        return Ok(None);
    }
    let moment =
        from_now(text).or_else(|| clock::parse(text)?.and_local_timezone(Local).earliest().map(|t| t.timestamp()));
    match moment {
        Some(moment) if moment > Utc::now().timestamp() => Ok(Some(moment)),
        Some(_) => Err(Error::invalid("expires", "Input should be in the future")),
        None => Err(Error::invalid("expires", "Input should be 30d, 12h, 45m, a date such as 2027-01-31, or never")),
    }
}

fn from_now(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: i64 = number.parse().ok().filter(|number| *number > 0)?;
    let span = match unit {
        "d" => TimeDelta::try_days(number),
        "h" => TimeDelta::try_hours(number),
        "m" => TimeDelta::try_minutes(number),
        _ => None,
    };
    Utc::now().checked_add_signed(span?).map(|time| time.timestamp())
}
