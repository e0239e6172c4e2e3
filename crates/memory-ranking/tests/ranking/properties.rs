//! What holds for any entries and questions.

use super::{empty, remembered};
use memory_ranking::{Document, Positions};
use proptest::prelude::*;
use std::num::NonZero;

/// Texts of a few words that often meet.
fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(
        "(ana: |ben: )?([a-d]{1,2}|été|chevaux|swimming|pet|dog)( [a-c]{1,2}| dogs| cheval| été| \\?){0,6}",
        1..40,
    )
}

/// Entries of one conversation.
fn documents(contents: &[String]) -> Vec<(u32, Document<'_>)> {
    let entry = |content| Document { content, follows_untagged: true, ..Document::default() };
    (0..).zip(contents.iter().map(String::as_str).map(entry)).collect()
}

proptest! {
    #[test]
    fn what_was_removed_leaves_nothing_behind(contents in texts(), question in "[a-d ]{1,8}", removed in any::<u64>()) {
        let documents = documents(&contents);
        let (mut index, mut other, mut left) = (empty(), empty(), Positions::default());
        let goes = |position: u32| removed >> (position % 64) & 1 == 1;
        for (position, document) in &documents {
            index.add(*position, document);
        }
        for (position, document) in &documents {
            if goes(*position) {
                index.remove(*position, document);
            } else {
                left.insert(*position);
                other.add(*position, document);
            }
        }
        prop_assert_eq!(index.rank(&question, &left, None, 100), other.rank(&question, &left, None, 100));
    }

    #[test]
    fn many_at_once_are_the_same_as_one_by_one(contents in texts(), question in "[a-d ]{1,8}", threads in 1..5_usize) {
        let documents = documents(&contents);
        let (mut one_by_one, mut at_once, mut all) = (empty(), empty(), Positions::default());
        for (position, document) in &documents {
            one_by_one.add(*position, document);
            all.insert(*position);
        }
        at_once.add_all(&documents, NonZero::new(threads).unwrap());
        prop_assert_eq!(one_by_one.rank(&question, &all, None, 100), at_once.rank(&question, &all, None, 100));
    }

    #[test]
    fn a_score_is_the_sum_of_its_parts_and_of_asked_entries_only(contents in texts(), question in "[a-d ]{1,8}", asked in any::<u64>()) {
        let (index, _) = remembered(contents.iter().map(String::as_str));
        let mut among = Positions::default();
        (0..64).filter(|bit| asked >> bit & 1 == 1).for_each(|position| among.insert(position));
        for ranked in index.rank(&question, &among, None, 100) {
            prop_assert!(among.contains(ranked.position));
            let parts = ranked.parts;
            let sum = parts.english + parts.french + parts.letters + parts.phrases + parts.neighbours + parts.speaker;
            prop_assert!((ranked.score - sum).abs() < 1e-4, "{ranked:?}");
        }
    }

    #[test]
    fn no_text_is_too_odd(content in any::<String>(), question in any::<String>()) {
        let (mut index, all) = remembered([content.as_str()]);
        prop_assert!(index.rank(&question, &all, None, 10).len() <= 1);
        index.remove(0, &Document { content: &content, ..Document::default() });
        prop_assert!(index.rank(&question, &Positions::default(), None, 10).is_empty());
    }
}
