//! How much may wait.

use super::{Chosen, Error, Exact, Question, call, house};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_flood_of_one_agent_is_bounded_and_answered_at_once_without_another_s() {
    let house = house();
    for number in 0..20 {
        assert!(house.at_once(call("a", number)).is_none());
    }
    assert!(house.at_once(call("a", 3)).is_none(), "the same once more is no other question");
    let flood = house.at_once(call("a", 20)).unwrap().unwrap_err();
    assert!(matches!(&flood, Error::TooMany { message, .. } if message.contains("20 questions of a")), "{flood}");
    let other = house.begin(call("b", 1), None);
    house.ids(21).await;
    assert_eq!(house.approvals.deny(&Chosen::AllOf("a".to_owned()), None).unwrap().len(), 20);
    assert!(!other.is_finished());
    assert!(matches!(house.approvals.deny(&Chosen::AllOf("a".to_owned()), None), Err(Error::NotFound(_))));
}

#[tokio::test(start_paused = true)]
async fn long_arguments_are_cut_with_a_mark_and_lists_of_thousands_too() {
    let house = house();
    let question = Question {
        arguments: json!({"content": "x".repeat(20 << 20), "list": vec!["y"; 100_000]}),
        diff: Some("z".repeat(1 << 20)),
        ..call("a", 1)
    };
    assert!(house.at_once(question).is_none());
    let (_, waiting) = house.approvals.waiting();
    let left_out = waiting[0].question.left_out;
    assert!(left_out > (20 << 20) && left_out < (22 << 20), "{left_out}");
    let shown = waiting[0].question.arguments.to_string();
    assert!(
        shown.len() < 70_000
            && shown.contains("bytes left out; `mcp-server question ID` shows all")
            && shown.contains("more left out"),
        "{}",
        shown.len()
    );
    assert!(waiting[0].question.diff.as_ref().unwrap().len() < 70_000);
}

#[tokio::test(start_paused = true)]
async fn all_of_a_question_is_there_for_the_person_and_not_in_the_list() {
    let house = house();
    let (secret, diff) = ("x".repeat(100_000) + "hunter2", "z".repeat(1 << 20));
    let exact = Exact { arguments: json!({"content": secret}).to_string().into(), ..Exact::default() };
    let question = Question {
        arguments: json!({"content": "[removed]"}),
        is_masked: true,
        diff: Some(diff.clone()),
        exact,
        ..call("a", 1)
    };
    assert!(house.at_once(question).is_none());
    let (_, waiting) = house.approvals.waiting();
    assert!(waiting[0].question.is_masked && !format!("{:?}", waiting[0].question).contains("hunter2"));
    let whole = house.approvals.exactly(&waiting[0].id).unwrap().question;
    assert_eq!((&whole.arguments["content"], whole.diff.as_ref()), (&json!(secret), Some(&diff)));
    assert!(!whole.is_masked && whole.left_out == 0);
    let Err(gone) = house.approvals.exactly("apr_x") else { panic!("there is none") };
    assert!(gone.to_string().contains("there was none"), "{gone}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_could_see_whole_is_refused_and_the_sum_is_bounded() {
    let house = house();
    let long = |number, mib: usize| {
        let exact = Exact { arguments: "x".repeat(mib << 20).into(), ..Exact::default() };
        Question { exact, ..call("a", number) }
    };
    let refused = house.at_once(long(1, 33)).unwrap().unwrap_err();
    assert!(refused.to_string().contains("more than 32 MiB"), "{refused}");
    assert!(house.at_once(long(2, 20)).is_none());
    let full = house.at_once(long(3, 20)).unwrap().unwrap_err();
    assert!(matches!(&full, Error::TooMany { message, .. } if message.contains("so long")), "{full}");
    assert!(house.at_once(call("b", 4)).is_none() && house.at_once(call("a", 5)).is_none());
}
