//! Questions with known answers: `questions.txt`, which people can extend.

use super::{positions, remembered};
use memory_ranking::Positions;

#[test]
fn each_question_finds_its_answer_first() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/ranking/questions.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let (mut entries, mut asked, mut wrong) = (Vec::new(), 0, Vec::new());
    for line in lines {
        match line.split_at_checked(2) {
            Some(("- ", entry)) => entries.push(entry),
            Some(("? ", question)) => {
                let (question, answer) = question.split_once(" => ").expect("a question says its answer");
                asked += 1;
                let (index, all) = remembered(entries.iter().copied());
                let best = index.rank(question, &all, None, 1);
                let found = best.first().map_or("nothing", |best| entries[best.position as usize]);
                if !found.starts_with(answer) {
                    wrong.push(format!("{question:?} finds {found:?}"));
                }
            }
            _ => entries.clear(),
        }
    }
    assert!(asked > 20, "the questions are there");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_question_without_a_word_of_meaning_finds_the_latest() {
    let (index, all) = remembered(["older", "newer"]);
    for question in ["", "what is it?", "qu'est-ce que c'est ?", "🤷"] {
        let found = index.rank(question, &all, None, 10);
        assert_eq!(positions(&found), [1, 0], "{question:?}");
        assert!(found.iter().all(|ranked| ranked.score == 0.0));
    }
}

#[test]
fn equal_answers_come_latest_first_and_no_more_than_asked() {
    let (index, all) = remembered(["brown horse", "brown horse", "brown horse", "horse"]);
    assert_eq!(positions(&index.rank("brown horse", &all, None, 10)), [2, 1, 0, 3]);
    assert_eq!(positions(&index.rank("brown horse", &all, None, 2)), [2, 1]);
    assert!(index.rank("brown horse", &all, None, 0).is_empty());
}

#[test]
fn rarity_is_that_of_the_entries_asked() {
    let mut contents = vec!["apple pie"; 6];
    contents.extend(["apple", "pie", "pie", "pie"]);
    let (index, _) = remembered(contents);
    let mut asked = Positions::default();
    (6..10).for_each(|position| asked.insert(position));
    // Among all, "apple" and "pie" are as common as each other, and the later one would win.
    assert_eq!(index.rank("apple pie", &asked, None, 1)[0].position, 6);
}

#[test]
fn a_like_meaning_finds_what_shares_no_word() {
    let (index, all) = remembered(["the sea is calm", "an unrelated sentence"]);
    let found = index.rank("ocean waves", &all, Some(&[0.8, 0.1]), 2);
    assert_eq!(found[0].position, 0);
    assert!(found[0].parts.meaning > found[1].parts.meaning);
}
