//! The page on which the person decides.

use super::{CALLBACK, Public};
use crate::server::Reply;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_text_of_a_client_becomes_markup_and_the_page_is_framed_by_nobody() {
    let bridge = Public::start(&[]).await;
    let name = "<img src=x onerror=alert(1)>\u{202e}evil";
    let body = json!({"client_name": name, "redirect_uris": [CALLBACK, "cursor://x/cb"]});
    let client = Reply::send(bridge.program.http.post(format!("{}/oauth/register", bridge.url)).json(&body)).await.body;
    let client = client["client_id"].as_str().unwrap();
    let page = bridge.ask(client, &[("state", "\"><script>alert(1)</script>")]).await;
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("form-action"), "{policy}");
    assert!(policy.contains("default-src 'none'") && !policy.contains("script-src") && !policy.contains("unsafe"));
    assert_eq!(page.headers()["x-frame-options"], "DENY");
    let text = page.text().await.unwrap();
    assert!(!text.contains("<img") && !text.contains("<script") && text.contains("&lt;img src=x"), "{text}");
    assert!(text.contains("\\u{202e}evil") && text.contains("Anybody can choose that name"), "{text}");
    assert!(text.contains("value=\"careful\" checked"), "nobody gets more by doing nothing");
    let own = bridge.ask(client, &[("redirect_uri", "cursor://x/cb"), ("scope", "trusted read-only")]).await;
    assert!(own.text().await.unwrap().contains("value=\"careful\" checked"), "a client does not choose more");
    let narrow = bridge.ask(client, &[("scope", "read-only")]).await.text().await.unwrap();
    assert!(narrow.contains("value=\"read-only\" checked"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_speaks_french_and_offers_the_persons_own_profiles() {
    let bridge = Public::start(&[]).await;
    let file = "[profile.visiteur]\ninherits = \"read-only\"\n";
    std::fs::write(bridge.program.path("permissions.toml"), file).unwrap();
    let client = bridge.client().await;
    let question = bridge.question(&client).await;
    let fields =
        [("request", question.as_str()), ("decision", "allow"), ("code", "x"), ("profile", "visiteur"), ("agent", "w")];
    let request = bridge.program.http.post(format!("{}/oauth/authorize", bridge.url)).form(&fields);
    let page =
        request.header("accept-language", "de, fr-CA;q=0.9, en;q=0.5").send().await.unwrap().text().await.unwrap();
    assert!(page.contains("lang=\"fr\"") && page.contains("veut se servir de cette machine"), "{page}");
    assert!(page.contains("value=\"visiteur\" checked"), "what was chosen stays chosen: {page}");
    let (access, _) = bridge.tokens(&client, "w", "visiteur").await;
    assert_eq!(bridge.call(&access).await, 200);
}
