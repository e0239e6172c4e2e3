//! What was said just before and after.

use super::{empty, positions};
use chrono::{NaiveDate, NaiveDateTime};
use memory_ranking::{Document, Positions};

/// A moment of one day.
fn at(hour: u32, minute: u32) -> Option<NaiveDateTime> {
    NaiveDate::from_ymd_opt(2026, 3, 1)?.and_hms_opt(hour, minute, 0)
}

#[test]
fn neighbours_share_a_tag_and_the_source_and_the_hour() {
    let [t, u] = ["t", "u"].map(|tag| [tag.to_owned()]);
    let entry = |content, tags, source, moment| Document { content, tags, source, moment, follows_untagged: false };
    let entries = [
        entry("zeppelin", &t[..], "s", at(10, 0)),
        entry("close by", &t, "s", at(10, 30)),
        entry("of another source", &t, "x", at(10, 31)),
        entry("under another tag", &u, "s", at(10, 32)),
        entry("much later", &t, "s", at(15, 0)),
    ];
    let (mut index, mut all) = (empty(), Positions::default());
    for (position, entry) in (0..).zip(&entries) {
        index.add(position, entry);
        all.insert(position);
    }
    let found = index.rank("zeppelin", &all, None, 10);
    assert_eq!(positions(&found), [0, 1]);
    assert!(found[1].parts.neighbours > 0.0 && found[1].parts.english == 0.0, "{found:?}");
    index.remove(1, &entries[1]);
    all.remove(1);
    assert_eq!(positions(&index.rank("zeppelin", &all, None, 10)), [0]);
}

#[test]
fn entries_without_a_tag_follow_one_another_only_where_they_say_so() {
    for follows_untagged in [true, false] {
        let (mut index, mut all) = (empty(), Positions::default());
        for (position, content) in (0..).zip(["balloon", "said behind it"]) {
            index.add(position, &Document { content, moment: at(9, 0), follows_untagged, ..Document::default() });
            all.insert(position);
        }
        assert_eq!(index.rank("balloon", &all, None, 10).len(), 1 + usize::from(follows_untagged));
    }
}

#[test]
fn the_month_and_the_weekday_of_an_entry_are_words_of_it() {
    let (mut index, mut all) = (empty(), Positions::default());
    for (position, month) in (0..).zip([5, 6, 7]) {
        let moment = NaiveDate::from_ymd_opt(2026, month, 1).and_then(|day| day.and_hms_opt(0, 0, 0));
        index.add(position, &Document { content: "a walk", moment, ..Document::default() });
        all.insert(position);
    }
    for (question, expected) in [("the walk in June", 1), ("la promenade de juillet", 2), ("on a Friday", 0)] {
        assert_eq!(index.rank(question, &all, None, 1)[0].position, expected, "{question}");
    }
}
