//! An agent asks the person for more.

use super::{begun, question, with};
use crate::agents::say;
use serde_json::json;

const ROUTE: &str = "/permissions/request";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_asks_for_more_and_goes_on_meanwhile() {
    let (program, [key]) = with("", &[], ["trusted"]);
    let directory = program.path("");
    say(&directory, &["agent", "set", "of-trusted", "--calls-at-once", "1"]).done();
    let wanted = json!({"what": "push to origin/main", "why": "the release is due: see RELEASE.md"});
    let asks = begun(&program, &key, ROUTE, &wanted);
    let (id, shown) = question(&program).await;
    for said in ["of-trusted", "permissions_request", "push to origin/main", "the release is due", "changes nothing"] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    // What waits has no place among the calls of its agent.
    program.post("/filesystem/list", &key, &json!({"path": "."})).await.ok();
    // A yes to it is for this request alone.
    let kept = say(&directory, &["approve", &id, "--always"]).refused();
    assert!(!kept.is_empty(), "{kept}");
    say(&directory, &["approve", &id]).done();
    assert_eq!(asks.await.unwrap().ok()["answer"], "yes");

    let asks = begun(&program, &key, ROUTE, &wanted);
    let (id, _) = question(&program).await;
    say(&directory, &["deny", &id, "--reason", "On Monday"]).done();
    let refused = asks.await.unwrap();
    assert!(refused.status == 403 && refused.text.contains("On Monday"), "{}", refused.text);
}

#[tokio::test]
async fn a_request_without_words_asks_nobody() {
    let (program, [key]) = with("", &[], ["read-only"]);
    let long = "word ".repeat(401);
    for (what, why, field) in [("", "why not", "what"), ("more", " .\n", "why"), (&*long, "long", "what")] {
        let refused = program.post(ROUTE, &key, &json!({"what": what, "why": why})).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        assert!(refused.text.contains("in words") && refused.text.contains(field), "{}", refused.text);
    }
    assert!(say(&program.path(""), &["approve"]).done().contains("Nothing waits"));
}
