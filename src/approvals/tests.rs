//! What waits, and what an answer opens.

mod bounds;
mod standing;

use super::{Approvals, Chosen, Kind, Question, Scope, Yes, question::Exact};
use crate::{
    agents::{Agents, Effect, Record},
    error::{Error, Result},
};
use serde_json::json;
use std::{
    future::Future,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

const MINUTE: Duration = Duration::from_secs(60);
const WAIT: Option<Duration> = Some(MINUTE);

/// Two agents and a person.
struct House {
    approvals: Arc<Approvals>,
    agents: Arc<Agents>,
    /// How often something was kept.
    kept: Arc<AtomicUsize>,
    _folder: tempfile::TempDir,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let agents = Arc::new(Agents::open(folder.path()).unwrap());
    for name in ["a", "b"] {
        agents.add(Record { name: name.to_owned(), ..Record::default() }).unwrap();
    }
    let kept = Arc::new(AtomicUsize::new(0));
    let count = kept.clone();
    let keep = Box::new(move |agent: &str, kind: &Kind| {
        if kind.in_words == "full" {
            return Err(Error::Full("The disk is full".to_owned()));
        }
        count.fetch_add(1, Ordering::Relaxed);
        Ok(format!("{agent}: {}", kind.rules.join(", ")))
    });
    House { approvals: Arc::new(Approvals::new(agents.clone(), keep)), agents, kept, _folder: folder }
}

/// The call of an agent that is told from others by a number.
fn call(agent: &str, number: u8) -> Question {
    Question {
        agent: agent.to_owned(),
        client: None,
        session: None,
        tool: "terminal_execute",
        arguments: json!({"command": format!("git push {number}")}),
        is_masked: false,
        left_out: 0,
        exact: Exact::default(),
        why: "The person is asked before `git push` runs".to_owned(),
        rule: None,
        reading: None,
        diff: None,
        digest: [number; 32],
        kind: None,
    }
}

fn of_kind(question: Question, rules: &[&str]) -> Question {
    let rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
    let (folder, asked_by, in_words) = (None, String::new(), "pushes".to_owned());
    let kind = Kind { rules, folder, asked_by, list: "commands.allow", can_be_kept: true, in_words };
    Question { kind: Some(kind), ..question }
}

fn in_session(question: Question, session: &str) -> Question {
    Question { session: Some(session.to_owned()), ..question }
}

impl House {
    /// Makes a call that goes on waiting.
    fn begin(&self, question: Question, wait: Option<Duration>) -> tokio::task::JoinHandle<Result<()>> {
        let approvals = self.approvals.clone();
        tokio::spawn(async move { approvals.ask(question, wait, &CancellationToken::new()).await.map(drop) })
    }

    /// What a call comes to that waits for a minute.
    async fn ask(&self, question: Question) -> Result<Yes> {
        self.approvals.ask(question, WAIT, &CancellationToken::new()).await
    }

    /// What a call comes to that nobody waits for.
    fn at_once(&self, question: Question) -> Option<Result<()>> {
        let stop = CancellationToken::new();
        match pin!(self.approvals.ask(question, None, &stop)).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(result) => Some(result.map(drop)),
            Poll::Pending => None,
        }
    }

    /// The ids of what waits, once there are so many.
    async fn ids(&self, number: usize) -> Vec<String> {
        loop {
            let (version, waiting) = self.approvals.waiting();
            if waiting.len() == number {
                return waiting.into_iter().map(|it| it.id).collect();
            }
            self.approvals.changed(version, MINUTE).await;
        }
    }

    async fn one(&self) -> Chosen {
        Chosen::One(self.ids(1).await.remove(0))
    }

    fn passes(&self, question: Question) -> bool {
        matches!(self.at_once(question), Some(Ok(())))
    }
}

