//! What the ranking sees of an entry.

use crate::memory::entry::Entry;
use chrono::{NaiveDate, NaiveDateTime};
use memory_ranking::Document;

/// How people write a date, tried in turn.
const DATE_FORMATS: [&str; 8] =
    ["%Y-%m-%d", "%d %B %Y", "%B %d %Y", "%d %b %Y", "%b %d %Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d"];
const TIME_FORMATS: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// An entry as its ranking sees it.
pub(crate) fn document(entry: &Entry) -> Document<'_> {
    let told = told(entry);
    let follows_untagged = entry.tags.is_empty() && told.is_some();
    // Otherwise when it was added stands for it.
    let moment = told.or_else(|| entry.written());
    Document { content: &entry.content, tags: &entry.tags, source: &entry.source, moment, follows_untagged }
}

/// When what an entry tells took place, where its metadata's `date` or `timestamp` says it.
fn told(entry: &Entry) -> Option<NaiveDateTime> {
    if &*entry.metadata == "{}" {
        return None;
    }
    let metadata = entry.metadata();
    ["timestamp", "date"].iter().find_map(|key| parse_moment(metadata.get(*key)?.as_str()?))
}

/// Reads a moment as people and programs write it; the hour is midnight where none is given.
fn parse_moment(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    TIME_FORMATS
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .or_else(|| chrono::DateTime::parse_from_rfc3339(text).ok().map(|moment| moment.naive_local()))
        .or_else(|| parse_date(text)?.and_hms_opt(0, 0, 0))
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    // "1:56 pm on 8 May, 2023": the day stands behind the "on".
    let day = text.rsplit_once(" on ").map_or(text, |(_, day)| day).replace(',', "");
    DATE_FORMATS.iter().find_map(|format| NaiveDate::parse_from_str(day.trim(), format).ok())
}
