//! Dates as words: what a question says of a time ("in May", "on a Monday", "in 2023"), in both languages.

use chrono::{Datelike, NaiveDate};

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

/// The words of a day, in English and French: month, weekday, year, day of the month.
pub(crate) fn date_words(date: NaiveDate) -> Vec<String> {
    let month = MONTHS[date.month0() as usize];
    let weekday = WEEKDAYS[date.weekday().num_days_from_monday() as usize];
    let mut words: Vec<String> = month.iter().chain(&weekday).map(|&word| word.to_owned()).collect();
    words.push(date.year().to_string());
    words.push(date.day().to_string());
    words
}
