//! Answers that hold for calls to come, and calls that the person stops.

use super::{Chosen, MINUTE, Scope, call, house, of_kind};
use tokio_util::sync::CancellationToken;

#[tokio::test(start_paused = true)]
async fn an_answer_that_holds_is_listed_until_it_is_taken_back() {
    let house = house();
    let push = |number| of_kind(call("a", number), &["git push *"]);
    assert!(house.at_once(push(1)).is_none() && house.at_once(call("b", 2)).is_none());
    let ids = house.ids(2).await;
    let answered = house.approvals.approve(&Chosen::One(ids[0].clone()), Scope::Hour).unwrap();
    let holds = answered[0].holds.clone().unwrap();
    assert!(holds.id.starts_with("ans_") && holds.calls == "pushes" && holds.until.is_some(), "{holds:?}");
    house.approvals.deny(&Chosen::One(ids[1].clone()), None).unwrap();
    let answers = house.approvals.answers();
    let said: Vec<_> = answers.iter().map(|it| (it.agent.as_str(), it.answer.as_str())).collect();
    assert_eq!(said, [("a", "approved for an hour"), ("b", "denied")]);
    assert!(house.passes(push(3)) && answers[1].calls.starts_with("this very call: "));

    assert_eq!(house.approvals.revoke(&holds.id).unwrap().len(), 1);
    assert!(!house.passes(push(4)) && !house.passes(push(1)), "nothing of it is left");
    assert!(house.approvals.revoke(&holds.id).is_err() && house.approvals.revoke_all("nobody").is_err());
    assert_eq!(house.approvals.revoke_all("b").unwrap().len(), 1);
    assert!(house.at_once(call("b", 2)).is_none(), "it is asked about anew");
    assert!(house.approvals.answers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_question_ends_with_the_call_that_the_person_stops_unless_another_waits_for_it() {
    let house = house();
    let stop = CancellationToken::new();
    let (approvals, stopped) = (house.approvals.clone(), stop.clone());
    let first = tokio::spawn(async move { approvals.ask(call("a", 1), None, &stopped).await.map(drop) });
    house.ids(1).await;
    let second = house.begin(call("a", 1), None);
    while house.approvals.waiting().1[0].calls < 2 {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    first.abort();
    first.await.unwrap_err();
    let id = house.ids(1).await.remove(0);
    house.approvals.approve(&Chosen::One(id), Scope::Once).unwrap();
    second.await.unwrap().unwrap();

    let (approvals, stopped) = (house.approvals.clone(), stop.clone());
    let alone = tokio::spawn(async move { approvals.ask(call("a", 2), None, &stopped).await.map(drop) });
    let id = house.ids(1).await.remove(0);
    alone.abort();
    alone.await.unwrap_err();
    assert!(house.approvals.waiting().1.is_empty());
    let late = house.approvals.approve(&Chosen::One(id), Scope::Once).unwrap_err();
    assert!(late.to_string().contains("its call was stopped"), "{late}");

    house.ask(call("a", 3)).await.unwrap_err();
    house.ask(call("b", 4)).await.unwrap_err();
    house.approvals.withdraw_all(Some("a"));
    assert_eq!(house.approvals.waiting().1.len(), 1, "what nobody waits for ends, too, of that agent alone");
    tokio::time::advance(MINUTE).await;
    house.approvals.withdraw_all(None);
    assert!(house.approvals.waiting().1.is_empty());
}
