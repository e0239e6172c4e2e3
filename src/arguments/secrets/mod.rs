//! What looks like a secret in a text, taken out before the text is kept.
//!
//! Two things find secrets. [`rules`]: the forms of keys and the places in command lines, from `secret_rules.txt`.
//! [`assigned`]: a value beside a name that says it is secret, by the words of `secret_names.txt`, in whatever notation.
//! Both only say where secrets stand in the text as it came, so their order does not matter.

mod assigned;
mod escapes;
mod names;
mod rules;
mod value;

pub(crate) use names::{is_harmless_header, sounds_secret};

use std::ops::Range;

/// What stands where a secret stood.
pub const MASK: &str = "[removed]";

/// How much of the text behind a cut is looked at beyond what is kept, in bytes: more than any key that is recognized
/// only when it is whole (the longest are tokens of three parts, recognized by their first two hundred characters).
const MARGIN: usize = 1024;

/// Keys that are recognized by their form alone have at least so many bytes.
const SHORTEST_KEY: usize = 16;

/// A beginning of so many bytes of a known secret gives it away at the end of a text that was cut elsewhere.
const TELLING: usize = 4;
const CUT: usize = 100;

/// Any part of so many bytes of a known secret gives it away, wherever it stands.
const PART: usize = 10;

/// A text without `secrets`, without a beginning of one at its end, and without what looks like a secret.
pub fn clean(text: &str, secrets: &[String]) -> String {
    clean_part(text, text.len(), secrets)
}

/// The beginning of a text, at most `longest` characters of it, cleaned. A secret at the cut goes as a whole, and no
/// more is looked at than is needed for that.
pub fn clean_beginning(text: &str, longest: usize, secrets: &[String]) -> String {
    let kept = text.char_indices().nth(longest).map_or(text.len(), |(end, _)| end);
    let seen = text.floor_char_boundary(kept + MARGIN);
    let cleaned = clean_part(&text[..seen], kept, secrets);
    cleaned.char_indices().nth(longest).map_or(cleaned.as_str(), |(end, _)| &cleaned[..end]).to_owned()
}

/// The words of one command or list, cleaned as if they stood in one line, each cut to at most `longest` characters.
pub(crate) fn clean_list(words: &[&str], longest: usize, secrets: &[String]) -> Vec<String> {
    let cut = |word: &&str| word[..word.floor_char_boundary(4 * longest + MARGIN)].to_owned();
    let words: Vec<String> = words.iter().map(cut).collect();
    let line = words.join(" ");
    let places = places(&line, secrets);
    let mut start = 0;
    let clean_word = |word: &String| {
        let own = start..start + word.len();
        start = own.end + 1;
        let inside = places.iter().filter(|place| place.start < own.end && place.end > own.start);
        let moved = inside.map(|place| place.start.max(own.start) - own.start..place.end.min(own.end) - own.start);
        clean_beginning(&masked(word, moved.collect(), word.len()), longest, secrets)
    };
    words.iter().map(clean_word).collect()
}

/// The first `kept` bytes of a text without what of it looks like a secret in the whole text.
fn clean_part(text: &str, kept: usize, secrets: &[String]) -> String {
    masked(text, places(text, secrets), kept)
}

/// Where secrets stand, from the first to the last.
fn places(text: &str, secrets: &[String]) -> Vec<Range<usize>> {
    let mut places = known(text, secrets);
    // A short word: no key is so short, and nothing stands beside it that would say it is a password.
    if text.len() < SHORTEST_KEY
        && !text.contains(|letter: char| letter.is_whitespace() || "=:<>%&\\(".contains(letter))
    {
        return places;
    }
    let looked_for = |text: &str| [rules::find(text), assigned::find(text)].concat();
    places.extend(looked_for(text));
    if let Some(plain) = escapes::plain(text) {
        places.extend(looked_for(&plain.text).into_iter().map(|place| plain.in_the_original(place)));
    }
    places.sort_by_key(|place| place.start);
    places
}

fn masked(text: &str, places: Vec<Range<usize>>, kept: usize) -> String {
    let (mut cleaned, mut end) = (String::with_capacity(kept), 0);
    for place in places.into_iter().take_while(|place| place.start < kept) {
        // What touches is one secret: two rules may each know a part of it.
        if place.start > end || cleaned.is_empty() {
            cleaned.push_str(&text[end..place.start]);
            cleaned.push_str(MASK);
        }
        end = end.max(place.end);
    }
    cleaned.push_str(text.get(end..kept).unwrap_or_default());
    cleaned
}

/// Where the bridge's own secrets stand. A text of some length may end in the middle of one.
fn known(text: &str, secrets: &[String]) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        places.extend(text.match_indices(secret.as_str()).map(|(start, found)| start..start + found.len()));
        let parts = secret.as_bytes().windows(PART).filter_map(|part| std::str::from_utf8(part).ok());
        let found = parts.flat_map(|part| text.match_indices(part));
        places.extend(found.map(|(start, part)| start..start + part.len()));
        let mut beginnings = (TELLING..secret.len()).rev().filter_map(|end| secret.get(..end));
        if text.len() >= CUT
            && let Some(beginning) = beginnings.find(|beginning| text.ends_with(beginning))
        {
            places.push(text.len() - beginning.len()..text.len());
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_at_the_cut_goes_as_a_whole() {
        let token = format!("ghp_{}", "a1B2".repeat(9));
        for before in 80..100 {
            let text = format!("{}{token} and more", " .".repeat(before / 2));
            let kept = clean_beginning(&text, 100, &[]);
            assert!(!kept.contains("gh") && kept.contains('['), "{kept}");
        }
    }

    #[test]
    fn a_long_text_is_cut_without_a_scan_of_all_of_it() {
        let text = "password=hunter2 ".repeat(2_000_000);
        let started = std::time::Instant::now();
        let kept = clean_beginning(&text, 100, &[]);
        assert!(!kept.contains("hunter2") && kept.chars().count() <= 100);
        assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());
    }
}