fn refusal(result: Result<()>) -> String {
    match result.unwrap_err().into_kind() {
        Error::Refused(said) => said,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_yes_lets_the_call_that_waits_pass_and_no_other() {
    let house = house();
    let waiting = house.begin(call("a", 1), None);
    let answered = house.approvals.approve(&house.one().await, Scope::Once).unwrap();
    assert_eq!((answered[0].answer.as_str(), answered[0].waiting), ("approved once", 1));
    waiting.await.unwrap().unwrap();
    assert!(!house.passes(call("a", 1)), "a yes counts once");
}

#[tokio::test(start_paused = true)]
async fn a_no_is_told_with_its_reason_without_what_steers_terminals() {
    let house = house();
    let waiting = house.begin(call("a", 1), WAIT);
    house.approvals.deny(&house.one().await, Some(" not\n on\u{1b}[31m a Friday\u{202e} ")).unwrap();
    assert_eq!(
        refusal(waiting.await.unwrap()),
        "The person was asked and said no: not  on\\u{1b}[31m a Friday\\u{202e}"
    );
    let waiting = house.begin(call("a", 1), WAIT);
    house.approvals.deny(&house.one().await, Some("x".repeat(9999).as_str())).unwrap();
    assert!(refusal(waiting.await.unwrap()).len() < 600);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_gave_up_passes_once_within_ten_minutes_of_a_later_yes() {
    let house = house();
    let asked = house.ask(call("a", 1)).await.unwrap_err();
    let Error::Asked { approval, message } = &asked else { panic!("{asked:?}") };
    assert_eq!(
        (approval.status, approval.agent.as_str(), approval.tool.as_str()),
        ("pending", "a", "terminal_execute")
    );
    assert!(message.contains(&approval.id) && asked.hint().unwrap().contains("10 minutes"), "{message}");
    tokio::time::advance(9 * MINUTE).await;
    let answered = house.approvals.approve(&Chosen::One(approval.id.clone()), Scope::Once).unwrap();
    assert_eq!(answered[0].waiting, 0);
    tokio::time::advance(9 * MINUTE).await;
    assert!(!house.passes(call("b", 1)), "another agent's is another call");
    assert!(!house.passes(call("a", 2)));
    assert!(house.passes(call("a", 1)));
    assert!(!house.passes(call("a", 1)), "it is used up");
}

#[tokio::test(start_paused = true)]
async fn a_question_and_a_yes_are_forgotten_after_their_ten_minutes() {
    let house = house();
    house.ask(call("a", 1)).await.unwrap_err();
    let one = house.one().await;
    house.approvals.approve(&one, Scope::Once).unwrap();
    tokio::time::advance(10 * MINUTE).await;
    assert!(!house.passes(call("a", 1)), "the yes is too old");
    tokio::time::advance(10 * MINUTE).await;
    let late = house.approvals.approve(&one, Scope::Once).unwrap_err().to_string();
    assert!(late.contains("it was answered: approved once"), "{late}");
    assert!(house.approvals.waiting().1.is_empty(), "what nobody waits for ends");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_its_question_behind_for_ten_minutes() {
    let house = house();
    let waiting = house.begin(call("a", 1), None);
    let Chosen::One(id) = house.one().await else { unreachable!() };
    tokio::time::advance(60 * MINUTE).await;
    assert!(house.approvals.waiting().1[0].until.is_none(), "it waits as long as the call");
    waiting.abort();
    waiting.await.unwrap_err();
    let (_, left) = house.approvals.waiting();
    assert!(left[0].calls == 0 && left[0].until.is_some());
    tokio::time::advance(10 * MINUTE).await;
    let late = house.approvals.deny(&Chosen::One(id), None).unwrap_err().to_string();
    assert!(late.contains("nobody answered it in time"), "{late}");
}

#[tokio::test(start_paused = true)]
async fn who_asks_the_same_again_waits_for_the_same_answer() {
    let house = house();
    house.ask(call("a", 1)).await.unwrap_err();
    let again = [house.begin(call("a", 1), None), house.begin(call("a", 1), None)];
    while house.approvals.waiting().1[0].calls < 2 {
        tokio::task::yield_now().await;
    }
    house.approvals.approve(&house.one().await, Scope::Once).unwrap();
    for call in again {
        call.await.unwrap().unwrap();
    }
    assert!(!house.passes(call("a", 1)), "one yes for each that waited");
}

#[tokio::test(start_paused = true)]
async fn a_no_that_nobody_waited_for_is_told_to_who_comes_back() {
    let house = house();
    house.ask(call("a", 1)).await.unwrap_err();
    house.approvals.deny(&house.one().await, Some("no")).unwrap();
    assert!(refusal(house.at_once(call("a", 1)).unwrap()).ends_with("said no: no"));
    assert!(house.at_once(call("a", 1)).is_none(), "then it may be asked anew");
}

#[tokio::test(start_paused = true)]
async fn the_first_of_two_persons_wins_and_the_other_is_told_how() {
    let house = house();
    let waiting = house.begin(call("a", 1), None);
    let one = house.one().await;
    house.approvals.deny(&one, None).unwrap();
    let late = house.approvals.approve(&one, Scope::Hour).unwrap_err();
    assert!(matches!(&late, Error::NotFound(said) if said.ends_with("waits: it was answered: denied")), "{late}");
    assert!(waiting.await.unwrap().is_err());
    assert!(!house.passes(call("a", 1)), "what came too late opens nothing");
    let none = house.approvals.approve(&Chosen::One("apr_x".to_owned()), Scope::Once).unwrap_err();
    assert!(none.to_string().contains("there was none"), "{none}");
}

#[tokio::test(start_paused = true)]
async fn an_hour_is_for_the_kind_of_one_agent_and_ends() {
    let house = house();
    let push = |agent, number| of_kind(call(agent, number), &["git push *"]);
    let both = [house.begin(push("a", 1), None), house.begin(push("a", 2), None)];
    let ids = house.ids(2).await;
    let answered = house.approvals.approve(&Chosen::One(ids[0].clone()), Scope::Hour).unwrap();
    assert_eq!(answered.len(), 2, "who waits for the same yes has it");
    for call in both {
        call.await.unwrap().unwrap();
    }
    assert!(house.passes(push("a", 3)) && house.passes(in_session(push("a", 4), "s")));
    assert!(!house.passes(push("b", 3)), "not the other agent's");
    assert!(!house.passes(of_kind(call("a", 5), &["git push *", "rm *"])), "not what does more");
    assert!(!house.passes(of_kind(call("a", 6), &[])), "not what says nothing");
    assert!(!house.passes(call("a", 7)), "not what is of no kind");
    tokio::time::advance(60 * MINUTE).await;
    assert!(!house.passes(push("a", 8)));
}

#[tokio::test(start_paused = true)]
async fn a_session_is_that_of_the_question_and_without_one_twelve_hours_of_none() {
    let house = house();
    let push = |number| of_kind(call("a", number), &["git push *"]);
    let waiting = house.begin(in_session(push(1), "s"), None);
    house.approvals.approve(&house.one().await, Scope::Session).unwrap();
    waiting.await.unwrap().unwrap();
    tokio::time::advance(24 * 60 * MINUTE).await;
    assert!(house.passes(in_session(push(2), "s")));
    assert!(house.at_once(in_session(push(3), "t")).is_none());
    house.approvals.deny(&house.one().await, None).unwrap();

    house.ask(push(4)).await.unwrap_err();
    house.approvals.approve(&house.one().await, Scope::Session).unwrap();
    tokio::time::advance(11 * 60 * MINUTE).await;
    assert!(house.passes(push(5)));
    tokio::time::advance(60 * MINUTE).await;
    assert!(!house.passes(push(5)));
}

#[tokio::test(start_paused = true)]
async fn without_a_kind_an_hour_is_for_the_same_call_alone() {
    let house = house();
    let waiting = house.begin(call("a", 1), None);
    house.approvals.approve(&house.one().await, Scope::Hour).unwrap();
    waiting.await.unwrap().unwrap();
    assert!(house.passes(call("a", 1)) && house.passes(call("a", 1)));
    assert!(!house.passes(call("a", 2)));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_written_is_not_approved_and_still_waits() {
    let house = house();
    let mut push = of_kind(call("a", 1), &["git push *"]);
    push.kind.as_mut().unwrap().in_words = "full".to_owned();
    let waiting = house.begin(push.clone(), None);
    let one = house.one().await;
    let failed = house.approvals.approve(&one, Scope::Always).unwrap_err();
    assert!(matches!(failed, Error::Full(_)), "{failed}");
    assert!(!waiting.is_finished() && !house.passes(of_kind(call("a", 2), &["git push *"])));
    house.approvals.deny(&one, None).unwrap();
    waiting.await.unwrap().unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn for_good_is_written_once_and_only_where_nothing_can_hide_behind_it() {
    let house = house();
    let push = |number| of_kind(call("a", number), &["git push *"]);
    let both = [house.begin(push(1), None), house.begin(push(2), None)];
    house.ids(2).await;
    let answered = house.approvals.approve(&Chosen::AllOf("a".to_owned()), Scope::Always).unwrap();
    assert_eq!((answered.len(), house.kept.load(Ordering::Relaxed)), (2, 1));
    assert_eq!(answered[0].kept.as_deref(), Some("a: git push *"));
    for call in both {
        call.await.unwrap().unwrap();
    }
    assert!(!house.passes(push(3)), "the file says it from now on, and nothing else does");

    let mut hidden = push(4);
    hidden.kind.as_mut().unwrap().can_be_kept = false;
    let all = Chosen::AllOf("a".to_owned());
    let others = [house.begin(push(3), None), house.begin(hidden, None), house.begin(call("a", 5), None)];
    house.ids(3).await;
    let refused = house.approvals.approve(&all, Scope::Always).unwrap_err();
    assert!(matches!(&refused, Error::Unusable(said) if said.contains("cannot be approved for good")), "{refused}");
    assert_eq!(house.kept.load(Ordering::Relaxed), 1, "nothing is written of what cannot be done whole");
    assert!(others.iter().all(|call| !call.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn those_alike_are_answered_together() {
    let house = house();
    let kinds = [("a", 1, "git push *"), ("a", 2, "git push *"), ("a", 3, "rm *"), ("b", 4, "git push *")];
    for (agent, number, rule) in kinds {
        assert!(house.at_once(of_kind(call(agent, number), &[rule])).is_none());
    }
    let ids = house.ids(4).await;
    let answered = house.approvals.approve(&Chosen::Alike(ids[0].clone()), Scope::Once).unwrap();
    assert_eq!(answered.iter().map(|it| &it.id).collect::<Vec<_>>(), [&ids[0], &ids[1]]);
    assert!(house.passes(of_kind(call("a", 2), &["git push *"])));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_key_takes_questions_and_answers_with_it_and_another_key_does_not() {
    let house = house();
    let hour = house.begin(call("a", 1), None);
    house.approvals.approve(&house.one().await, Scope::Hour).unwrap();
    hour.await.unwrap().unwrap();
    house.agents.rotate("a").unwrap();
    assert!(house.passes(call("a", 1)), "another key is the same agent");
    let waiting = house.begin(call("a", 2), None);
    let one = house.one().await;
    house.agents.edit("a", Effect::Takes, |record| record.revoked = Some("now".to_owned())).unwrap();
    assert!(refusal(waiting.await.unwrap()).contains("revoked"));
    let late = house.approvals.approve(&one, Scope::Once).unwrap_err().to_string();
    assert!(late.contains("revoked"), "{late}");
    house.agents.rotate("a").unwrap();
    assert!(!house.passes(call("a", 1)) && !house.passes(call("a", 2)), "nothing of before comes back");
}

#[tokio::test(start_paused = true)]
async fn a_pause_leaves_what_waits_and_an_ended_key_passes_by_no_yes() {
    let house = house();
    let waiting = house.begin(call("a", 1), None);
    let one = house.one().await;
    house.agents.edit("a", Effect::Takes, |record| record.paused = true).unwrap();
    house.approvals.approve(&one, Scope::Once).unwrap();
    waiting.await.unwrap().unwrap();
    let waiting = house.begin(call("b", 1), None);
    let one = house.one().await;
    house.agents.edit("b", Effect::Takes, |record| record.expires = Some(1)).unwrap();
    house.approvals.approve(&one, Scope::Once).unwrap();
    assert!(refusal(waiting.await.unwrap()).contains("has ended"));
}
