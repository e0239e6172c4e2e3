//! Where a key may stand in a request, and how many.

use crate::{
    program::Program,
    server::{KEY, Pipe, Reply, Server, nothing},
};
use serde_json::json;

#[tokio::test]
async fn each_wrong_key_of_a_request_counts() {
    let server = Server::start().await;
    let guess = |first: u8| {
        let request = server.request("/internet/search").query(&[("auth", format!("guess-{first}-1"))]);
        let request = request.query(&[("auth", format!("guess-{first}-2"))]).bearer_auth(format!("guess-{first}-3"));
        request.json(&json!({"auth": format!("guess-{first}-4")})).pipe(Reply::send)
    };
    assert_eq!([guess(1).await.status, guess(2).await.status, guess(3).await.status], [403, 403, 429]);
    assert_eq!(server.post("/internet/search", json!({"query": "x"})).await.status, 501, "the right one is let in");
}

#[tokio::test]
async fn a_request_with_more_than_four_keys_is_refused_whether_one_is_right_or_not() {
    let server = Server::start().await;
    for path in ["/terminal/info", "/filesystem/upload", "/filesystem/download", "/terminal/proc_1/ws", "/mcp"] {
        let mut answers = Vec::new();
        for last in [KEY, "wrong"] {
            let mut request = match path {
                "/terminal/proc_1/ws" | "/filesystem/download" => server.http.get(format!("{}{path}", server.url)),
                _ => server.request(path).json(&nothing()),
            };
            for number in 0..600 {
                // As many as fit into the head that a server takes.
                request = match path {
                    "/mcp" if number < 20 => request.header("x-api-key", number.to_string()),
                    _ if number < 20 => request.header("authorization", number.to_string()),
                    _ => request.query(&[("auth", number.to_string())]),
                };
            }
            let reply = request.bearer_auth(last).pipe(Reply::send).await;
            assert!(reply.status == 400 && reply.detail().contains("API keys"), "{path}: {reply:?}");
            answers.push(reply.text);
        }
        assert_eq!(answers[0], answers[1], "{path} tells whether a key is right");
    }
    let body_too =
        server.request("/terminal/info").query(&[("auth", "1"), ("auth", "2"), ("auth", "3"), ("auth", "4")]);
    assert_eq!(body_too.json(&json!({"auth": KEY})).pipe(Reply::send).await.status, 400);
    let fourth = server.request("/terminal/info").query(&[("auth", "1"), ("auth", "2"), ("auth", "3")]);
    assert_eq!(fourth.json(&json!({"auth": KEY})).pipe(Reply::send).await.status, 200);
}

#[tokio::test]
async fn a_key_in_the_address_still_opens_and_the_answer_and_the_log_say_that_it_should_not() {
    let mut server = Program::start(&[]);
    let post = |path: &str| server.http.post(format!("{}{path}", server.url)).json(&nothing());
    for _ in 0..3 {
        let reply = post("/terminal/info").query(&[("auth", KEY)]).pipe(Reply::send).await;
        let since = reply.headers["deprecation"].to_str().unwrap().strip_prefix('@').unwrap();
        assert!(reply.status == 200 && since.parse::<u64>().is_ok(), "{reply:?}");
    }
    let by_header = post("/terminal/info").bearer_auth(KEY).pipe(Reply::send).await;
    assert!(!by_header.headers.contains_key("deprecation"));
    // What is logged is written behind the answers, at last when it ends.
    server.terminate();
    server.wait();
    let log = server.stderr();
    assert_eq!(log.matches("has an API key in its address").count(), 1, "once a minute: {log}");
    assert!(!log.contains(KEY), "{log}");
}

#[tokio::test]
async fn a_key_in_a_path_stays_out_of_the_log_however_it_is_encoded() {
    let mut server = Program::start(&[]);
    let encoded: String = KEY.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let twice = encoded.replace('%', "%25");
    let first = format!("%74{}", &KEY[1..]);
    for spelled in [KEY, &encoded, &twice, &first] {
        for path in [format!("/{spelled}"), format!("/terminal/{spelled}/ws"), format!("/mcp/{spelled}%0Ax")] {
            let referer = format!("{}/{spelled}", server.url);
            let request = server.http.get(format!("{}{path}", server.url)).header("referer", referer);
            request.pipe(Reply::send).await;
        }
    }
    // What is logged is written behind the answers, at last when it ends.
    server.terminate();
    server.wait();
    let log = server.stderr();
    assert_eq!(log.matches("GET /").count(), 12, "{log}");
    assert_eq!(log.matches("[removed]").count(), 12, "{log}");
    for spelled in [KEY, &encoded, &twice, &first] {
        assert!(!log.contains(spelled), "{spelled} is in {log}");
    }
}
