//! The time as the bridge writes it.

use chrono::{DateTime, Local, NaiveDateTime};

/// Local time without zone, six digits of a second: the form of every timestamp on the wire and on disk.
pub const FORMAT: &str = "%Y-%m-%dT%H:%M:%S%.6f";

/// Now, as `YYYY-MM-DDTHH:MM:SS.ffffff` in local time.
pub fn timestamp() -> String {
    Local::now().format(FORMAT).to_string()
}

/// A file's time in the same form.
pub fn timestamp_of(time: std::time::SystemTime) -> String {
    DateTime::<Local>::from(time).format(FORMAT).to_string()
}

/// Reads a timestamp in the bridge's form, or any ISO 8601 date and time close to it; `None` for anything else.
pub fn parse(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f"))
        .or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M"))
        .ok()
        .or_else(|| {
            let zoned = DateTime::parse_from_rfc3339(text).ok()?;
            Some(zoned.with_timezone(&Local).naive_local())
        })
        .or_else(|| {
            let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            day.and_hms_opt(0, 0, 0)
        })
}

/// Today's date, `YYYY-MM-DD`, in local time.
pub fn today() -> String {
    Local::now().format("%Y-%m-%d").to_string()
}

/// How long today lasts, in local time.
pub(crate) fn until_tomorrow() -> std::time::Duration {
    let now = Local::now().naive_local();
    let tomorrow = now.date().succ_opt().unwrap_or(now.date()).and_time(chrono::NaiveTime::MIN);
    (tomorrow - now).to_std().unwrap_or_default()
}

/// A moment in seconds since 1970, in the form of every timestamp.
pub(crate) fn timestamp_at(seconds: i64) -> String {
    let moment = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    moment.with_timezone(&Local).format(FORMAT).to_string()
}
