//! Dates as words: what a question says of a time ("in May", "on a Monday", "in 2023"), in both languages.

use chrono::{Datelike, NaiveDate, NaiveDateTime};

const MONTHS: [[&str; 2]; 12] = [
    ["january", "janvier"],
    ["february", "fevrier"],
    ["march", "mars"],
    ["april", "avril"],
    ["may", "mai"],
    ["june", "juin"],
    ["july", "juillet"],
    ["august", "aout"],
    ["september", "septembre"],
    ["october", "octobre"],
    ["november", "novembre"],
    ["december", "decembre"],
];

const WEEKDAYS: [[&str; 2]; 7] = [
    ["monday", "lundi"],
    ["tuesday", "mardi"],
    ["wednesday", "mercredi"],
    ["thursday", "jeudi"],
    ["friday", "vendredi"],
    ["saturday", "samedi"],
    ["sunday", "dimanche"],
];

/// How people write a date, tried in turn.
const DATE_FORMATS: [&str; 8] =
    ["%Y-%m-%d", "%d %B %Y", "%B %d %Y", "%d %b %Y", "%b %d %Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d"];
const TIME_FORMATS: [&str; 4] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"];

/// The words of a day, in English and French: month, weekday, year, day of the month.
pub fn date_words(date: NaiveDate) -> Vec<String> {
    let month = MONTHS[date.month0() as usize];
    let weekday = WEEKDAYS[date.weekday().num_days_from_monday() as usize];
    let mut words: Vec<String> = month.iter().chain(&weekday).map(|&word| word.to_owned()).collect();
    words.push(date.year().to_string());
    words.push(date.day().to_string());
    words
}

/// Reads a moment as people and programs write it; the hour is midnight where none is given.
pub fn parse_moment(text: &str) -> Option<NaiveDateTime> {
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
